"""Shell: keeps the mirrors' folder like what is signed."""

from collections.abc import Callable, Iterator
from itertools import chain

from edge_agent.fleet.publishing.mirror_folder import (
    Mirrored,
    mirrored_assets,
    missing_files,
    read_choice,
    write_asset,
)
from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.fleet.signing.signed_packs import manifests
from edge_agent.fleet.signing.voice_packs import voice_packs
from edge_agent.packs.fetching.download import Parcel


def signed_parcels(fleet: FleetRepository) -> Iterator[Parcel]:
    """Yield everything that stands and comes in chunks."""
    return chain(manifests(fleet), voice_packs(fleet))


def write_folder(fleet: FleetRepository, progress: Callable[[str, int, int], None]) -> Mirrored | None:
    """Write what the mirrors' folder lacks; None when nothing of this fleet is on mirrors. Raises StorageError."""
    choice = read_choice(fleet.directory)
    if choice.folder is None or choice.assets_on == "broker":
        return None
    assets = mirrored_assets(signed_parcels(fleet), choice)
    missing = missing_files(choice, assets)
    total_bytes, done_bytes = sum(asset.length for asset in missing), 0
    for asset in missing:
        write_asset(fleet, asset, choice.folder)
        done_bytes += asset.length
        progress("mirroring", done_bytes, total_bytes)
    return Mirrored(str(choice.folder), len(missing), total_bytes, len(assets))


def is_whole(fleet: FleetRepository) -> bool:
    """Whether the mirrors' folder lacks nothing that belongs there."""
    choice = read_choice(fleet.directory)
    return not missing_files(choice, mirrored_assets(signed_parcels(fleet), choice))
