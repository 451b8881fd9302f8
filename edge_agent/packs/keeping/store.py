"""Shell: everything the packs room keeps on disk, named by its own hash. Made for power cuts and full disks.

    documents/<sha256>   signed documents (manifests, configuration)
    assets/<sha256>      whole, verified assets, which hooks are given
    partial/<sha256>     assets that are arriving: each chunk is written at its own place once it is verified
    shelf.json           which of those the shelf is made of (see shelf_record)
    tuf/                 python-tuf's metadata
    reserve              room for a revocation and what it takes, on a disk that is full (see reserve)

A file gets its final name only when it is verified and flushed: write, fsync, rename, fsync of the directory. A
partial asset needs no journal: after a power cut each of its chunks either still has its hash, and is kept, or is
fetched again. Nothing here is ever a link: one is not followed, neither to read nor to write. Methods block; they are
called in a worker thread. One process owns the directory.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from edge_agent.durable import flush, write_durably
from edge_agent.model.errors import IncompleteError, StorageError
from edge_agent.packs.formats.manifest import Chunk, PackedAsset
from edge_agent.packs.keeping.digest import Digest, sha256_of
from edge_agent.packs.keeping.flushing import Unflushed
from edge_agent.packs.keeping.reserve import FULL, Reserve

_BEGUN: Final = (".tmp", "tmp")  # files that are being written: ours; python-tuf's
_UNREADABLE: Final = {errno.EIO, errno.EBADMSG, errno.EUCLEAN}
"""What a kernel says of a file that the disk, or the file system's own sums, gave up on."""


def _storage_error(what: str, error: OSError) -> StorageError:
    if error.errno in FULL:
        return StorageError(
            f"The disk is full: {what} cannot be kept.", "Free some space; everything kept so far stays."
        )
    return StorageError(
        f"{what[0].upper()}{what[1:]} cannot be read or written: {error.strerror or error}.", "Check the disk."
    )


@contextmanager
def _as_storage_error(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _storage_error(what, error) from error


class BlobStore:
    """The packs directory. Every method that fails for the disk's sake raises StorageError and loses nothing."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.metadata = directory / "tuf"
        self._documents = directory / "documents"
        self._assets = directory / "assets"
        self._partial = directory / "partial"
        self._unflushed = Unflushed(self._partial)
        self.reserve = Reserve(directory / "reserve")
        self.unreadable: dict[str, StorageError] = {}
        """Why documents are not given that are there, by hash."""

    def open(self) -> None:
        """Create what is missing and remove what a power cut left half written, and links, which we never make."""
        with _as_storage_error("the packs directory"):
            left = list(self.directory.glob(".tmp*"))
            for part in (self._documents, self._assets, self._partial, self.metadata):
                part.mkdir(parents=True, exist_ok=True)
                left += [path for path in part.iterdir() if path.name.startswith(_BEGUN) or path.is_symlink()]
        for path in left:
            with suppress(OSError):  # what a read-only disk keeps nothing reads
                path.unlink()
        self.reserve.fill()

    # Small documents

    def document(self, sha256: str) -> bytes | None:
        """Return the document with that hash, or None when it is missing, damaged, or cannot be read.

        In each case it is fetched again, and hides nothing else. A damaged one is removed where that is possible; one
        that merely cannot be read now stays, and `unreadable` says why.
        """
        path = self._documents / sha256
        self.unreadable.pop(sha256, None)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno not in _UNREADABLE:
                self.unreadable[sha256] = _storage_error("a signed document", error)
                return None
            content = None
        if content is not None and hashlib.sha256(content).hexdigest() == sha256:
            return content
        with suppress(OSError):
            path.unlink()
        return None

    def document_bytes(self, sha256: str) -> int:
        """Return how long the document with that hash is, or 0 when it is not there."""
        with suppress(OSError):
            return (self._documents / sha256).lstat().st_size
        return 0

    def keep_document(self, sha256: str, content: bytes, *, urgent: bool = False) -> None:
        """Keep a document whose hash the caller has verified; an urgent one on a full disk, too, in the reserve."""
        path = self._documents / sha256
        with _as_storage_error("a signed document"):
            if urgent:
                self.reserve.spend_on(lambda: write_durably(path, [content]))
            else:
                write_durably(path, [content])

    def read_record(self) -> bytes | None:
        """Return shelf.json, or None before the first."""
        with _as_storage_error("the shelf's record"), suppress(FileNotFoundError):
            return (self.directory / "shelf.json").read_bytes()
        return None

    def knows_root(self, root: bytes) -> bool:
        """Whether `root` is one that the chain of the old one already went through (a re-provisioned device)."""
        with _as_storage_error("the repository's metadata"):
            history = self.metadata / "root_history"
            return any(path.read_bytes() == root for path in history.glob("*.root.json"))

    def timestamp(self, copy: Path | None = None) -> bytes:
        """Return the timestamp.json that was verified last, here or in a copy of the metadata."""
        with _as_storage_error("the repository's metadata"):
            return ((copy or self.metadata) / "timestamp.json").read_bytes()

    def write_metadata(self, files: Mapping[Path, bytes]) -> None:
        """Replace what differs of python-tuf's files, by their paths in its folder; on a full disk in the reserve."""

        def write() -> None:
            for name, content in files.items():
                path = self.metadata / name
                if not path.exists() or path.read_bytes() != content:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    write_durably(path, [content])

        with _as_storage_error("the repository's metadata"):
            self.reserve.spend_on(write)

    def write_record(self, content: bytes) -> None:
        """Replace shelf.json, on a full disk in the reserve: after a power cut it is the old one or the new one."""
        with _as_storage_error("the shelf's record"):
            self.reserve.spend_on(lambda: write_durably(self.directory / "shelf.json", [content]))

    # Assets

    def asset_path(self, asset: PackedAsset) -> Path | None:
        """Return where the whole asset is, or None while it is not there in full length."""
        path = self._assets / asset.sha256
        with suppress(OSError):
            status = path.lstat()
            if stat.S_ISREG(status.st_mode) and status.st_size == asset.length:
                return path
        return None

    def is_sound(self, asset: PackedAsset) -> bool:
        """Read the whole asset and say whether it still has its hash; one that has not is removed."""
        path = self._assets / asset.sha256
        with _as_storage_error("an asset"):
            try:
                if sha256_of(path) == asset.sha256:
                    return True
                path.unlink()
            except FileNotFoundError:
                pass
            return False

    def missing_chunks(
        self, asset: PackedAsset, places: Iterable[tuple[int, Chunk]] | None = None
    ) -> list[tuple[int, Chunk]]:
        """Return those (offset, chunk) that are not on disk yet, by reading what is there.

        `places` are the asset's chunks that are meant; without, those that its manifest lists itself.
        """
        places = asset.placed_chunks() if places is None else places
        if self.asset_path(asset) is not None:
            return []
        missing: list[tuple[int, Chunk]] = []
        with _as_storage_error("a partial asset"):
            try:
                descriptor = os.open(self._partial / asset.sha256, os.O_RDONLY | os.O_NOFOLLOW)
            except FileNotFoundError:
                return list(places)
            try:
                for offset, chunk in places:
                    piece = os.pread(descriptor, chunk.length, offset)
                    if hashlib.sha256(piece).hexdigest() != chunk.sha256:
                        missing.append((offset, chunk))
            finally:
                os.close(descriptor)
        return missing

    def keep_chunks(self, asset: PackedAsset, chunks: Iterable[tuple[int, bytes]]) -> None:
        """Write verified chunks at their places in the partial asset: (offset, content) of each."""
        with _as_storage_error("a chunk"):
            descriptor = os.open(self._partial / asset.sha256, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
            try:
                for offset, content in chunks:
                    written = 0
                    while written < len(content):
                        written += os.pwrite(descriptor, memoryview(content)[written:], offset + written)
                    self._unflushed.note(asset.sha256, len(content))
            finally:
                os.close(descriptor)

    def begin_flush(self) -> Callable[[], None] | None:
        """Return what flushes the partial assets, when it is time to; more may be written while it does."""
        return self._unflushed.begin()

    def copy_chunk(self, chunk: Chunk, holder: PackedAsset, offset: int) -> bytes | None:
        """Return the chunk's bytes out of an asset that has them at `offset`, whole or not; None when it has not."""
        for part in (self._assets, self._partial):
            with suppress(OSError):
                descriptor = os.open(part / holder.sha256, os.O_RDONLY | os.O_NOFOLLOW)
                try:
                    content = os.pread(descriptor, chunk.length, offset)
                finally:
                    os.close(descriptor)
                if hashlib.sha256(content).hexdigest() == chunk.sha256:
                    return content
        return None

    def finish_asset(self, asset: PackedAsset, begun: Digest | None = None) -> Path:
        """Turn a partial asset that has all its chunks into a whole one; `begun` is of what was written of it.

        Raises IncompleteError when the whole has another hash than was signed; the partial is then removed, since
        no chunk of it can be told from the wrong one.
        """
        partial, path = self._partial / asset.sha256, self._assets / asset.sha256
        with _as_storage_error("an asset"):
            if sha256_of(partial, begun) != asset.sha256 or partial.stat().st_size != asset.length:
                partial.unlink()
                raise IncompleteError(
                    "An asset's chunks do not add up to the asset that was signed.", "Publish the pack again."
                )
            flush(partial)
            partial.replace(path)
            flush(self._assets)
        return path

    # Room

    def used_bytes(self) -> Mapping[str, int]:
        """Return the bytes that each asset takes on disk, whole or partial, by hash."""
        used: dict[str, int] = {}
        with _as_storage_error("the packs directory"):
            for part in (self._assets, self._partial):
                with os.scandir(part) as entries:
                    for entry in entries:
                        with suppress(FileNotFoundError):  # it became whole, or went, meanwhile
                            used[entry.name] = used.get(entry.name, 0) + entry.stat().st_blocks * 512
        return used

    def evict(self, keep_assets: Collection[str], keep_documents: Collection[str]) -> int:
        """Remove every asset and document that is not named, and return how many files went."""
        removed = 0
        with _as_storage_error("the packs directory"):
            for part, keep in (
                (self._assets, keep_assets),
                (self._partial, keep_assets),
                (self._documents, keep_documents),
            ):
                for path in part.iterdir():
                    if path.name not in keep:
                        path.unlink()
                        removed += 1
        return removed

    def remove_assets(self, assets: Collection[str]) -> int:
        """Remove these assets, whole or arriving, and return how many files went."""
        removed = 0
        with _as_storage_error("the packs directory"):
            for part in (self._assets, self._partial):
                for sha256 in assets:
                    with suppress(FileNotFoundError):
                        (part / sha256).unlink()
                        removed += 1
        return removed

    def forget_everything(self) -> None:
        """Remove all that is kept: the device was given to another fleet."""
        with _as_storage_error("the packs directory"):
            (self.directory / "shelf.json").unlink(missing_ok=True)
            for path in sorted(self.metadata.rglob("*"), reverse=True):
                if path.is_dir() and not path.is_symlink():
                    path.rmdir()
                else:
                    path.unlink()
        self.evict((), ())
