"""Plays: one rendering, its events, and the exact local proof of it. None of these types leaves the device."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from edge_agent.model.catalog import Candidate
from edge_agent.model.identity import DecisionId, PlayId
from edge_agent.model.moment import Slot

_UNKNOWN_DECISION: Final = DecisionId("")


class PlayEventKind(StrEnum):
    """VAST 4.3 tracking events, as the hook that renders reports them."""

    LOADED = "loaded"
    IMPRESSION = "impression"
    FIRST_QUARTILE = "firstQuartile"
    MIDPOINT = "midpoint"
    THIRD_QUARTILE = "thirdQuartile"
    COMPLETE = "complete"
    SKIP = "skip"
    CLOSE = "close"
    ERROR = "error"

    @property
    def is_final(self) -> bool:
        """Whether nothing follows."""
        return self in {PlayEventKind.COMPLETE, PlayEventKind.SKIP, PlayEventKind.CLOSE, PlayEventKind.ERROR}


class CloseCause(StrEnum):
    """Why a play was closed before its end."""

    PRESS = "press"
    WORD = "word"
    NOT_INTERESTED = "not_interested"
    FOLLOWED_UP = "followed_up"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    BLOCKED = "blocked"
    """The resident switched its format off, or blocked its advertiser or category, while it played."""
    REVOKED = "revoked"
    DEVICE = "device"
    """A call came in, do-not-disturb went on, or the device was switched off."""
    QUIET_HOURS = "quiet_hours"
    """They began, by the time or because they were set, and nobody had asked for the play."""
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True)
class Play:
    """One rendering that was decided on. `paths` are the creative's assets on disk, by name."""

    id: PlayId
    decision_id: DecisionId
    slot: Slot
    candidate: Candidate
    started_at: datetime
    paths: Mapping[str, Path]
    turn: str = ""
    """For a voice_dialogue: the turn that is being said."""


def one_line(text: str) -> str:
    """Return `text` without what a terminal would obey or a log would take for a line of its own."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


Detail = Annotated[str, Field(max_length=300), AfterValidator(one_line)]
"""What whoever renders says of an error, for a person."""


@dataclass(frozen=True, slots=True)
class PlayEvent:
    """One event of a play. `t_ms` is measured by the hook from its own start; `detail` only explains errors."""

    play_id: PlayId
    kind: PlayEventKind
    at: datetime
    t_ms: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ProofOfPlay:
    """The exact record of one rendering, for the resident's eyes; it never leaves the device."""

    play_id: PlayId
    crid: str
    line_item: str
    campaign: str
    advertiser: str
    format: str
    moment: str
    started_at: datetime
    ended_at: datetime | None
    events: tuple[PlayEvent, ...] = field(default=())
    close_cause: CloseCause | None = None
    decision_id: DecisionId = _UNKNOWN_DECISION
    """The decision that led to it; the turns of one dialogue share theirs."""

    @property
    def was_rendered(self) -> bool:
        """Whether the hook proved an impression; nothing else counts."""
        return any(event.kind is PlayEventKind.IMPRESSION for event in self.events)

    @property
    def last_kind(self) -> PlayEventKind | None:
        """The newest event's kind, or None before the first."""
        return self.events[-1].kind if self.events else None
