"""Change a signal's sampling rate with one pair of Fourier transforms.

The whole signal is transformed at once, so the filter is ideal and the signal
counts as periodic: pad it where its two ends differ.
"""

from __future__ import annotations

from math import gcd

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
"""The one rate that the model hears."""


def resample(signal: NDArray[np.float32], up: int, down: int) -> NDArray[np.float32]:
    """Return `signal` with `up / down` times as many samples, rounded up.

    Played back at the old rate, `up < down` is faster and higher.
    """
    divisor = gcd(up, down)
    up, down = up // divisor, down // divisor
    if up == down or not len(signal):
        return signal
    blocks = smooth_length(-(-len(signal) // down))
    spectrum = np.fft.rfft(signal, blocks * down)
    wanted = np.zeros(blocks * up // 2 + 1, spectrum.dtype)
    kept = min(len(spectrum), len(wanted))
    wanted[:kept] = spectrum[:kept]
    resampled = np.fft.irfft(wanted, blocks * up) * (up / down)
    return resampled[: -(-len(signal) * up // down)].astype(np.float32)


def to_model_rate(samples: NDArray[np.int16], rate_hz: int) -> NDArray[np.int16]:
    """Bring a synthesiser's samples to `RATE_HZ`."""
    if rate_hz == RATE_HZ:
        return samples
    return to_pcm(resample(samples.astype(np.float32), RATE_HZ, rate_hz))


def to_pcm(signal: NDArray[np.float32]) -> NDArray[np.int16]:
    """Round and clip a signal of 16-bit scale."""
    return np.clip(np.round(signal), -32768, 32767).astype(np.int16)


def smooth_length(least: int) -> int:
    """Return the smallest 2^a · 3^b · 5^c that is at least `least`: transforms of it are quick."""
    best = 1 << max(0, least - 1).bit_length()
    five = 1
    while five < best:
        three = five
        while three < best:
            two = three
            while two < least:
                two *= 2
            best = min(best, two)
            three *= 3
        five *= 5
    return best
