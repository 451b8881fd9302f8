"""Shell: what assets are made of, in the folder of whoever signs them: chunks and lists of chunks, by their hash."""

import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from edge_agent.durable import flush
from edge_agent.fleet.durable import read_kept, unwritten
from edge_agent.model.identity import sha256_hex
from edge_agent.packs.formats.chunk_lists import read_chunk_list
from edge_agent.packs.formats.manifest import Chunk, PackedAsset

_AT_ONCE: Final = 64
_THREADS: Final = 8


class Folder(Protocol):
    """Whoever keeps chunks: a Book, a fleet's folder."""

    def chunk_path(self, sha256: str) -> Path:
        """Return where the chunk with that hash is kept."""
        ...


Read = Callable[[str], bytes]
"""Returns the chunk, or list of chunks, of that hash. Raises OSError or one of our errors when it is not there."""


class ChunkKeeper:
    """Keeps chunks in a book's folder: `with ChunkKeeper(book) as keeper: sha256 = keeper.keep(content)`.

    They are flushed to the disk many at a time, since waiting for each takes longer than all else. Each has its final
    name only once it is; after the `with` all have. Raises StorageError.
    """

    def __init__(self, book: Folder) -> None:
        self._book = book
        self._pending: dict[Path, Path] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self._flush()
        finally:
            for temporary in self._pending.values():
                temporary.unlink(missing_ok=True)

    def keep(self, content: bytes) -> str:
        """Keep a chunk that is not there yet, or was damaged there, and return its hash."""
        sha256 = sha256_hex(content)
        path = self._book.chunk_path(sha256)
        try:
            if path not in self._pending and not _holds(path, content):
                path.parent.mkdir(parents=True, exist_ok=True)
                descriptor, temporary = tempfile.mkstemp(prefix=".tmp", dir=path.parent)
                self._pending[path] = Path(temporary)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
                    os.fchmod(file.fileno(), 0o644)
        except OSError as error:
            raise unwritten(path, error) from error
        if len(self._pending) >= _AT_ONCE:
            self._flush()
        return sha256

    def _flush(self) -> None:
        if not self._pending:
            return
        folder = next(iter(self._pending)).parent
        try:
            with ThreadPoolExecutor(_THREADS) as threads:
                list(threads.map(flush, self._pending.values()))
            for path, temporary in list(self._pending.items()):
                temporary.replace(path)
                del self._pending[path]
            flush(folder)
        except OSError as error:
            raise unwritten(folder, error) from error


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False


def listed_chunks(asset: PackedAsset, read: Read, name: str) -> Iterator[Chunk]:
    """Yield every chunk of an asset of the pack `name`, in order.

    Raises FormatError for a list that breaks the format, and what `read` raises.
    """
    yield from asset.chunks
    for part in asset.chunk_lists:
        yield from read_chunk_list(read(part.sha256), part, name)


def parts_of(asset: PackedAsset, read: Read, name: str) -> Iterator[str]:
    """Yield the hash of everything that devices fetch of an asset: its lists of chunks first. Raises as above."""
    yield from (part.sha256 for part in asset.chunk_lists)
    yield from (chunk.sha256 for chunk in listed_chunks(asset, read, name))


def reading(book: Folder) -> Read:
    """Return what reads out of a book's folder. Raises StorageError."""

    def read(sha256: str) -> bytes:
        return read_kept(book.chunk_path(sha256))

    return read
