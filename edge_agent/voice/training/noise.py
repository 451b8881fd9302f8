"""Synthetic background: what a kitchen, a street or a bad microphone adds to speech.

Every function returns a signal of unit variance and takes its randomness from
`draw`. Lengths are transformed as powers of two, which keeps this quick.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edge_agent.voice.training.resampling import RATE_HZ

Signal = NDArray[np.float32]

_KINDS: Final = ("white", "coloured", "coloured", "hum", "babble", "babble", "music")


def draw_noise(draw: Generator, length: int, voices: Sequence[NDArray[np.int16]]) -> Signal:
    """Draw one background of `length` samples; `voices` are what babble is mixed from."""
    match str(draw.choice(_KINDS)):
        case "white":
            noise = draw.standard_normal(length, np.float32)
        case "coloured":
            noise = _coloured(draw, length)
        case "hum":
            noise = _hum(draw, length)
        case "music":
            noise = _music(draw, length)
        case _:
            noise = _babble(draw, length, voices) if voices else _coloured(draw, length)
    return _unit(noise)


def _unit(signal: Signal) -> Signal:
    unit: Signal = (signal / (signal.std() + 1e-9)).astype(np.float32)
    return unit


def _coloured(draw: Generator, length: int) -> Signal:
    """Make noise whose power falls with frequency, from pink to deep rumble, and swells slowly."""
    size = 1 << max(4, (length - 1).bit_length())
    spectrum = np.fft.rfft(draw.standard_normal(size, np.float32))
    corner = 20.0 * size / RATE_HZ
    spectrum /= (np.arange(len(spectrum)) + corner) ** draw.uniform(0.25, 1.1)
    noise = np.fft.irfft(spectrum, size)[:length]
    swell = 1.0 + draw.uniform(0.0, 0.6) * np.sin(
        2 * np.pi * draw.uniform(0.1, 4.0) * np.arange(length) / RATE_HZ + draw.uniform(0, 6)
    )
    return (noise * swell).astype(np.float32)


def _tone(draw: Generator, pitch_hz: float, length: int, harmonics: int) -> Signal:
    phase = 2 * np.pi * pitch_hz / RATE_HZ * np.arange(length, dtype=np.float32)
    tone = np.zeros(length, np.float32)
    for order in range(1, harmonics + 1):
        if order * pitch_hz < RATE_HZ / 2:
            strength = np.float32(draw.uniform() / order)
            tone += strength * np.sin(order * phase + np.float32(draw.uniform(0, 6)))
    return tone


def _hum(draw: Generator, length: int) -> Signal:
    """Make a compressor or a transformer: a steady tone with hiss."""
    pitch_hz = float(draw.choice([50.0, 60.0, 100.0, 120.0, draw.uniform(80, 400)]))
    return _unit(_tone(draw, pitch_hz, length, 7)) + 0.3 * draw.standard_normal(length, np.float32)


def _music(draw: Generator, length: int) -> Signal:
    """Play three voices of fading notes on one scale."""
    music = np.zeros(length, np.float32)
    root_hz = draw.uniform(80, 200)
    for _ in range(3):
        start = 0
        while start < length:
            note = min(length - start, int(RATE_HZ * draw.uniform(0.12, 0.6)))
            pitch_hz = root_hz * 2 ** (float(draw.choice([0, 2, 4, 5, 7, 9, 12, 16, 19])) / 12)
            fade = np.exp(-np.arange(note, dtype=np.float32) / (RATE_HZ * draw.uniform(0.05, 0.5)))
            music[start : start + note] += fade.astype(np.float32) * _tone(draw, pitch_hz, note, 5)
            start += note
    return music


def _babble(draw: Generator, length: int, voices: Sequence[NDArray[np.int16]]) -> Signal:
    """Let two to eight other people speak at once, each from a random moment on."""
    babble = np.zeros(length, np.float32)
    for _ in range(int(draw.integers(2, 9))):
        voice = voices[int(draw.integers(len(voices)))].astype(np.float32)
        offset = int(draw.integers(len(voice)))
        babble += np.resize(np.roll(voice, -offset), length) / (voice.std() + 1.0)
    return babble
