"""Judges what an advertiser signs by what devices read of one advertiser, before they do. Pure."""

from collections.abc import Iterable
from typing import Final

from edge_agent.model.errors import FormatError
from edge_agent.packs.formats.manifest import Manifest
from edge_agent.packs.shares import SHARE_BOOKED, SHARE_BYTES, in_blocks

_FIX: Final = (
    "Take back packs that are over: edge-agent fleet revoke PACK, or its advertiser with fleet pack withdraw."
)


def refuse_past_share(advertiser: str, signed: Iterable[tuple[Manifest, int]]) -> None:
    """Raise FormatError where devices would leave out some of all packs of one advertiser.

    Each is `signed` with the length of its manifest in bytes. Bookings count where they are for the same kind of
    device; how long a manifest is matters to every device, which reads it to know.
    """
    packs = list(signed)
    taken_bytes = sum(in_blocks(length) for _, length in packs)
    if taken_bytes > SHARE_BYTES:
        raise FormatError(
            f"With this, {advertiser}'s {len(packs)} packs have manifests of {taken_bytes / 2**20:.2f} MiB, and "
            f"devices read {SHARE_BYTES / 2**20:g} MiB of one advertiser.",
            _FIX,
        )
    for kind in sorted({"", *(kind for manifest, _ in packs for kind in manifest.kinds)}):
        own = [manifest for manifest, _ in packs if not manifest.kinds or kind in manifest.kinds]
        booked = sum(manifest.campaign.booked for manifest in own)
        if booked > SHARE_BOOKED:
            raise FormatError(
                f"With this, the line items of {advertiser}'s {len(own)} packs for one {kind or 'device'} name "
                f"{booked} creatives, and devices weigh {SHARE_BOOKED} of one advertiser.",
                _FIX,
            )
