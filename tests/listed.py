"""Short packs whose manifest names lists of chunks, as that of a long one does."""

from edge_agent.fleet.signing.chunk_folder import ChunkKeeper, listed_chunks, reading
from edge_agent.packs.formats.chunk_lists import write_chunk_lists
from edge_agent.packs.formats.manifest import LISTED, Chunk, ChunkList, Manifest, PackedAsset, parse_manifest
from tests.fleets import SmallFleet

IN_EACH = 4
"""Chunks in a list, so that a picture of a few hundred kilobytes has several."""


def list_chunks(fleet: SmallFleet, pack: str = "spring", in_each: int = IN_EACH) -> Manifest:
    """Sign a pack of acme's again, with the chunks of each asset in lists."""
    name = f"packs/acme/{pack}.json"
    plain = parse_manifest(fleet.fleet.document(name), name, 2**40)
    assets = {called: listed(fleet, asset, asset.chunks, in_each) for called, asset in plain.assets.items()}
    manifest = plain.model_copy(update={"assets": assets})
    fleet.fleet.put(name, manifest.to_bytes())
    fleet.fleet.commit(fleet.now)
    return manifest


def listed(fleet: SmallFleet, asset: PackedAsset, chunks: tuple[Chunk, ...], in_each: int = IN_EACH) -> PackedAsset:
    """Return the asset with `chunks` in lists that the fleet has."""
    with ChunkKeeper(fleet.fleet) as keeper:
        lists = tuple(
            ChunkList(sha256=keeper.keep(content), length=len(content), covers=covers)
            for content, covers in write_chunk_lists(chunks, in_each)
        )
    return PackedAsset.model_validate(asset.plain().model_dump() | {"chunk_lists": lists, "crit": (LISTED,)})


def every_part(fleet: SmallFleet, manifest: Manifest) -> tuple[set[str], set[str]]:
    """Return the hashes of a pack's lists, and of all chunks in them."""
    assets = list(manifest.assets.values())
    lists = {part.sha256 for asset in assets for part in asset.chunk_lists}
    return lists, {chunk.sha256 for asset in assets for chunk in listed_chunks(asset, reading(fleet.fleet), "")}
