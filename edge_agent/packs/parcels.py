"""Shell: brings what comes in chunks but is no pack, such as a voice pack, to the disk and keeps it there."""

from collections.abc import Mapping
from pathlib import Path

from edge_agent.packs.fetching.download import Parcel, complete_pack
from edge_agent.packs.shelf import Shelf
from edge_agent.packs.source import ChunkSource
from edge_agent.packs.supply import Supply
from edge_agent.settings.rooms import PacksSettings


async def bring_parcel(
    parcel: Parcel, shelf: Shelf, source: ChunkSource, settings: PacksSettings, supply: Supply
) -> Mapping[str, Path]:
    """Fetch what is missing of `parcel`, and return where each of its assets lies, by name.

    It takes the place of the last one of that name, which stays until this one is whole: what they share is copied,
    not fetched. Packs give their room to it: `supply` is told to plan anew when it takes another amount. Raises what
    `complete_pack` raises; asking again goes on where it stopped.
    """
    before = shelf.parcels.get(parcel.shelf_name, ())[:1]
    async with supply.entries_lock:  # whoever clears the disk holds it, too
        lasting_bytes = shelf.lasting_bytes()
        shelf.parcels[parcel.shelf_name] = (*before, parcel)
    if shelf.lasting_bytes() != lasting_bytes:  # not whenever one that fails is asked for again
        supply.replan()
    await complete_pack(
        parcel,
        shelf.store,
        source,
        shelf.holders(),
        window=settings.window,
        patience=settings.chunk_timeout,
        on_missing=lambda _missing_bytes: None,
    )
    shelf.parcels[parcel.shelf_name] = (parcel,)
    found = {name: shelf.store.asset_path(asset) for name, asset in parcel.assets.items()}
    return {name: path for name, path in found.items() if path is not None}
