"""Shell: the hash of an asset, from its chunks as they are written and from the disk what is left of it."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

_READ_BYTES: Final = 1 << 20


@dataclass(slots=True)
class Digest:
    """The hash of the first `length` bytes of an asset, worked out as its chunks are written one after another."""

    sha256: Any = field(default_factory=hashlib.sha256)
    length: int = 0

    def add(self, offset: int, content: bytes) -> None:
        """Take a chunk that was written; one that is not the next is read from the disk in the end."""
        if offset == self.length:
            self.sha256.update(content)
            self.length += len(content)


def sha256_of(path: Path, begun: Digest | None = None) -> str:
    """Return the SHA-256 of a file, of whose beginning `begun` is the hash already. Blocks. Raises OSError."""
    digest, position = (hashlib.sha256(), 0) if begun is None else (begun.sha256, begun.length)
    with path.open("rb") as file:
        file.seek(position)
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()
