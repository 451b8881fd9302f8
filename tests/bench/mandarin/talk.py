"""How often talk in which nobody says a phrase is taken for one, at each sensitivity: what the thresholds promise."""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_agent.voice.thresholds import most_per_hour, thresholds_of
from edge_agent.voice.training.calibration import watch_talk
from edge_agent.voice.training.negatives import make_talk

SENSITIVITIES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
SEED: Final = 8
"""Another one than of the talk that thresholds are set on."""


@dataclass(frozen=True, slots=True)
class Promise:
    """False accepts of one phrase in an hour, on average over all: what was promised, and what was heard."""

    sensitivity: float
    promised: float
    heard: float
    worst: str
    worst_heard: float


def keep_promises(model: Path, phrases: Sequence[str], hours: float) -> tuple[list[Promise], float]:
    """Listen to `hours` of talk by speakers that no training text was said by, an unspaced phrase each of `phrases`.

    Return a row for each sensitivity, and how many hours it was.
    """
    thresholds = thresholds_of(model)
    written = [phrase.replace(" ", "") for phrase in phrases]
    with tempfile.TemporaryDirectory() as scratch:
        talk = make_talk(
            Path(scratch), language="zh", hours=hours, seed=SEED, without=phrases, report=_report, held_out=True
        )
        watched = watch_talk(model, talk, written, _report)
    rows = []
    for sensitivity in SENSITIVITIES:
        heard = dict.fromkeys(written, 0)
        for phrase, score in watched.events:
            heard[phrase] += score >= thresholds.least_score(phrase, sensitivity)
        worst = max(heard, key=heard.__getitem__)
        mean = statistics.mean(heard.values()) / watched.hours
        rows.append(Promise(sensitivity, most_per_hour(sensitivity), mean, worst, heard[worst] / watched.hours))
    return rows, watched.hours


def as_markdown(rows: Sequence[Promise], hours: float, phrases: int) -> str:
    """Return the rows as a table."""
    lines = [
        f"False accepts an hour of one phrase in {hours:.1f} hours of such speakers' talk, every fourth minute in",
        f"noise at 10 dB, {phrases} phrases listened for at once:",
        "",
        "| sensitivity | " + " | ".join(f"{row.sensitivity:g}" for row in rows) + " |",
        "| --- |" + " --- |" * len(rows),
        "| promised | " + " | ".join(f"{row.promised:.2g}" for row in rows) + " |",
        "| heard, mean over the phrases | " + " | ".join(f"{row.heard:.2g}" for row in rows) + " |",
        "| the worst phrase | " + " | ".join(f"{row.worst} {row.worst_heard:.2g}" for row in rows) + " |",
    ]
    return "\n".join(lines)


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
