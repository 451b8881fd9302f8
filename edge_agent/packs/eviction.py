"""Who goes first when the budget is short, in an order that a person can read. Pure.

From what goes first to what goes last:

1. packs whose flights are all over, the one that ended longest ago first;
2. what is not whole yet and so cannot play, the one whose flight starts last first;
3. whole packs whose flight has yet to start, the one that starts last first;
4. whole packs in flight, the one whose last flight ends first;
5. what plays now.

What was played says nothing here: a broker sees what a device fetches again, and would learn it from that.

Of two that are alike in this, the later name goes first: the order is total, and the same at every look. A version
that still plays and the newer one that is on its way hold two places. `room_plan` gives the budget out by the reverse
of this order, so that a pack goes only when it does not fit beside what would go after it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from edge_agent.model.shelf_room import Playing, RoomFate, RoomPlace, RoomReason
from edge_agent.model.wording import Said, Wall, WallStyle, Wording
from edge_agent.packs.formats.manifest import Manifest, shelf_name
from edge_agent.packs.shelf_record import Entry

_GROUPS = {
    RoomReason.NOW: 0,
    RoomReason.IN_FLIGHT: 1,
    RoomReason.LATER: 2,
    RoomReason.ARRIVING: 3,
    RoomReason.OVER: 4,
}
_LATEST_STAYS = {RoomReason.IN_FLIGHT, RoomReason.OVER}


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """Room that is asked for: by a version that can play (`is_whole`), or for the newest, which is on its way."""

    entry: Entry
    manifest: Manifest
    is_whole: bool
    reason: RoomReason
    at: datetime

    @property
    def files(self) -> Mapping[str, int]:
        """The length of each asset and list of chunks by its hash; two names for one content count once."""
        assets = self.manifest.assets.values()
        lists = {part.sha256: part.length for asset in assets for part in asset.chunk_lists}
        return lists | {asset.sha256: asset.length for asset in assets}


def eviction_order(entries: Iterable[Entry], now: datetime, playing: Playing) -> tuple[Claim, ...]:
    """Return every claim for room, what goes first at the beginning."""
    claims = [claim for entry in entries for claim in _claims(entry, now, playing)]
    return tuple(sorted(claims, key=lambda claim: _worth(claim, now), reverse=True))


def _claims(entry: Entry, now: datetime, playing: Playing) -> Iterable[Claim]:
    signed = entry.newest or entry.complete
    if signed is None:
        return
    end = max(item.flight.end for item in signed.campaign.line_items)
    if entry.complete is not None:
        reason, at = (RoomReason.OVER, end) if end <= now else _of_whole(entry.complete, now, end, playing)
        yield Claim(entry, entry.complete, is_whole=True, reason=reason, at=at)
    if entry.newest is not None and not entry.is_complete and not entry.reason:
        over = end <= now
        yield Claim(
            entry,
            entry.newest,
            is_whole=False,
            reason=RoomReason.OVER if over else RoomReason.ARRIVING,
            at=end if over else _start(entry.newest),
        )


def _of_whole(manifest: Manifest, now: datetime, end: datetime, playing: Playing) -> tuple[RoomReason, datetime]:
    if (manifest.campaign.advertiser, manifest.campaign.id) in playing:
        return RoomReason.NOW, now
    start = _start(manifest)
    return (RoomReason.LATER, start) if start > now else (RoomReason.IN_FLIGHT, end)


def _worth(claim: Claim, now: datetime) -> tuple[int, float, str, bool]:
    """Return what sorts claims: what stays longest has the least."""
    at = max(claim.at, now) if claim.reason is RoomReason.ARRIVING else claim.at
    seconds = at.timestamp()
    return (
        _GROUPS[claim.reason],
        -seconds if claim.reason in _LATEST_STAYS else seconds,
        claim.entry.target_name,
        not claim.is_whole,
    )


def places(order: Sequence[Claim], with_room: Collection[Claim], zone: tzinfo) -> tuple[RoomPlace, ...]:
    """Return each pack's place, what goes first at the beginning and what has no room at the end.

    A pack with a version that plays has that one's place. `zone` says which date it is.
    """
    shown: dict[str, Claim] = {}
    for claim in order:
        if claim.entry.target_name not in shown or claim.is_whole:
            shown[claim.entry.target_name] = claim
    inside = [claim for claim in order if claim in with_room and shown[claim.entry.target_name] is claim]
    outside = [claim for claim in order if claim not in with_room and shown[claim.entry.target_name] is claim]
    users: dict[str, int] = {}
    for claim in with_room:
        for sha256 in claim.files:
            users[sha256] = users.get(sha256, 0) + 1
    found = []
    for place, claim in enumerate(inside, 1):
        fate = RoomFate.STAYS if claim.reason is RoomReason.NOW else RoomFate.FIRST if place == 1 else RoomFate.NEXT
        frees_bytes = sum(length for sha256, length in claim.files.items() if users[sha256] == 1)
        found.append(_place(claim, place, fate, frees_bytes, zone))
    found += [_place(claim, 0, RoomFate.OUT, 0, zone) for claim in outside]
    return tuple(found)


def _place(claim: Claim, place: int, fate: RoomFate, frees_bytes: int, zone: tzinfo) -> RoomPlace:
    return RoomPlace(
        name=shelf_name(claim.entry.target_name),
        place=place,
        fate=fate,
        reason=claim.reason,
        at=claim.at,
        frees_bytes=frees_bytes,
        why=_FATES[fate](reason=_reason(claim, zone)),
    )


_FATES = {
    RoomFate.FIRST: Wording("room.first", "Goes first: {reason}."),
    RoomFate.NEXT: Wording("room.next", "Next: {reason}."),
    RoomFate.STAYS: Wording("room.stays", "Stays: {reason}."),
    RoomFate.OUT: Wording("room.out", "Has no room: {reason}."),
}


_OVER: Final = Wording("room.over", "its flight ended on {date}")
_ARRIVING: Final = Wording("room.arriving", "it is not whole yet")
_LATER: Final = Wording("room.later", "its flight starts only on {date}")
_IN_FLIGHT: Final = Wording("room.in_flight", "its flight ends on {date}")
_PLAYING: Final = Wording("room.now", "it plays now")


def _reason(claim: Claim, zone: tzinfo) -> Said:
    date = Wall(claim.at.astimezone(zone), WallStyle.DATE)
    reasons: Mapping[RoomReason, Said] = {
        RoomReason.NOW: _PLAYING(),
        RoomReason.IN_FLIGHT: _IN_FLIGHT(date=date),
        RoomReason.LATER: _LATER(date=date),
        RoomReason.ARRIVING: _ARRIVING(),
        RoomReason.OVER: _OVER(date=date),
    }
    return reasons[claim.reason]


def _start(manifest: Manifest) -> datetime:
    return min(item.flight.start for item in manifest.campaign.line_items)
