"""How much of a device the packs of one advertiser may take before any of them has room, whatever it signs. Pure.

A manifest is read before anybody knows whether its pack has room, and stays in memory and on the disk: an advertiser
may sign thousands. So each has SHARE_BYTES of them, counted in blocks as disks have them, and its line items may name
SHARE_BOOKED creatives between them, since all of those are weighed at a moment. None has less for what another signs.
Where either is short, the versions that can play stay; newer ones of theirs come first then, and other packs after
them, in the order of their names, each that fits. While a newer version arrives both are here, so that an advertiser
never has more than twice its share.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from edge_agent.model.errors import StorageError
from edge_agent.packs.formats.manifest import parse_target_name
from edge_agent.packs.shelf_record import Entry

SHARE_BYTES: Final = 4 * 2**20
"""Over a thousand packs of the usual kind, or 32 with the longest manifests; in memory about ten times as much."""

SHARE_BOOKED: Final = 4096
"""Creatives that line items name, one once for each. A press waits while they are weighed, on a small board too."""

BLOCK_BYTES: Final = 4096
_ORDER: Final = "What can play stays, and others are read in the order of their names. Take back packs that are over."


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a pack takes of its advertiser's share: the newest version, and the one that can play (0: none)."""

    target_name: str
    newest: int
    standing: int = 0


def without_share(claims: Iterable[Claimed]) -> Mapping[str, StorageError]:
    """Return, by target name, those whose newest manifest is not to be read, with why: one reason an advertiser.

    Claims are lengths in bytes.
    """
    blocks = (Claimed(claim.target_name, in_blocks(claim.newest), in_blocks(claim.standing)) for claim in claims)
    return _past_share(
        blocks,
        SHARE_BYTES,
        lambda advertiser, packs, taken: (
            f"{advertiser} has signed {packs} packs, whose manifests take {taken / 2**20:.1f} MiB: "
            f"a device reads {SHARE_BYTES / 2**20:.1f} MiB of one advertiser."
        ),
    )


def within_bookings(entries: Mapping[str, Entry]) -> tuple[dict[str, Entry], Mapping[str, StorageError]]:
    """Return `entries`, without the newest versions that book more than their advertiser's share still holds.

    And, by target name, of which that is so, with why.
    """
    claims = [
        Claimed(entry.target_name, _booked(entry), 0 if entry.complete is None else entry.complete.campaign.booked)
        for entry in entries.values()
    ]
    left_out = _past_share(
        claims,
        SHARE_BOOKED,
        lambda advertiser, packs, booked: (
            f"The line items of {advertiser}'s {packs} packs name {booked} creatives: a device weighs "
            f"{SHARE_BOOKED} of one advertiser."
        ),
    )
    within = {name: past_share(one, left_out[name]) if name in left_out else one for name, one in entries.items()}
    return within, left_out


def past_share(entry: Entry, why: StorageError) -> Entry:
    """Return `entry` without its newest version, for which its advertiser's share has no room."""
    return replace(entry, newest=None, reason=why.said(), past_share=_booked(entry))


def _booked(entry: Entry) -> int:
    return (entry.past_share or 0) if entry.newest is None else entry.newest.campaign.booked


def _past_share(
    claims: Iterable[Claimed], share: int, sentence: Callable[[str, int, int], str]
) -> Mapping[str, StorageError]:
    """Return, by target name, what has no room in its advertiser's share, with why: one reason an advertiser.

    `sentence` is given the advertiser, how many packs it has, and what their newest versions take together.
    """
    of: dict[str, list[Claimed]] = {}
    for claim in sorted(claims, key=lambda claim: claim.target_name):
        parsed = parse_target_name(claim.target_name)
        if parsed is not None:
            of.setdefault(parsed[0], []).append(claim)
    left_out: dict[str, StorageError] = {}
    for advertiser, own in of.items():
        why = StorageError(sentence(advertiser, len(own), sum(claim.newest for claim in own)), _ORDER)
        taken = sum(claim.standing for claim in own)
        for claim in sorted(own, key=lambda claim: not claim.standing):
            more = max(0, claim.newest - claim.standing)
            if not more or taken + more <= share:
                taken += more
            else:
                left_out[claim.target_name] = why
    return left_out


def in_blocks(length: int) -> int:
    """Return what a file of `length` bytes takes on a disk."""
    return -(-length // BLOCK_BYTES) * BLOCK_BYTES
