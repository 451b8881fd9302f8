"""Cuts assets where their content says, so that a changed file shares most of its chunks with the old one. Pure.

A rolling hash over the last 64 bytes ("gear" hash; Xia et al., "FastCDC", USENIX ATC 2016) ends a chunk wherever its
top bits are zero. Chunks are 32 KiB to 128 KiB, about 64 KiB on average; only the last may be shorter. The table is
part of the format in no way: devices only see the chunks that result.
"""

import hashlib
from collections.abc import Iterator
from typing import Final

MIN_BYTES: Final = 32 * 1024
MAX_BYTES: Final = 128 * 1024
_AVERAGE_BITS: Final = 15
"""Past the minimum one byte in 2^15 ends a chunk: 32 KiB + 32 KiB on average."""

_MASK: Final = ((1 << _AVERAGE_BITS) - 1) << (64 - _AVERAGE_BITS)
_WORD: Final = (1 << 64) - 1
_WINDOW: Final = 64
_GEAR: Final = tuple(int.from_bytes(hashlib.sha256(bytes([byte])).digest()[:8], "big") for byte in range(256))


def chunks(content: bytes) -> Iterator[bytes]:
    """Yield the pieces of `content` in order; together they are it."""
    start = 0
    while start < len(content):
        end = _cut(content, start)
        yield content[start:end]
        start = end


def _cut(content: bytes, start: int) -> int:
    if len(content) - start <= MIN_BYTES:
        return len(content)
    gear, mask, word = _GEAR, _MASK, _WORD
    furthest = min(start + MAX_BYTES, len(content))
    rolling = 0
    position = start + MIN_BYTES - _WINDOW
    for byte in content[position : start + MIN_BYTES]:
        rolling = ((rolling << 1) + gear[byte]) & word
    position = start + MIN_BYTES
    for byte in content[position:furthest]:
        rolling = ((rolling << 1) + gear[byte]) & word
        position += 1
        if not rolling & mask:
            return position
    return furthest
