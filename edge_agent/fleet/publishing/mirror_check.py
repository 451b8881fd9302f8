"""Shell: asks a mirror, as a device would, whether it serves what it should."""

from collections.abc import Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from edge_agent.fleet.publishing.mirror_folder import MirrorChoice, mirrored_assets, read_choice
from edge_agent.fleet.publishing.mirroring import signed_parcels
from edge_agent.fleet.signing.chunk_folder import listed_chunks, reading
from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.model.errors import LinkError, MirrorError, SettingsError
from edge_agent.packs.fetching.mirror_client import MirrorClient
from edge_agent.packs.fetching.mirrored import mirror_trust
from edge_agent.packs.formats.manifest import PackedAsset, placed
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


async def check_mirror(
    fleet: FleetRepository, url: str, ca_file: Path | None, on_seen: Callable[[str, int, int], None]
) -> Checked:
    """Ask the mirror for the first and the last chunk of each asset, as a device would, and check their hashes.

    Raises SettingsError for what is no mirror's address or no authority, LinkError for what devices would not take.
    """
    assets = mirrored_assets(signed_parcels(fleet), _everything(read_choice(fleet.directory)))
    pieces = [piece for asset in assets.values() for piece in _ends(fleet, asset)]
    try:
        client = MirrorClient(check_mirror_url(url), mirror_trust(ca_file), _PATIENCE, lambda _length: None)
    except ValueError as error:
        raise SettingsError(f"{error}.", "Correct the address.") from error
    seen = 0
    async with client:
        async with aclosing(client.fetch(pieces, _WINDOW)) as arrivals:
            try:
                async for _ in arrivals:
                    seen += 1
                    on_seen("looking", seen, len(pieces))
            except MirrorError as error:  # whose words are about a device, which leaves the mirror alone then
                raise LinkError(f"The mirror {error.mirror} {error.deed}.", error.next_step) from error
        return Checked(url, len(assets), tuple(sorted(client.lacking)))


def _everything(choice: MirrorChoice) -> MirrorChoice:
    """Return what belongs on mirrors; all of it, where nothing was chosen yet."""
    return choice if choice.assets_on != "broker" else choice.model_copy(update={"assets_on": "both"})


def _ends(fleet: FleetRepository, asset: PackedAsset) -> Iterator[Piece]:
    places = list(placed(listed_chunks(asset, reading(fleet), "A pack")))
    for offset, chunk in dict.fromkeys((places[0], places[-1])):
        yield Piece(chunk.sha256, chunk.length, asset.sha256, offset)
