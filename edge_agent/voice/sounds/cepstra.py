"""Audio to the cepstra that the network was taught on. Pure, but for the matrix products.

Source: Kaldi's feat/feature-window.cc, feature-mfcc.cc and mel-computations.cc, as in `training.mfcc`: 25 ms every
10 ms, its mean taken off, pre-emphasis 0.97, the Povey window, 512 points, 40 mel bands from 20 Hz to 7600 Hz, the
logarithm, the cosine transform and a lifter of 22. All before the power spectrum is linear, so it is one matrix.
"""

import math
from array import array
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from edge_agent.voice.libvosk import RATE
from edge_agent.voice.sounds.blas import add_product

if TYPE_CHECKING:
    from edge_agent.voice.sounds.blas import Floats

CEPSTRA: Final = 40
SHIFT: Final = RATE // 100
LENGTH: Final = RATE // 40

CONF: Final = {
    "use-energy": "false",
    "num-mel-bins": "40",
    "num-ceps": str(CEPSTRA),
    "low-freq": "20",
    "high-freq": "-400",
    "dither": "0.0",
}
"""What `conf/mfcc.conf` must ask for."""

_FFT: Final = 512
_BANDS: Final = 40
_LOW_HZ: Final = 20.0
_HIGH_HZ: Final = RATE / 2 - 400.0
_PRE_EMPHASIS: Final = 0.97
_LIFTER: Final = 22.0
_LEAST_ENERGY: Final = 1.1920929e-07


def frames_in(samples: int) -> int:
    """Return how many frames lie wholly inside so many samples."""
    return max(0, (samples - LENGTH) // SHIFT + 1)


def cepstra(pcm: bytes) -> "Floats":
    """Return the cepstra (frames, 40) of 16 kHz mono s16le audio."""
    whole = array("h")
    whole.frombytes(pcm)
    samples = array("f", whole)
    frames = frames_in(len(samples))
    real, imaginary = _spectrum()
    bins = len(real) // LENGTH
    parts = []
    for matrix in (real, imaginary):
        part = array("f", bytes(4 * frames * bins))
        if frames:
            # A frame is longer than the step to the next, so it is taken in pieces that are not.
            for start in range(0, LENGTH, SHIFT):
                inner = min(SHIFT, LENGTH - start)
                piece = matrix[start * bins : (start + inner) * bins]
                add_product(part, samples, piece, rows=frames, inner=inner, start=start, step=SHIFT)
        parts.append(part)
    power = array("f", [re * re + im * im for re, im in zip(*parts, strict=True)])
    energies = _product(power, _mel_bank(), frames)
    logarithms = array("f", [math.log(max(energy, _LEAST_ENERGY)) for energy in energies])
    return _product(logarithms, _cosines(), frames)


def _product(left: "Floats", right: "Floats", rows: int) -> "Floats":
    inner = len(left) // rows if rows else 1
    out = array("f", bytes(4 * rows * (len(right) // inner if rows else 0)))
    if rows:
        add_product(out, left, right, rows=rows, inner=inner)
    return out


def _mel(hertz: float) -> float:
    return 1127.0 * math.log(1.0 + hertz / 700.0)


def _bins() -> range:
    """Return the bins of the spectrum that any band looks at."""
    width = RATE / _FFT
    return range(math.ceil(_LOW_HZ / width), math.ceil(_HIGH_HZ / width))


@cache
def _spectrum() -> tuple["Floats", "Floats"]:
    """Return what takes a frame of samples to the spectrum's real and imaginary parts, each (samples, bins)."""
    window = [(0.5 - 0.5 * math.cos(2 * math.pi * at / (LENGTH - 1))) ** 0.85 for at in range(LENGTH)] + [0.0]
    found = []
    for wave in (math.cos, math.sin):
        turn = [wave(2 * math.pi * at / _FFT) for at in range(_FFT)]
        # Not lists: a third of a million numbers as objects would stay in the process for good.
        rows = [array("f", [window[at] * turn[at * each % _FFT] for each in _bins()]) for at in range(LENGTH + 1)]
        mean = [(1 - _PRE_EMPHASIS) / LENGTH * sum(column) for column in zip(*rows, strict=True)]
        matrix = array("f")
        # Pre-emphasis takes 0.97 of a sample off the next one; the window is 0 at the first, which has none before.
        for row, after in pairwise(rows):
            matrix.extend([a - _PRE_EMPHASIS * b - m for a, b, m in zip(row, after, mean, strict=True)])
        found.append(matrix)
    return found[0], found[1]


@cache
def _mel_bank() -> "Floats":
    """Return what takes a power spectrum to the energies of the bands, (bins, bands)."""
    low, high = _mel(_LOW_HZ), _mel(_HIGH_HZ)
    width = (high - low) / (_BANDS + 1)
    bank = array("f")
    for each in _bins():
        place = (_mel(each * RATE / _FFT) - low) / width
        bank.extend([max(0.0, 1.0 - abs(place - band)) for band in range(1, _BANDS + 1)])
    return bank


@cache
def _cosines() -> "Floats":
    """Return what takes log energies to liftered cepstra, (bands, cepstra)."""
    scales = [math.sqrt((2.0 if order else 1.0) / _BANDS) for order in range(CEPSTRA)]
    lifter = [1.0 + 0.5 * _LIFTER * math.sin(math.pi * order / _LIFTER) for order in range(CEPSTRA)]
    matrix = array("f")
    for band in range(_BANDS):
        turns = [math.cos(math.pi / _BANDS * (band + 0.5) * order) for order in range(CEPSTRA)]
        matrix.extend([a * b * c for a, b, c in zip(scales, lifter, turns, strict=True)])
    return matrix
