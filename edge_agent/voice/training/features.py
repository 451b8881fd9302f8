"""Cepstra and frame labels of augmented speech, as shards in a work folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.voice.training.augmentation import Heard, augment, background, frame_pdfs
from edge_agent.voice.training.languages import LANGUAGES
from edge_agent.voice.training.mfcc import CEPSTRA, FRAME_LENGTH_S, FRAME_SHIFT_S, mfcc
from edge_agent.voice.training.parallel import Report, run_in_processes
from edge_agent.voice.training.utterance import load_shard

SUBSAMPLING: Final = 3
"""The network says what it hears on every third frame; Vosk counts on 30 ms."""

_BACKGROUND_SHARE: Final = 0.06


@dataclass(frozen=True, slots=True)
class FeatureOrder:
    """One shard of features to be made from one shard of speech; those who say `babble` talk in the background."""

    speech: Path
    babble: Path
    path: Path
    seed: int
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Features:
    """Cepstra (frames, 40) as float16 and one pdf per `SUBSAMPLING` frames."""

    cepstra: NDArray[np.float16]
    pdfs: NDArray[np.uint8]

    @property
    def hours(self) -> float:
        """How much audio this is."""
        return len(self.cepstra) * FRAME_SHIFT_S / 3600


def make_features(
    folder: Path,
    speech: Sequence[Path],
    *,
    hearings: int,
    seed: int,
    report: Report,
    language: str = "en",
    babble: Sequence[Path] = (),
) -> list[Path]:
    """Hear each speech shard `hearings` times, each time under other conditions.

    In the background talk the voices of the shards `babble` by turns, or where there are none, those of the shard
    itself.
    """
    folder.mkdir(parents=True, exist_ok=True)
    orders = [
        FeatureOrder(
            path,
            babble[(number + hearing) % len(babble)] if babble else path,
            folder / f"{path.stem}-{hearing}.npz",
            seed * 100_003 + 1009 * hearing + number,
            language,
        )
        for hearing in range(hearings)
        for number, path in enumerate(speech)
    ]
    return run_in_processes(make_feature_shard, orders, what="features, shards", report=report)


def make_feature_shard(order: FeatureOrder) -> Path:
    """Augment one shard of speech and save its features."""
    draw = np.random.default_rng(order.seed)
    utterances = list(load_shard(order.speech))
    others = utterances if order.babble == order.speech else load_shard(order.babble)
    voices = [utterance.samples for utterance in others]
    pdfs = LANGUAGES[order.language].phones.pdfs
    parts: list[Features] = []
    for utterance in utterances:
        parts.append(extract(augment(utterance, draw, voices, pdfs)))
        if draw.random() < _BACKGROUND_SHARE:
            parts.append(extract(background(draw, voices)))
    part = order.path.with_suffix(".part.npz")
    np.savez(
        part,
        cepstra=np.concatenate([features.cepstra for features in parts]),
        pdfs=np.concatenate([features.pdfs for features in parts]),
    )
    part.rename(order.path)
    return order.path


def extract(heard: Heard) -> Features:
    """Compute the features of one hearing, cut to a multiple of `SUBSAMPLING` frames."""
    cepstra = mfcc(heard.samples)
    count = len(cepstra) // SUBSAMPLING * SUBSAMPLING
    labelled = np.arange(0, count, SUBSAMPLING)
    pdfs = frame_pdfs(heard, labelled, FRAME_SHIFT_S, FRAME_LENGTH_S)
    return Features(cepstra[:count].astype(np.float16), pdfs)


def load_features(paths: Sequence[Path]) -> Features:
    """Join shards into one long recording."""
    cepstra: list[NDArray[np.float16]] = [np.zeros((0, CEPSTRA), np.float16)]
    pdfs: list[NDArray[np.uint8]] = [np.zeros(0, np.uint8)]
    for path in paths:
        with np.load(path) as shard:
            cepstra.append(shard["cepstra"])
            pdfs.append(shard["pdfs"])
    return Features(np.concatenate(cepstra), np.concatenate(pdfs))
