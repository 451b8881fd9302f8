"""Shell: cuts the files of a pack into chunks, and lists them in the manifest, or beside it where it has no room."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Final

from edge_agent.fleet.authoring.pack_folder import PackFolder
from edge_agent.fleet.signing.book import Book
from edge_agent.fleet.signing.chunk_folder import ChunkKeeper
from edge_agent.fleet.signing.chunker import chunks
from edge_agent.model.errors import FormatError
from edge_agent.packs.formats.chunk_lists import write_chunk_lists
from edge_agent.packs.formats.documents import MAX_DOCUMENT_BYTES
from edge_agent.packs.formats.manifest import (
    LISTED,
    MAX_CHUNKS_PER_ASSET,
    MAX_LISTS_PER_ASSET,
    Chunk,
    ChunkList,
    Manifest,
    PackedAsset,
)

_FEW: Final = 8
"""A list of fewer chunks takes no less room beside the manifest than in it."""

OnPacked = Callable[[int], None]
"""Told the bytes of each piece."""


def pack_assets(book: Book, written: PackFolder, on_packed: OnPacked) -> Mapping[str, PackedAsset]:
    """Cut every file of a pack, keep the chunks in the book's folder, and return the assets by name."""
    with ChunkKeeper(book) as keeper:
        return {name: _pack(keeper, written, name, path, on_packed) for name, path in written.files.items()}


def _pack(keeper: ChunkKeeper, written: PackFolder, name: str, path: Path, on_packed: OnPacked) -> PackedAsset:
    media, whole, pieces = written.media[name], hashlib.sha256(), []
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        for piece in chunks(content):
            pieces.append(Chunk(sha256=keeper.keep(piece), length=len(piece)))
            whole.update(piece)
            on_packed(len(piece))
    length = sum(piece.length for piece in pieces)
    bare = {"sha256": whole.hexdigest(), "length": length, "mime": media.mime, "w": media.w, "h": media.h}
    fields = bare | {"dur": media.dur}
    if len(pieces) > MAX_CHUNKS_PER_ASSET:
        return _listed(keeper, fields, pieces, name)
    return PackedAsset.model_validate(fields | {"chunks": pieces})


def _listed(keeper: ChunkKeeper, fields: Mapping[str, object], pieces: Sequence[Chunk], name: str) -> PackedAsset:
    lists = [
        ChunkList(sha256=keeper.keep(content), length=len(content), covers=covers)
        for content, covers in write_chunk_lists(pieces)
    ]
    if len(lists) > MAX_LISTS_PER_ASSET:
        raise FormatError(f"{name} is too long for an asset.", "Make it smaller.")
    return PackedAsset.model_validate(dict(fields) | {LISTED: lists, "crit": (LISTED,)})


def make_room(book: Book, manifest: Manifest) -> Manifest:
    """Return `manifest` as it fits into a document: the longest lists of chunks stand beside it where they must.

    What fits stays as it is, for agents that do not know such lists. Raises FormatError when that is not enough.
    """
    with ChunkKeeper(book) as keeper:
        while (length := len(manifest.to_bytes())) > MAX_DOCUMENT_BYTES:
            name, asset = max(manifest.assets.items(), key=lambda item: len(item[1].chunks), default=("", None))
            if asset is None or len(asset.chunks) < _FEW:
                raise FormatError(
                    f"{manifest.name} makes a manifest of {length} bytes; brokers take {MAX_DOCUMENT_BYTES}.",
                    "Split it into two packs.",
                )
            listed = _listed(keeper, asset.plain().model_dump(), asset.chunks, name)
            manifest = manifest.model_copy(update={"assets": {**manifest.assets, name: listed}})
    return manifest
