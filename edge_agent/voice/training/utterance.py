"""One synthetic utterance, and shards of them on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_agent.voice.training.phones import Segment
from edge_agent.voice.training.resampling import RATE_HZ


@dataclass(frozen=True, slots=True)
class Utterance:
    """Speech at `RATE_HZ` and the phones that fill it from its first sample on."""

    samples: NDArray[np.int16]
    segments: tuple[Segment, ...]
    voice: str

    @property
    def duration_s(self) -> float:
        """How long it lasts."""
        return len(self.samples) / RATE_HZ


def save_shard(path: Path, utterances: Sequence[Utterance]) -> None:
    """Write utterances as one npz file, whole or not at all."""
    part = path.with_suffix(".part.npz")
    segments = [segment for utterance in utterances for segment in utterance.segments]
    phones, numbers = np.unique(np.array([segment.phone for segment in segments]), return_inverse=True)
    np.savez(
        part,
        samples=np.concatenate([utterance.samples for utterance in utterances]),
        sample_counts=np.array([len(utterance.samples) for utterance in utterances], np.int32),
        phones=phones,
        phone_numbers=numbers.astype(np.uint8),
        durations_s=np.array([segment.duration_s for segment in segments], np.float32),
        segment_counts=np.array([len(utterance.segments) for utterance in utterances], np.int32),
        voices=np.array([utterance.voice for utterance in utterances]),
    )
    part.rename(path)


def load_shard(path: Path) -> Iterator[Utterance]:
    """Read back what `save_shard` wrote, in its order."""
    with np.load(path) as shard:
        samples, sample_ends = shard["samples"], np.cumsum(shard["sample_counts"])
        spoken, durations_s = shard["phones"][shard["phone_numbers"]], shard["durations_s"]
        segment_ends, voices = np.cumsum(shard["segment_counts"]), shard["voices"]
    sample_start = segment_start = 0
    for sample_end, segment_end, voice in zip(sample_ends, segment_ends, voices, strict=True):
        span = slice(segment_start, segment_end)
        segments = tuple(
            Segment(str(phone), float(duration_s))
            for phone, duration_s in zip(spoken[span], durations_s[span], strict=True)
        )
        yield Utterance(samples[sample_start:sample_end], segments, str(voice))
        sample_start, segment_start = int(sample_end), int(segment_end)
