"""The recordings of people that the benchmark listens to, and the noise it adds.

They are not part of this repository: `EDGE_AGENT_WAKE_DATA` names their folder, or they lie in `shared/data/wake`
beside the checkout. One folder for each phrase holds 16 kHz mono FLAC files, one utterance a file. Only those that
no model was adapted on are heard (`training.people`).
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

from edge_agent.voice.training.people import part_of

VARIABLE: Final = "EDGE_AGENT_WAKE_DATA"
RATE_HZ: Final = 16_000
PHRASES: Final = ("alexa", "computer", "snowboy", "view glass", "athena", "amelia")
OTHER_WORDS: Final = ("hey_computer", "not_wake_words_en", "not_wake_words_es")
SNR_DB: Final = 10.0
_BABBLE: Final = "not_wake_words_es"
_BESIDE_THE_CHECKOUT: Final = Path(__file__).parents[4] / "shared" / "data" / "wake"
_CONTAINED: Final = {"computer": ("hey_computer",)}
"""Folders whose words hold another phrase: no negatives for it."""

Condition = Literal["clean", "noise"]
Samples = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording, of a person or of synthetic voices."""

    name: str
    samples: Samples

    @property
    def duration_s(self) -> float:
        return len(self.samples) / RATE_HZ

    @property
    def pcm(self) -> bytes:
        return self.samples.astype("<i2").tobytes()


def find_recordings() -> Path | None:
    """Return the folder of the recordings, or None where there is none on this machine."""
    named = os.environ.get(VARIABLE)
    folder = Path(named) if named else _BESIDE_THE_CHECKOUT
    return folder if all((folder / _folder(phrase)).is_dir() for phrase in PHRASES) else None


def positives(folder: Path, phrase: str, count: int) -> list[Path]:
    """Return the first `count` recordings of `phrase` that measure."""
    return _files(folder / _folder(phrase))[:count]


def negatives(folder: Path, phrase: str, count: int) -> list[Path]:
    """Return recordings of other people's wake words and other words, `count` of each folder at most."""
    others = [_folder(other) for other in PHRASES if other != phrase]
    others += [other for other in OTHER_WORDS if other not in _CONTAINED.get(phrase, ())]
    return [path for other in others for path in _files(folder / other)[:count]]


def read(path: Path) -> Clip:
    """Read one recording; raise ValueError where it is not 16 kHz mono."""
    samples, rate_hz = soundfile.read(path, dtype="int16")
    if rate_hz != RATE_HZ or samples.ndim != 1:
        raise ValueError(f"{path} is not 16 kHz mono.")
    return Clip(f"{path.parent.name}/{path.stem}", samples)


class Noise:
    """Pink noise and two people's talk by turns, `SNR_DB` below the speech of a clip.

    The level of the speech is that of the clip's loudest half. The noise of a clip depends on its name alone, so
    every listener hears the same.
    """

    def __init__(self, folder: Path) -> None:
        self._talk: Sequence[Samples] = [read(path).samples for path in _files(folder / _BABBLE)]

    def over(self, clip: Clip) -> Clip:
        draw = np.random.default_rng(list(clip.name.encode()))
        length = len(clip.samples)
        if draw.random() < 0.5:
            noise = np.zeros(length)
            for _ in range(2):
                noise += self._one_after_another(draw, length)
        else:
            spectrum = np.fft.rfft(draw.standard_normal(length))
            noise = np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)) + 10.0), length)
        power = _smoothed(clip.samples.astype(np.float64) ** 2, 400)
        speech = np.sqrt(np.mean(power[power >= np.median(power)]))
        noise *= speech * 10 ** (-SNR_DB / 20) / (np.sqrt(np.mean(noise**2)) + 1e-9)
        return Clip(clip.name, np.clip(np.round(clip.samples + noise), -32768, 32767).astype(np.int16))

    def _one_after_another(self, draw: np.random.Generator, length: int) -> NDArray[np.float64]:
        """Return `length` samples of talk, each recording as loud as the next.

        Never the same again and again: a word that is mistaken for a phrase would be counted each time.
        """
        parts, missing = [], length
        while missing > 0:
            voice = self._talk[int(draw.integers(len(self._talk)))].astype(np.float64)
            voice = np.roll(voice, int(draw.integers(len(voice))))[:missing]
            parts.append(voice / (voice.std() + 1.0))
            missing -= len(voice)
        return np.concatenate([*parts, np.zeros(0)])


def _smoothed(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Return the mean of `width` values around each; zeros beyond the ends."""
    sums = np.concatenate([np.zeros(width // 2 + 1), values, np.zeros(width - width // 2 - 1)]).cumsum()
    means: NDArray[np.float64] = np.maximum(sums[width:] - sums[:-width], 0.0)[: len(values)] / width
    return means


def _folder(phrase: str) -> str:
    return phrase.replace(" ", "_")


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*.flac")) if part_of(folder.name, path.stem) == "test"]
