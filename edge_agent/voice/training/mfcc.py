"""Kaldi's MFCC in numpy, equal to what Vosk computes from `conf/mfcc.conf`.

Source: Kaldi's feat/feature-window.cc, feature-mfcc.cc and mel-computations.cc:
25 ms frames every 10 ms that must lie whole inside the signal, the mean of each
frame removed, pre-emphasis 0.97, the Povey window, power spectrum of 512 points,
40 triangular mel bands from 20 Hz to 7600 Hz, logarithm, cosine transform, and a
lifter of 22. No dither and no energy, so the same samples give the same numbers.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.voice.training.resampling import RATE_HZ

CEPSTRA: Final = 40
MEL_BANDS: Final = 40
LOW_HZ: Final = 20.0
HIGH_HZ: Final = RATE_HZ / 2 - 400.0
FRAME_SHIFT_S: Final = 0.010
FRAME_LENGTH_S: Final = 0.025

CONF: Final = f"""\
--use-energy=false
--num-mel-bins={MEL_BANDS}
--num-ceps={CEPSTRA}
--low-freq=20
--high-freq=-400
--dither=0.0
"""
"""The text of `conf/mfcc.conf` that asks Vosk for these features."""

_LENGTH: Final = int(RATE_HZ * FRAME_LENGTH_S)
_SHIFT: Final = int(RATE_HZ * FRAME_SHIFT_S)
_FFT: Final = 512
_PRE_EMPHASIS: Final = 0.97
_LIFTER: Final = 22.0


def mel(hertz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Convert to Kaldi's (HTK's) mel scale."""
    converted: NDArray[np.float64] = 1127.0 * np.log(1.0 + np.asarray(hertz, np.float64) / 700.0)
    return converted


def band_centres_mel() -> NDArray[np.float64]:
    """Return the centre of each mel band, in mel."""
    return _edges_mel()[1:-1]


def _edges_mel() -> NDArray[np.float64]:
    edges: NDArray[np.float64] = np.linspace(mel(LOW_HZ), mel(HIGH_HZ), MEL_BANDS + 2)
    return edges


def cosine_transform() -> NDArray[np.float64]:
    """Return the matrix (bands, cepstra) that takes log mel energies to liftered cepstra."""
    band = np.arange(MEL_BANDS) + 0.5
    order = np.arange(CEPSTRA)
    matrix: NDArray[np.float64] = np.sqrt(2.0 / MEL_BANDS) * np.cos(
        np.pi / MEL_BANDS * band[:, None] * order[None, :]
    )
    matrix[:, 0] = np.sqrt(1.0 / MEL_BANDS)
    matrix *= 1.0 + 0.5 * _LIFTER * np.sin(np.pi * order / _LIFTER)
    return matrix


def _mel_bank() -> NDArray[np.float64]:
    edges = _edges_mel()
    bins = mel((RATE_HZ / _FFT * np.arange(_FFT // 2 + 1)).astype(np.float64))[:, None]
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    bank = np.clip(np.minimum((bins - left) / (centre - left), (right - bins) / (right - centre)), 0.0, None)
    bank[-1] = 0.0  # Kaldi leaves the Nyquist bin out
    return bank


_WINDOW: Final = ((0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_LENGTH) / (_LENGTH - 1))) ** 0.85).astype(np.float32)
_BANK: Final = _mel_bank().astype(np.float32)
_COSINES: Final = cosine_transform().astype(np.float32)


def mfcc(samples: NDArray[np.int16] | NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the cepstra (frames, 40) of samples of 16-bit scale at `RATE_HZ`.

    A signal shorter than one frame gives no row.
    """
    signal = np.asarray(samples, np.float32)
    if len(signal) < _LENGTH:
        return np.zeros((0, CEPSTRA), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(signal, _LENGTH)[::_SHIFT]
    frames = frames - frames.mean(axis=1, keepdims=True)
    emphasised = np.empty_like(frames)
    emphasised[:, 1:] = frames[:, 1:] - _PRE_EMPHASIS * frames[:, :-1]
    emphasised[:, 0] = frames[:, 0] * (1.0 - _PRE_EMPHASIS)
    spectrum = np.fft.rfft(emphasised * _WINDOW, _FFT, axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    energies = np.maximum(power @ _BANK, np.finfo(np.float32).eps)
    cepstra: NDArray[np.float32] = (np.log(energies) @ _COSINES).astype(np.float32)
    return cepstra
