"""Which packs get room on the disk, and in which order they are fetched. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from edge_agent.packs.manifest import Manifest
from edge_agent.packs.shelf_record import Entry


@dataclass(frozen=True, slots=True)
class RoomPlan:
    """`fetch` are the entries to complete, in order; `keep` the hashes of every asset that may stay.

    `refused` says by target name why a pack gets no room.
    """

    fetch: tuple[Entry, ...]
    keep: frozenset[str]
    refused: Mapping[str, str]


def plan_room(entries: Iterable[Entry], budget_bytes: int, now: datetime) -> RoomPlan:
    """Give the budget out: to what is complete first, then to what is wanted next.

    A pack whose flights are all over comes last, but is not refused for that: the clock may be wrong. The last
    complete version keeps its room until the newest is complete. Assets that packs share count once.
    """
    room: dict[str, int] = {}
    refused: dict[str, str] = {}
    fetch: list[Entry] = []
    ranked = sorted(entries, key=lambda entry: _rank(entry, now))
    for entry in ranked:
        if entry.complete is not None and not _is_over(entry.complete, now):
            room |= _assets(entry.complete)
    for entry in ranked:
        if entry.complete is not None and sum((room | _assets(entry.complete)).values()) <= budget_bytes:
            room |= _assets(entry.complete)
        if entry.newest is None or entry.is_complete or entry.reason:
            continue
        needed = room | _assets(entry.newest)
        total_bytes = sum(needed.values())
        if total_bytes > budget_bytes:
            refused[entry.target_name] = (
                f"It does not fit: {total_bytes} bytes would be needed with everything else on the shelf, "
                f"and the budget is {budget_bytes}."
            )
            continue
        room = needed
        fetch.append(entry)
    return RoomPlan(tuple(fetch), frozenset(room), refused)


def _rank(entry: Entry, now: datetime) -> tuple[bool, datetime, str]:
    manifest = entry.newest or entry.complete
    if manifest is None:
        return (True, now, entry.target_name)
    starts = min(item.flight.start for item in manifest.campaign.line_items)
    return (_is_over(manifest, now), max(starts, now), entry.target_name)


def _is_over(manifest: Manifest, now: datetime) -> bool:
    return all(item.flight.end <= now for item in manifest.campaign.line_items)


def _assets(manifest: Manifest) -> dict[str, int]:
    return {asset.sha256: asset.length for asset in manifest.assets.values()}
