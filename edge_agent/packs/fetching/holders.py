"""Shell: which chunks are on this device already, and in which asset. Reads lists of chunks from the disk.

What is looked for is held in memory, never all that is there: a shelf may hold assets of any length.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping

from edge_agent.model.errors import FormatError
from edge_agent.packs.formats.chunk_lists import read_chunk_list
from edge_agent.packs.formats.manifest import Chunk, ChunkList, PackedAsset, placed
from edge_agent.packs.keeping.store import BlobStore


class Holders:
    """Assets that are here, in whole or in part. `among` blocks and is called in a worker thread."""

    def __init__(self, store: BlobStore, assets: Iterable[PackedAsset]) -> None:
        self._store = store
        self._assets = {asset.sha256: asset for asset in assets}

    def joined_by(self, assets: Iterable[PackedAsset]) -> "Holders":
        """Return these, and `assets` after them."""
        return Holders(self._store, [*self._assets.values(), *assets])

    def among(self, wanted: Collection[str]) -> Mapping[str, tuple[PackedAsset, int]]:
        """Return of each wanted chunk, where an asset should have it, that asset and the offset in it."""
        found: dict[str, tuple[PackedAsset, int]] = {}
        for asset in self._assets.values():
            for offset, chunk in self._chunks(asset):
                if chunk.sha256 in wanted:
                    found.setdefault(chunk.sha256, (asset, offset))
            if len(found) == len(wanted):
                break
        return found

    def _chunks(self, asset: PackedAsset) -> Iterator[tuple[int, Chunk]]:
        yield from asset.placed_chunks()
        for offset, part in asset.placed_lists():
            try:
                yield from placed(kept_list(self._store, part, "A pack") or (), offset)
            except FormatError:  # no pack with such a list was ever complete, and this one says so itself
                return


def kept_list(store: BlobStore, part: ChunkList, name: str) -> tuple[Chunk, ...] | None:
    """Return the chunks in a list that is on the disk, or None while it is not there. Raises FormatError."""
    content = store.document(part.sha256)
    return None if content is None else read_chunk_list(content, part, name)
