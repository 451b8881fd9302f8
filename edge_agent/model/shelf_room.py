"""Room on the disk for packs: who goes first when it is short, and why, in terms that every page can say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from edge_agent.model.wording import Said

Campaigned = tuple[str, str]
"""A campaign as plays know it: its advertiser, and its id."""


@dataclass(frozen=True, slots=True)
class Played:
    """What is rendered now, and when each campaign was last rendered, as far as that is on record."""

    now: frozenset[Campaigned] = frozenset()
    last: Mapping[Campaigned, datetime] = field(default_factory=dict)


class RoomFate(StrEnum):
    """What becomes of a pack when the budget gets shorter."""

    FIRST = "first"
    NEXT = "next"
    STAYS = "stays"
    OUT = "out"
    """It has no room already."""


class RoomReason(StrEnum):
    """Why a pack has its place, from what goes first to what goes last. `at` of a `RoomPlace` says when."""

    OVER = "over"
    """Its last flight ended then."""
    ARRIVING = "arriving"
    """It is not whole yet, and so cannot play."""
    LATER = "later"
    """Its first flight starts only then."""
    UNPLAYED = "unplayed"
    """It was last played then, on an earlier day."""
    NEVER = "never"
    """No play of it is on record since its flight began then."""
    TODAY = "today"
    """It was last played then, today."""
    NOW = "now"
    """It plays."""


@dataclass(frozen=True, slots=True)
class RoomPlace:
    """One pack's place: 1 goes first; 0 has no room. Its going would free `frees_bytes`, which no other pack needs.

    `why` is all of it as one sentence; `days` is how long ago `at` is, in days of the device's own.
    """

    name: str
    place: int
    fate: RoomFate
    reason: RoomReason
    at: datetime
    days: int
    frees_bytes: int
    why: Said
