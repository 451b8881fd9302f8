"""Cuts assets where their content says, so that a changed file shares most of its chunks with the old one. Pure.

A rolling hash over the last 64 bytes ("gear" hash; Xia et al., "FastCDC", USENIX ATC 2016) ends a chunk wherever its
top bits are zero. Chunks are 32 KiB to 128 KiB, about 64 KiB on average; only the last may be shorter. The table is
part of the format in no way: devices only see the chunks that result.

Where numpy is (extra `operator`), it looks at many bytes at a time, and finds the same places.
"""

import hashlib
from collections.abc import Callable, Iterator
from mmap import mmap
from typing import Final

try:
    import numpy as np
except ImportError:  # the extra `demo` alone has none
    HAS_NUMPY = False
else:
    HAS_NUMPY = True

MIN_BYTES: Final = 32 * 1024
MAX_BYTES: Final = 128 * 1024
_AVERAGE_BITS: Final = 15
"""Past the minimum one byte in 2^15 ends a chunk: 32 KiB + 32 KiB on average."""

_MASK: Final = ((1 << _AVERAGE_BITS) - 1) << (64 - _AVERAGE_BITS)
_WORD: Final = (1 << 64) - 1
_WINDOW: Final = 64
_AT_ONCE: Final = 16 * 1024
_GEAR: Final = tuple(int.from_bytes(hashlib.sha256(bytes([byte])).digest()[:8], "big") for byte in range(256))

Content = bytes | mmap

Find = Callable[[Content, int, int], int | None]
"""Told content, first and end: where a chunk may end at first whose last byte is in that range, or None."""


def chunks(content: Content, find: Find | None = None) -> Iterator[bytes]:
    """Yield the pieces of `content` in order; together they are it."""
    find = find or (find_quickly if HAS_NUMPY else find_plainly)
    start, length = 0, len(content)
    while start < length:
        furthest = min(start + MAX_BYTES, length)
        end = None if length - start <= MIN_BYTES else find(content, start + MIN_BYTES, furthest)
        end = furthest if end is None else end
        yield content[start:end]
        start = end


def find_plainly(content: Content, first: int, furthest: int) -> int | None:
    """As in Find, byte by byte."""
    gear, mask, word = _GEAR, _MASK, _WORD
    rolling = 0
    for byte in content[first - _WINDOW : first]:
        rolling = ((rolling << 1) + gear[byte]) & word
    position = first
    for byte in content[first:furthest]:
        rolling = ((rolling << 1) + gear[byte]) & word
        position += 1
        if not rolling & mask:
            return position
    return None


def find_quickly(content: Content, first: int, furthest: int) -> int | None:
    """As in Find, with numpy: a window's hash is worked out from those of its halves, for many places at once."""
    gear, mask = np.array(_GEAR, np.uint64), np.uint64(_MASK)
    for begin in range(first, furthest, _AT_ONCE):
        window = content[begin - _WINDOW + 1 : min(begin + _AT_ONCE, furthest)]
        rolling = gear[np.frombuffer(window, np.uint8)]
        for half in (1, 2, 4, 8, 16, 32):
            rolling = rolling[half:] + (rolling[:-half] << np.uint64(half))
        found = np.flatnonzero((rolling & mask) == 0)
        if len(found):
            return begin + int(found[0]) + 1
    return None
