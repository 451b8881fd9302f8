"""Kaldi's MFCC written out, for the cepstra on the device and those in training to be held against."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def written_out(frame: NDArray[np.float64]) -> list[float]:
    """Compute one frame with loops, from the formulas of HTK's book and Kaldi's options."""
    length, size = 400, 512
    frame = frame - frame.mean()
    emphasised = [frame[0] * 0.03, *(frame[i] - 0.97 * frame[i - 1] for i in range(1, length))]
    povey = [(0.5 - 0.5 * math.cos(2 * math.pi * i / (length - 1))) ** 0.85 for i in range(length)]
    windowed = np.array(emphasised) * povey
    angles = -2j * np.pi * np.outer(np.arange(size // 2), np.arange(length)) / size
    power = np.abs(np.exp(angles) @ windowed) ** 2
    low, high = (1127 * math.log(1 + hertz / 700) for hertz in (20.0, 7600.0))
    width = (high - low) / 41
    energies = []
    for band in range(40):
        left, centre, right = (low + (band + k) * width for k in range(3))
        energy = 0.0
        for place, strength in enumerate(power):
            at = 1127 * math.log(1 + place * 16000 / size / 700)
            if left < at <= centre:
                energy += strength * (at - left) / (centre - left)
            elif centre < at < right:
                energy += strength * (right - at) / (right - centre)
        energies.append(math.log(energy))
    cepstra = []
    for order in range(40):
        scale = math.sqrt((1 if order == 0 else 2) / 40)
        total = sum(energy * math.cos(math.pi / 40 * order * (band + 0.5)) for band, energy in enumerate(energies))
        cepstra.append(scale * total * (1 + 11 * math.sin(math.pi * order / 22)))
    return cepstra
