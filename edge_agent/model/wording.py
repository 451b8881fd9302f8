"""What the agent says to people: a wording and its facts, so that a page may say it in another language. Pure.

A wording is written once, in English, where the rule is that says it. Every other language knows it by its name and
has its own template of the same facts (`debug/page/sentences.json`); the agent does not know which languages there
are. Nothing that is said is put together from parts of sentences, which no other language would order alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from functools import cached_property
from string import Formatter
from typing import Final

from edge_agent.model.campaign import Daypart

_UNITS: Final = ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute"))


class WallStyle(StrEnum):
    """How much of a moment a sentence tells."""

    TIME = "time"
    DAY_TIME = "day_time"
    """The weekday and the time."""
    DATE = "date"
    DATE_TIME = "date_time"


@dataclass(frozen=True, slots=True)
class Wall:
    """A moment as the device's own wall clock and calendar show it; an offset that it has is not looked at."""

    at: datetime
    style: WallStyle

    def __str__(self) -> str:
        return f"{self.at:{_WALL[self.style]}}"


@dataclass(frozen=True, slots=True)
class Term:
    """One of the vocabulary's own words: `name` of `group`, such as `boot_screen` of `format`."""

    group: str
    name: str

    def __str__(self) -> str:
        return self.name.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Language:
    """A language by its BCP 47 tag."""

    tag: str

    def __str__(self) -> str:
        return self.tag


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours of a day, each from its start to its end."""

    spans: tuple[tuple[time, time], ...]

    @classmethod
    def of(cls, dayparts: tuple[Daypart, ...]) -> "Hours":
        """Return the hours of `dayparts`, whatever their weekdays."""
        return cls(tuple((part.start, part.end) for part in dayparts))

    def __str__(self) -> str:
        return ", ".join(f"{start:%H:%M}-{end:%H:%M}" for start, end in self.spans)


@dataclass(frozen=True, slots=True)
class Size:
    """A number of bytes."""

    size_bytes: int

    def __str__(self) -> str:
        return f"{self.size_bytes} bytes"


@dataclass(frozen=True, slots=True)
class Said:
    """One sentence: its wording, and the facts in it. `str()` gives it in English."""

    wording: "Wording"
    facts: "Mapping[str, Fact]" = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What every other language knows the wording by."""
        return self.wording.name

    def __str__(self) -> str:
        return self.wording.english.format_map({name: _in_english(fact) for name, fact in self.facts.items()})


Fact = str | int | float | timedelta | Wall | Term | Language | Hours | Size | Said
"""What a sentence is about. A plain string is a name, or what somebody else wrote, and stays as it is everywhere."""


@dataclass(frozen=True)
class Wording:
    """A sentence that the agent has, in English, with a `{name}` for each fact.

    `name` begins with the rule that says it (`hourly_cap.reached`) and stays when the English is reworded. Where the
    English is one free fact alone (`{text}`), another language says what it can without it.
    """

    name: str
    english: str

    def __call__(self, **facts: Fact) -> Said:
        """Say it. The facts are those that the wording names (RuntimeError)."""
        if facts.keys() != self.placeholders:
            raise RuntimeError(f"{self.name} tells of {sorted(self.placeholders)}, not of {sorted(facts)}")
        return Said(self, facts)

    @cached_property
    def placeholders(self) -> frozenset[str]:
        """The names of the facts."""
        return placeholders(self.english)


def placeholders(template: str) -> frozenset[str]:
    """Return the names of the facts in a template, of whatever language."""
    return frozenset(name for _, name, _, _ in Formatter().parse(template) if name is not None)


def _in_english(fact: Fact) -> str:
    match fact:
        case float():
            return f"{fact:g}"
        case timedelta():
            return _length(fact)
        case _:
            return str(fact)


_WALL: Final = {
    WallStyle.TIME: "%H:%M",
    WallStyle.DAY_TIME: "%A %H:%M",
    WallStyle.DATE: "%Y-%m-%d",
    WallStyle.DATE_TIME: "%Y-%m-%d %H:%M",
}


def _length(span: timedelta) -> str:
    """Write a span in the largest unit that divides it."""
    for unit, name in _UNITS:
        if span % unit == timedelta(0):
            count = span // unit
            return f"one {name}" if count == 1 else f"{count} {name}s"
    return f"{span.total_seconds():g} seconds"
