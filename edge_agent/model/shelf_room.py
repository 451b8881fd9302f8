"""Room on the disk for packs: who goes first when it is short, and why, in terms that every page can say."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from edge_agent.model.wording import Said

Campaigned = tuple[str, str]
"""A campaign as plays know it: its advertiser, and its id."""


Playing = frozenset[Campaigned]
"""What is rendered now. What was rendered before is nothing to the shelf: whoever sees what a device fetches again
would learn of it."""


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
    IN_FLIGHT = "in_flight"
    """It may play, until its last flight ends then."""
    NOW = "now"
    """It plays."""


@dataclass(frozen=True, slots=True)
class RoomPlace:
    """One pack's place: 1 goes first; 0 has no room. Its going would free `frees_bytes`, which no other pack needs.

    `why` is all of it as one sentence.
    """

    name: str
    place: int
    fate: RoomFate
    reason: RoomReason
    at: datetime
    frees_bytes: int
    why: Said
