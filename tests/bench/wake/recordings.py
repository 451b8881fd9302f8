"""The recordings of people that the benchmark listens to, and the noise it adds.

They are not part of this repository: `EDGE_AGENT_WAKE_DATA` names their folder, or
they lie in `shared/data/wake` beside the checkout. One folder for each phrase
holds 16 kHz mono FLAC files, one utterance a file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import soundfile
from numpy.typing import NDArray

VARIABLE: Final = "EDGE_AGENT_WAKE_DATA"
RATE_HZ: Final = 16_000
PHRASES: Final = ("alexa", "computer", "snowboy", "view glass", "athena", "amelia")
OTHER_WORDS: Final = ("hey_computer", "not_wake_words_en", "not_wake_words_es")
_BABBLE: Final = "not_wake_words_es"
_BESIDE_THE_CHECKOUT: Final = Path(__file__).parents[4] / "shared" / "data" / "wake"
_CONTAINED: Final = {"computer": ("hey_computer",)}
"""Folders whose words hold another phrase: no negatives for it."""

Condition = Literal["clean", "noise"]
Samples = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording."""

    name: str
    samples: Samples

    @property
    def duration_s(self) -> float:
        return len(self.samples) / RATE_HZ


def find_recordings() -> Path | None:
    """Return the folder of the recordings, or None where there is none on this machine."""
    named = os.environ.get(VARIABLE)
    folder = Path(named) if named else _BESIDE_THE_CHECKOUT
    return folder if all((folder / _folder(phrase)).is_dir() for phrase in PHRASES) else None


def positives(folder: Path, phrase: str, count: int) -> list[Clip]:
    """Return the first `count` recordings of `phrase`."""
    return [_read(path) for path in _files(folder / _folder(phrase))[:count]]


def negatives(folder: Path, phrase: str, minutes: float) -> list[Clip]:
    """Return about `minutes` of other people's wake words and other words, the same share of every folder."""
    others = [_folder(other) for other in PHRASES if other != phrase]
    others += [other for other in OTHER_WORDS if other not in _CONTAINED.get(phrase, ())]
    paths = [path for other in others for path in _files(folder / other)]
    durations_s = [float(soundfile.info(path).duration) for path in paths]
    share = min(1.0, minutes * 60 / sum(durations_s))
    taken = [path for number, path in enumerate(paths) if int((number + 1) * share) > int(number * share)]
    return [_read(path) for path in taken]


def with_noise(clips: Sequence[Clip], folder: Path, snr_db: float) -> list[Clip]:
    """Add noise to each clip, `snr_db` below its speech: pink noise and two people's talk by turns.

    The level of the speech is that of the clip's loudest half. The noise of a clip
    depends on its number alone, so every listener hears the same.
    """
    talk = [_read(path).samples for path in _files(folder / _BABBLE)]
    return [Clip(clip.name, _mixed(clip.samples, number, talk, snr_db)) for number, clip in enumerate(clips)]


def _mixed(samples: Samples, number: int, talk: Sequence[Samples], snr_db: float) -> Samples:
    draw = np.random.default_rng(number)
    length = len(samples)
    if number % 2:
        noise = np.zeros(length)
        for _ in range(2):
            voice = talk[int(draw.integers(len(talk)))].astype(np.float64)
            noise += np.resize(np.roll(voice, int(draw.integers(len(voice)))), length) / (voice.std() + 1.0)
    else:
        spectrum = np.fft.rfft(draw.standard_normal(length))
        noise = np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)) + 10.0), length)
    power = np.convolve(samples.astype(np.float64) ** 2, np.full(400, 1 / 400), "same")
    speech = np.sqrt(np.mean(power[power >= np.median(power)]))
    noise *= speech * 10 ** (-snr_db / 20) / (np.sqrt(np.mean(noise**2)) + 1e-9)
    return np.clip(np.round(samples + noise), -32768, 32767).astype(np.int16)


def _folder(phrase: str) -> str:
    return phrase.replace(" ", "_")


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.flac"))


def _read(path: Path) -> Clip:
    samples, rate_hz = soundfile.read(path, dtype="int16")
    if rate_hz != RATE_HZ or samples.ndim != 1:
        raise ValueError(f"{path} is not 16 kHz mono.")
    return Clip(path.stem, samples)
