"""Lists of chunks that are too long for a manifest: what is in one, and how it is read and written. Pure.

A list is a blob of at most 131,040 bytes, named by its own SHA-256 in the manifest and carried like a chunk, on
`repo/chunk/<sha256>`. It is nothing but entries of 36 bytes, one a chunk, in the order of the asset:

    SHA-256 of the chunk    32 bytes
    length of the chunk      4 bytes, unsigned, most significant first

How many chunks an asset has is therefore known from the manifest, and bounded there, before any list is fetched.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Final

from edge_agent.model.errors import FormatError
from edge_agent.packs.formats.manifest import MAX_CHUNK_BYTES, Chunk, ChunkList

CHUNKS_IN_A_LIST: Final = 1024
"""How many a writer puts into one, some 64 MiB of an asset: devices bring one list's chunks at a time."""

_ENTRY: Final = struct.Struct(">32sI")


def read_chunk_list(content: bytes, part: ChunkList, name: str) -> tuple[Chunk, ...]:
    """Return the chunks in a list whose hash is already verified; `name` is what messages call its pack.

    Raises FormatError when it has another length than was signed, a chunk has no bytes or too many, one chunk is
    listed with two lengths, or all of them together are not what the list covers.
    """
    if len(content) != part.length:
        raise FormatError(f"{name} has a list of chunks of {len(content)} bytes instead of {part.length}.")
    entries = list(_ENTRY.iter_unpack(content))
    total = sum(length for _, length in entries)
    if total != part.covers:
        raise FormatError(f"{name} has a list of chunks of {total} bytes together instead of {part.covers}.")
    lengths: dict[bytes, int] = {}
    for digest, length in entries:
        if not 0 < length <= MAX_CHUNK_BYTES or lengths.setdefault(digest, length) != length:
            raise FormatError(f"{name} lists the chunk {digest.hex()[:12]}… with an impossible length.")
    return tuple(Chunk.model_construct(sha256=digest.hex(), length=length) for digest, length in entries)


def write_chunk_lists(chunks: Sequence[Chunk], in_each: int = CHUNKS_IN_A_LIST) -> Iterator[tuple[bytes, int]]:
    """Yield (list, how many bytes of the asset it covers) for the chunks of one asset."""
    for start in range(0, len(chunks), in_each):
        some = chunks[start : start + in_each]
        content = b"".join(_ENTRY.pack(bytes.fromhex(chunk.sha256), chunk.length) for chunk in some)
        yield content, sum(chunk.length for chunk in some)
