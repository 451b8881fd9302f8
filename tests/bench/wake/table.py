"""What was measured: for people (the aims, each beside its figure, and a row a phrase) and for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Final

from edge_agent.voice.thresholds import Thresholds
from tests.bench.wake.measuring import ListenerName, Played
from tests.bench.wake.recordings import Condition
from tests.bench.wake.roc import MOST_PER_HOUR, Roc, joined

NEGATIVES_H: Final = 5.0
_RATES: Final = (MOST_PER_HOUR, 1.0, 2.0)
_SENSITIVITIES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True)
class Aim:
    """One row of what must hold: at most this (`least`: at least this), in the unit."""

    what: str
    limit: float
    unit: str
    measured: float | None
    least: bool = False

    @property
    def reached(self) -> bool | None:
        if self.measured is None:
            return None
        return self.measured >= self.limit if self.least else self.measured <= self.limit


Costs = Mapping[tuple[ListenerName, Condition], float]
Rocs = Mapping[tuple[ListenerName, Condition], Mapping[str, Roc]]


def rocs_of(played: Sequence[Played], *, near_words: bool = True) -> Rocs:
    """Join the pieces, by listener and condition, then by phrase; with the words that sound like it, or without."""
    pieces: dict[tuple[ListenerName, Condition], dict[str, list[Roc]]] = {}
    for one in played:
        if one.piece.part.kind == "near-words" and not near_words:
            continue
        by_phrase = pieces.setdefault((one.piece.listener, one.piece.condition), {})
        for phrase, roc in one.rocs.items():
            by_phrase.setdefault(phrase, []).append(roc)
    return {key: {phrase: joined(rocs) for phrase, rocs in each.items()} for key, each in pieces.items()}


def misses(rocs: Mapping[str, Roc], most_per_hour: float = MOST_PER_HOUR) -> list[float]:
    """Return the share of misses of each phrase, in percent, at so many false accepts an hour."""
    return [100 * roc.misses(roc.threshold(most_per_hour)) for roc in rocs.values()]


def aims(rocs: Rocs, device: Mapping[str, float]) -> list[Aim]:
    """Return every row of the table; `device` holds the figures that need no recordings."""
    clean, noise = rocs.get(("agent", "clean")), rocs.get(("agent", "noise"))
    at = f"at ≤ {MOST_PER_HOUR:g} false accepts an hour"
    return [
        Aim(f"misses {at}, mean over phrases, clean", 4, "%", fmean(misses(clean)) if clean else None),
        Aim("the same at 10 dB SNR", 10, "%", fmean(misses(noise)) if noise else None),
        Aim("worst phrase, clean", 10, "%", max(misses(clean)) if clean else None),
        Aim("negatives", NEGATIVES_H, "h", min(roc.hours for roc in clean.values()) if clean else None, least=True),
        Aim("one core while someone speaks", 2, "%", device.get("speech")),
        Aim("one core in silence, as fast as it goes", 0.3, "%", device.get("silence")),
        Aim("the same in real time, the whole ear", 0.3, "%", device.get("quiet room")),
        Aim("phrase end → event, median", 250, "ms", device.get("median")),
        Aim("phrase end → event, worst", 500, "ms", device.get("worst")),
        Aim("what the voice part adds to resident memory", 50, "MB", device.get("memory")),
        Aim("model on disk", 6, "MB", device.get("size")),
        Aim("new phrase, typed → usable", 5, "s", device.get("phrase")),
    ]


def print_table(rocs: Rocs, others: Rocs, rows: Sequence[Aim], costs: Costs, thresholds: Thresholds) -> str:
    """Return the whole report as markdown; `others` are without near-words."""
    rates = " / ".join(f"{each:g}" for each in _RATES)
    said = "Misses in % at ≤ {} false accepts an hour, each phrase at its own threshold, {}:"
    blocks = [
        _aims(rows),
        _phrases(rocs, said.format(rates, "near-words among the negatives")),
        _phrases(others, said.format(rates, "without near-words")),
        _shipped(rocs, thresholds, "near-words among the negatives"),
        _shipped(others, thresholds, "without near-words"),
        _costs(costs),
    ]
    return "\n\n".join("\n".join(block) for block in blocks)


def document(rocs: Rocs, rows: Sequence[Aim], costs: Costs) -> dict[str, Any]:
    """Return all of it for programs, with every point of every curve: threshold, hits, false accepts an hour."""
    return {
        "aims": [
            {"what": row.what, "limit": row.limit, "unit": row.unit, "measured": row.measured, "reached": row.reached}
            for row in rows
        ],
        "core_share": {f"{listener}, {condition}": share for (listener, condition), share in costs.items()},
        "curves": [
            {
                "listener": listener,
                "condition": condition,
                "phrase": phrase,
                "clips": len(roc.said),
                "hours": round(roc.hours, 3),
                "misses": roc.misses(roc.threshold()),
                "points": roc.points(),
            }
            for (listener, condition), by_phrase in rocs.items()
            for phrase, roc in by_phrase.items()
        ],
    }


def _aims(rows: Sequence[Aim]) -> list[str]:
    lines = ["| | aim | measured | reached |", "| --- | --- | --- | --- |"]
    for row in rows:
        sign = "≥" if row.least else "≤"
        measured = (
            "not measured" if row.measured is None else f"{row.measured:.{2 if row.limit < 1 else 1}f} {row.unit}"
        )
        reached = {True: "yes", False: "**no**", None: ""}[row.reached]
        lines.append(f"| {row.what} | {sign} {row.limit:g} {row.unit} | {measured} | {reached} |")
    return lines


def _phrases(rocs: Rocs, title: str) -> list[str]:
    columns = list(rocs)
    titles = [f"{listener}, {where}, {_hours(rocs[listener, where])}" for listener, where in columns]
    lines = [title, "", f"| phrase | recordings | {' | '.join(titles)} |", f"| --- | --- |{' --- |' * len(columns)}"]
    for phrase, first in next(iter(rocs.values())).items():
        cells = [_at_each_rate({phrase: rocs[column][phrase]}) for column in columns]
        lines.append(f"| {phrase} | {len(first.said)} | {' | '.join(cells)} |")
    means = [_at_each_rate(rocs[column]) for column in columns]
    return [*lines, f"| **mean** | | {' | '.join(means)} |"]


def _at_each_rate(rocs: Mapping[str, Roc]) -> str:
    return " / ".join(f"{fmean(misses(rocs, rate)):.1f}" for rate in _RATES)


def _hours(rocs: Mapping[str, Roc]) -> str:
    """How many hours of negatives there were for each phrase: a listener to compare with hears fewer."""
    return f"{min(roc.hours for roc in rocs.values()):.1f} h"


def _shipped(rocs: Rocs, thresholds: Thresholds, title: str) -> list[str]:
    """What the agent does as it is shipped, at three sensitivities: its thresholds know none of these recordings."""
    lines = [
        f"With the model's own thresholds, mean over phrases (misses, false accepts an hour), {title}:",
        "",
        "| sensitivity | clean | 10 dB SNR |",
        "| --- | --- | --- |",
    ]
    conditions: tuple[Condition, ...] = ("clean", "noise")
    for sensitivity in _SENSITIVITIES:
        cells = []
        for condition in conditions:
            by_phrase = rocs.get(("agent", condition), {})
            ats = [(roc, thresholds.least_score(phrase, sensitivity)) for phrase, roc in by_phrase.items()]
            missed = fmean(roc.misses(at) for roc, at in ats) if ats else 0.0
            wrong = fmean(roc.per_hour(at) for roc, at in ats) if ats else 0.0
            cells.append(f"{100 * missed:.1f} %, {wrong:.1f}" if ats else "")
        lines.append(f"| {sensitivity:g} | {' | '.join(cells)} |")
    return lines


def _costs(costs: Costs) -> list[str]:
    each = ", ".join(f"{listener}, {where} {100 * share:.1f} %" for (listener, where), share in costs.items())
    return [f"Share of one core while these recordings were heard: {each}."]
