"""What was measured, as rows for people, for programs, and for a model card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from tests.bench.wake.listeners import Tally
from tests.bench.wake.recordings import Condition

PROTOTYPE_SETTINGS: Final = (".2/1.5/0", ".2/1.2/3", ".3/2.2/-2")
PROTOTYPE: Final[Mapping[str, tuple[str, str, str]]] = MappingProxyType(
    {
        "alexa": ("73%, 0", "79%, 5", "71%, 1"),
        "computer": ("86%, 3", "89%, 18", "81%, 3"),
        "snowboy": ("95%, 3", "99%, 21", "89%, 0"),
        "view glass": ("83%, 0", "93%, 0", "77%, 0"),
        "athena": ("71%, 3", "85%, 27", "63%, 2"),
        "amelia": ("58%, 9", "71%, 18", "55%, 2"),
    }
)
"""Published hits and false accepts of the prototype's model at its three settings of acoustic scale, cost of a phone
of `[unk]` and of `[unk]`: clean, the first 150 clips, about 20 minutes of negatives (not the same ones)."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One listener on one phrase under one condition."""

    listener: str
    phrase: str
    condition: Condition
    said: Tally
    others: Tally

    @property
    def hit_rate(self) -> float:
        return self.said.heard / self.said.clips

    @property
    def false_accepts_per_hour(self) -> float:
        return self.others.heard / self.others.audio_s * 3600

    @property
    def core_share(self) -> float:
        return (self.said.cpu_s + self.others.cpu_s) / (self.said.audio_s + self.others.audio_s)

    def as_json(self) -> dict[str, object]:
        return {
            "listener": self.listener,
            "phrase": self.phrase,
            "condition": self.condition,
            "clips": self.said.clips,
            "hits": self.said.heard,
            "hit_rate": round(self.hit_rate, 4),
            "negative_clips": self.others.clips,
            "negative_hours": round(self.others.audio_s / 3600, 3),
            "false_accepts": self.others.heard,
            "core_share": round(self.core_share, 4),
        }


def markdown(measured: Sequence[Measured]) -> str:
    """Return a table with a row for each phrase and condition and a column for each listener.

    A cell holds the hit rate and the number of false accepts.
    """
    listeners = list(dict.fromkeys(row.listener for row in measured))
    cells = {(row.phrase, row.condition, row.listener): row for row in measured}
    places = list(dict.fromkeys((row.phrase, row.condition) for row in measured))
    prototypes = [f"prototype {setting}" for setting in PROTOTYPE_SETTINGS]
    nothing = ("",) * len(prototypes)
    lines = [
        f"| phrase | clips | negatives | {' | '.join([*listeners, *prototypes])} |",
        f"| --- | --- | --- | {' | '.join(['---'] * (len(listeners) + len(prototypes)))} |",
    ]
    for phrase, condition in places:
        rows = [cells[phrase, condition, listener] for listener in listeners]
        figures = [f"{row.hit_rate:.0%}, {row.others.heard}" for row in rows]
        published = PROTOTYPE.get(phrase, nothing) if condition == "clean" else nothing
        first = rows[0]
        where = f"{phrase} ({condition}) | {first.said.clips} | {first.others.audio_s / 60:.0f} min"
        lines.append(f"| {where} | {' | '.join([*figures, *published])} |")
    lines += _summary(measured, listeners)
    return "\n".join(lines)


def _summary(measured: Sequence[Measured], listeners: Sequence[str]) -> list[str]:
    lines = []
    for condition in dict.fromkeys(row.condition for row in measured):
        figures = []
        for listener in listeners:
            rows = [row for row in measured if (row.listener, row.condition) == (listener, condition)]
            hours = sum(row.others.audio_s for row in rows) / 3600
            mean = sum(row.hit_rate for row in rows) / len(rows)
            figures.append(f"{mean:.1%}, {sum(row.others.heard for row in rows) / hours:.1f} an hour")
        lines.append(f"| **mean ({condition})** | | | {' | '.join(figures)} |{' |' * len(PROTOTYPE_SETTINGS)}")
    shares = []
    for listener in listeners:
        rows = [row for row in measured if row.listener == listener]
        shares.append(f"{sum(row.core_share for row in rows) / len(rows):.1%}")
    return [*lines, f"| share of one core | | | {' | '.join(shares)} |{' |' * len(PROTOTYPE_SETTINGS)}"]
