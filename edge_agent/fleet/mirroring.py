"""Shell: keeps the mirrors' folder like what is signed, and asks a mirror whether it serves it."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Final

from edge_agent.fleet.chunk_folder import listed_chunks, reading
from edge_agent.fleet.mirror_folder import (
    MirrorChoice,
    Mirrored,
    mirrored_assets,
    missing_files,
    read_choice,
    write_asset,
)
from edge_agent.fleet.publish import manifests
from edge_agent.fleet.repository import FleetRepository
from edge_agent.fleet.voice_packs import voice_packs
from edge_agent.model.errors import SettingsError
from edge_agent.packs.download import Parcel
from edge_agent.packs.manifest import PackedAsset, placed
from edge_agent.packs.mirror_client import MirrorClient
from edge_agent.packs.source import Piece
from edge_agent.settings.mirror_url import check_mirror_url

_PATIENCE: Final = timedelta(seconds=20)
_WINDOW: Final = 16


@dataclass(frozen=True, slots=True)
class Checked:
    """What a mirror serves of the assets that belong on it: how many were asked for, and which it does not have."""

    url: str
    assets: int
    lacking: tuple[str, ...]


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


async def check_mirror(
    fleet: FleetRepository, url: str, ca_file: Path | None, on_seen: Callable[[str, int, int], None]
) -> Checked:
    """Ask the mirror for the first and the last chunk of each asset, as a device would, and check their hashes.

    Raises SettingsError for what is no mirror's address or no authority, MirrorError for what devices would not take.
    """
    assets = mirrored_assets(signed_parcels(fleet), _everything(read_choice(fleet.directory)))
    pieces = [piece for asset in assets.values() for piece in _ends(fleet, asset)]
    try:
        client = MirrorClient(check_mirror_url(url), _trusted(ca_file), _PATIENCE, lambda _length: None)
    except ValueError as error:
        raise SettingsError(f"{error}.", "Correct the address.") from error
    seen = 0
    async with client:
        async with aclosing(client.fetch(pieces, _WINDOW)) as arrivals:
            async for _ in arrivals:
                seen += 1
                on_seen("looking", seen, len(pieces))
        return Checked(url, len(assets), tuple(sorted(client.lacking)))


def _everything(choice: MirrorChoice) -> MirrorChoice:
    """Return what belongs on mirrors; all of it, where nothing was chosen yet."""
    return choice if choice.assets_on != "broker" else choice.model_copy(update={"assets_on": "both"})


def _ends(fleet: FleetRepository, asset: PackedAsset) -> Iterator[Piece]:
    places = list(placed(listed_chunks(asset, reading(fleet), "A pack")))
    for offset, chunk in dict.fromkeys((places[0], places[-1])):
        yield Piece(chunk.sha256, chunk.length, asset.sha256, offset)


def _trusted(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except OSError as error:
        raise SettingsError(f"{ca_file} is no authority's certificate.", "Name a PEM file.") from error
