"""How much of a device the manifests of one advertiser may take, whatever it signs. Pure.

A manifest is read before anybody knows whether its pack has room, and stays in memory and on the disk: an advertiser
may sign thousands. So each has SHARE_BYTES of them, counted in blocks as disks have them, and none has less for what
another signs. Where that is short, the versions that can play stay; newer ones of theirs have room first, then other
packs, in the order of their names, each that fits. While a newer version arrives both are here, so that an advertiser
never has more than twice its share.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from edge_agent.model.errors import StorageError
from edge_agent.packs.formats.manifest import parse_target_name

SHARE_BYTES: Final = 4 * 2**20
"""Over a thousand packs of the usual kind, or 32 with the longest manifests; in memory about ten times as much."""

BLOCK_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Claimed:
    """A pack: `length` is that of its newest manifest, `standing_bytes` that of the one that can play (0: none)."""

    target_name: str
    length: int
    standing_bytes: int = 0


def without_share(claims: Iterable[Claimed]) -> Mapping[str, StorageError]:
    """Return, by target name, those whose newest manifest is not to be read, with why: one reason an advertiser."""
    of: dict[str, list[Claimed]] = {}
    for claim in sorted(claims, key=lambda claim: claim.target_name):
        parsed = parse_target_name(claim.target_name)
        if parsed is not None:
            of.setdefault(parsed[0], []).append(claim)
    left_out: dict[str, StorageError] = {}
    for advertiser, own in of.items():
        taken_bytes = sum(_blocks(claim.standing_bytes) for claim in own)
        for claim in sorted(own, key=lambda claim: not claim.standing_bytes):
            more_bytes = max(0, _blocks(claim.length) - _blocks(claim.standing_bytes))
            if not more_bytes or taken_bytes + more_bytes <= SHARE_BYTES:
                taken_bytes += more_bytes
            else:
                left_out[claim.target_name] = _why(advertiser, own)
    return left_out


def _blocks(length: int) -> int:
    return -(-length // BLOCK_BYTES) * BLOCK_BYTES


def _why(advertiser: str, own: list[Claimed]) -> StorageError:
    total_bytes = sum(_blocks(claim.length) for claim in own)
    return StorageError(
        f"{advertiser} has signed {len(own)} packs, whose manifests take {total_bytes / 2**20:.1f} MiB: "
        f"a device reads {SHARE_BYTES / 2**20:.1f} MiB of one advertiser.",
        "What can play stays, and others are read in the order of their names. Take back packs that are over.",
    )
