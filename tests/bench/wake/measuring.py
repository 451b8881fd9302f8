"""One phrase under one condition, heard by every listener: a piece of work for a process of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.wake.listeners import AgentListener, Listener, ModelListener, SphinxListener, tally
from tests.bench.wake.recordings import Condition, negatives, positives, with_noise
from tests.bench.wake.table import Measured

SNR_DB: Final = 10.0


@dataclass(frozen=True, slots=True)
class Piece:
    """What to measure; `minutes` are of negatives, `thresholds` are PocketSphinx's."""

    folder: Path
    model: Path
    phrase: str
    condition: Condition
    clips: int
    minutes: float
    thresholds: tuple[float, ...]


def measure(piece: Piece) -> list[Measured]:
    """Let every listener hear the same recordings."""
    said = positives(piece.folder, piece.phrase, piece.clips)
    others = negatives(piece.folder, piece.phrase, piece.minutes)
    if piece.condition == "noise":
        said = with_noise(said, piece.folder, SNR_DB)
        others = with_noise(others, piece.folder, SNR_DB)
    listeners: dict[str, Listener] = {
        "our model": ModelListener(piece.model, piece.phrase),
        "in the agent": AgentListener(piece.model, piece.phrase),
        **{f"PocketSphinx {threshold:g}": SphinxListener(piece.phrase, threshold) for threshold in piece.thresholds},
    }
    return [
        Measured(name, piece.phrase, piece.condition, tally(listener, said), tally(listener, others))
        for name, listener in listeners.items()
    ]
