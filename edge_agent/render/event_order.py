"""Pure: in which order a hook may report events. Everything that affects it is in this file.

A hook may leave quartiles out (a poster has few reasons to count them) and never goes back; what was not seen or
heard cannot be complete; nothing follows a final event; time does not run backwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from edge_agent.model.play import PlayEventKind as Kind
from edge_agent.render.hook_protocol import HookEvent

_ABANDONED: Final = frozenset({Kind.SKIP, Kind.CLOSE, Kind.ERROR})

RENDERING: Final[Mapping[Kind | None, frozenset[Kind]]] = {
    None: frozenset({Kind.LOADED, Kind.CLOSE, Kind.ERROR}),
    Kind.LOADED: _ABANDONED | {Kind.IMPRESSION},
    Kind.IMPRESSION: _ABANDONED | {Kind.FIRST_QUARTILE, Kind.MIDPOINT, Kind.THIRD_QUARTILE, Kind.COMPLETE},
    Kind.FIRST_QUARTILE: _ABANDONED | {Kind.MIDPOINT, Kind.THIRD_QUARTILE, Kind.COMPLETE},
    Kind.MIDPOINT: _ABANDONED | {Kind.THIRD_QUARTILE, Kind.COMPLETE},
    Kind.THIRD_QUARTILE: _ABANDONED | {Kind.COMPLETE},
    Kind.COMPLETE: frozenset(),
    Kind.SKIP: frozenset(),
    Kind.CLOSE: frozenset(),
    Kind.ERROR: frozenset(),
}
"""`show` and `say`: what may follow what."""

STAGING: Final[Mapping[Kind | None, frozenset[Kind]]] = {
    None: frozenset({Kind.COMPLETE, Kind.ERROR}),
    Kind.COMPLETE: frozenset(),
    Kind.ERROR: frozenset(),
}
"""`stage`: one answer, since nothing is rendered."""


@dataclass(frozen=True, slots=True)
class Lie:
    """An event that cannot be true after those before it; `reason` is one sentence."""

    reason: str


@dataclass(frozen=True, slots=True)
class Course:
    """How far a hook has come."""

    table: Mapping[Kind | None, frozenset[Kind]]
    last: Kind | None = None
    t_ms: int = 0

    def after(self, event: HookEvent) -> "Course | Lie":
        """Return the course with that event, or why it cannot be."""
        if event.event not in self.table[self.last]:
            before = f"after {self.last}" if self.last else "as its first event"
            return Lie(f"The hook reported {event.event} {before}, which cannot be.")
        if event.t_ms < self.t_ms:
            return Lie(f"The hook reported {event.event} at {event.t_ms} ms, before its last event ({self.t_ms} ms).")
        return Course(self.table, event.event, event.t_ms)

    @property
    def is_over(self) -> bool:
        """Whether a final event was reported."""
        return self.last is not None and self.last.is_final
