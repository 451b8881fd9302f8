"""Turn one clean utterance into what a device's microphone may have heard.

Order: speed (voice and tempo together) → silence around it → room and frequency
response → background noise → clipping and telephone coding → level. Each step is
taken with a probability, so that clean speech stays in the mix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edge_agent.voice.training.noise import Signal, draw_noise
from edge_agent.voice.training.phones import PDFS, SILENCE
from edge_agent.voice.training.resampling import RATE_HZ, resample, smooth_length, to_pcm
from edge_agent.voice.training.utterance import Utterance

_SPEED_UNITS = 20
_FULL_SCALE = 32767.0
_MU = 255.0


@dataclass(frozen=True, slots=True)
class Heard:
    """Samples as a microphone gave them, and when each pdf's sound ends in them.

    After the last of `ends_s` there is silence to the end.
    """

    samples: NDArray[np.int16]
    ends_s: NDArray[np.float64]
    pdfs: NDArray[np.uint8]


def augment(
    utterance: Utterance, draw: Generator, voices: Sequence[NDArray[np.int16]], pdfs: Sequence[str] = PDFS
) -> Heard:
    """Draw one hearing of `utterance`; `voices` may talk in its background. `pdfs` are the network's outputs."""
    signal, stretch = _speed(utterance.samples.astype(np.float32), draw)
    before_s = draw.uniform(0.0, 0.6)
    after_s = draw.uniform(0.1, 0.25 if draw.random() < 0.5 else 0.7)  # noqa: PLR2004  a coin
    silences = [np.zeros(int(seconds * RATE_HZ), np.float32) for seconds in (before_s, after_s)]
    signal = np.concatenate([silences[0], signal, silences[1]])
    signal = _through_room(signal, draw)
    if draw.random() < 0.9:  # noqa: PLR2004
        level = float(np.sqrt(np.mean(signal**2))) + 1e-3
        noise = draw_noise(draw, len(signal), voices)
        signal = signal + noise * np.float32(level * 10 ** (-draw.uniform(2, 40) / 20))
    signal = _recorded(signal, draw)
    durations_s = [before_s, *(stretch * segment.duration_s for segment in utterance.segments)]
    phones = [SILENCE, *(segment.phone for segment in utterance.segments)]
    ends_s = np.cumsum(durations_s)
    return Heard(to_pcm(signal), ends_s, np.array([pdfs.index(phone) for phone in phones], np.uint8))


def background(draw: Generator, voices: Sequence[NDArray[np.int16]]) -> Heard:
    """Draw a moment in which nobody speaks to the device: noise, far babble, or nothing."""
    length = int(draw.uniform(0.5, 2.5) * RATE_HZ)
    level = 0.0 if draw.random() < 0.1 else 10 ** draw.uniform(-0.5, 3.3)  # noqa: PLR2004
    signal = draw_noise(draw, length, voices) * np.float32(level)
    return Heard(to_pcm(signal), np.zeros(0), np.zeros(0, np.uint8))


def frame_pdfs(heard: Heard, frames: NDArray[np.int64], shift_s: float, length_s: float) -> NDArray[np.uint8]:
    """Say which pdf sounds in the middle of each numbered frame."""
    middles_s = frames * shift_s + length_s / 2
    pdfs = np.append(heard.pdfs, np.uint8(PDFS.index(SILENCE)))
    return pdfs[np.searchsorted(heard.ends_s, middles_s, side="right")]


def _speed(signal: Signal, draw: Generator) -> tuple[Signal, float]:
    """Play at 0.77 to 1.33 times the speed: from a slow, deep voice to a child's."""
    if draw.random() < 0.2:  # noqa: PLR2004
        return signal, 1.0
    down = int(draw.integers(15, 27))
    return resample(signal, _SPEED_UNITS, down), _SPEED_UNITS / down


def _through_room(signal: Signal, draw: Generator) -> Signal:
    """Filter by a microphone's response and, every other time, by a room."""
    room = _room(draw) if draw.random() < 0.5 else np.ones(1, np.float32)  # noqa: PLR2004
    size = smooth_length(len(signal) + len(room))
    spectrum = np.fft.rfft(signal, size) * np.fft.rfft(room, size)
    spectrum *= _response(draw, np.fft.rfftfreq(size, 1 / RATE_HZ))
    return np.fft.irfft(spectrum, size)[: len(signal)].astype(np.float32)


def _response(draw: Generator, hertz: NDArray[np.floating]) -> NDArray[np.float64]:
    """Draw a gain per frequency: a few bumps, a tilt, and sometimes a narrow band."""
    octave = np.log2(np.maximum(hertz, 20.0) / 1000.0)
    decibel = np.zeros(len(hertz))
    for _ in range(int(draw.integers(0, 4))):
        centre, width = draw.uniform(-3, 2.8), draw.uniform(0.3, 1.5)
        decibel += draw.uniform(-10, 10) * np.exp(-(((octave - centre) / width) ** 2))
    if draw.random() < 0.5:  # noqa: PLR2004
        decibel += draw.uniform(-5, 5) * octave
    if draw.random() < 0.25:  # noqa: PLR2004
        high = draw.uniform(np.log2(3.2), np.log2(7.5))
        decibel -= 40.0 * np.clip(octave - high, 0.0, 1.0)
    if draw.random() < 0.25:  # noqa: PLR2004
        low = np.log2(draw.uniform(60, 350) / 1000.0)
        decibel -= 15.0 * np.clip(low - octave, 0.0, 3.0)
    response: NDArray[np.float64] = 10 ** (np.clip(decibel, -60, 20) / 20)
    return response


def _room(draw: Generator) -> Signal:
    """Draw an impulse response: the direct sound, a few early echoes, a decaying tail."""
    decay_s = draw.uniform(0.08, 0.7)
    length = int(decay_s * RATE_HZ)
    time = np.arange(length) / length
    tail = draw.standard_normal(length) * np.exp(-6.9 * time) * draw.uniform(0.01, 0.2)
    smoothing = draw.uniform(0.0, 0.6)  # walls swallow the high frequencies first
    tail[1:] = (1 - smoothing) * tail[1:] + smoothing * tail[:-1]
    room = tail
    room[: int(draw.uniform(0.0005, 0.006) * RATE_HZ)] = 0.0
    for _ in range(int(draw.integers(0, 6))):
        delay = int(draw.uniform(0.0008, 0.03) * RATE_HZ)
        room[delay] += draw.uniform(-0.5, 0.5)
    room[0] = 1.0
    return room.astype(np.float32)


def _recorded(signal: Signal, draw: Generator) -> Signal:
    """Clip, code and set the level of what arrived at the microphone."""
    peak = float(np.abs(signal).max()) + 1e-6
    scaled = signal / np.float32(peak)
    if draw.random() < 0.08:  # noqa: PLR2004
        limit = np.float32(draw.uniform(0.2, 0.8))
        scaled = np.clip(scaled, -limit, limit)
    if draw.random() < 0.06:  # noqa: PLR2004
        coded = np.round(np.sign(scaled) * np.log1p(_MU * np.abs(scaled)) / np.log1p(_MU) * 127) / 127
        scaled = (np.sign(coded) * np.expm1(np.abs(coded) * np.log1p(_MU)) / _MU).astype(np.float32)
    level = 10 ** (draw.uniform(-36, 0) / 20)
    return (scaled * np.float32(_FULL_SCALE * level)).astype(np.float32)
