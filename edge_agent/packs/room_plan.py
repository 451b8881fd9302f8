"""Which packs get room on the disk, and in which order they are fetched. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final

from edge_agent.model.shelf_room import Playing, RoomPlace, RoomReason
from edge_agent.model.wording import Said, Size, Wording
from edge_agent.packs.eviction import Claim, eviction_order, places
from edge_agent.packs.shelf_record import Entry

_NO_ROOM: Final = Wording(
    "pack.no_room",
    "It does not fit: {needed} would be needed with everything else on the shelf, and the budget is {budget}.",
)


@dataclass(frozen=True, slots=True)
class RoomPlan:
    """`fetch` are the entries to complete, in order; `keep` the hashes of every asset and list that may stay.

    `refused` says by target name why a pack that is on its way gets no room; those in `over` get none merely since
    their flights have ended. `evicted` are the entries whose version that can play has to go. `places` is the same
    for a person.
    """

    fetch: tuple[Entry, ...]
    keep: frozenset[str]
    refused: Mapping[str, Said]
    over: frozenset[str]
    evicted: tuple[Entry, ...]
    places: tuple[RoomPlace, ...]


def plan_room(
    entries: Iterable[Entry],
    budget_bytes: int,
    now: datetime,
    playing: Playing = frozenset(),
    zone: tzinfo = UTC,
) -> RoomPlan:
    """Give the budget out by the reverse of the eviction order: what goes last is served first.

    What is on its way never takes the room of what can play, but for packs that are over. A pack whose flights are
    all over is not refused for that: the clock may be wrong. The last complete version keeps its room until the
    newest is complete. Assets that packs share count once, with the greatest length that any of them signs.
    """
    order = eviction_order(entries, now, playing)
    room: dict[str, int] = {}
    taken_bytes = 0
    refused: dict[str, Said] = {}
    inside: list[Claim] = []
    fetch: list[Entry] = []
    evicted: list[Entry] = []
    over: set[str] = set()
    for claim in reversed(order):
        added = {sha256: length for sha256, length in claim.files.items() if length > room.get(sha256, 0)}
        total_bytes = taken_bytes + sum(length - room.get(sha256, 0) for sha256, length in added.items())
        name = claim.entry.target_name
        if total_bytes <= budget_bytes:
            room |= added
            taken_bytes = total_bytes
            inside.append(claim)
            if not claim.is_whole:
                fetch.append(claim.entry)
        elif claim.is_whole:
            evicted.append(claim.entry)
        else:
            refused[name] = _NO_ROOM(needed=Size(total_bytes), budget=Size(budget_bytes))
            if claim.reason is RoomReason.OVER:
                over.add(name)
    return RoomPlan(
        fetch=tuple(fetch),
        keep=frozenset(room),
        refused=refused,
        over=frozenset(over),
        evicted=tuple(evicted),
        places=places(order, frozenset(inside), zone),
    )
