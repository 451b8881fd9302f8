"""Shell: a pack as one file, as it travels from an advertiser to an operator. Nothing in it is believed unchecked.

An uncompressed tar archive (POSIX.1-1988 ustar) of plain files, in this order:

    metadata.json       TUF metadata of the role `packs-<advertiser>`, signed; absent while nobody has signed
    targets/<sha256>    manifests
    chunks/<sha256>     pieces of assets

The same content makes the same bytes: names are sorted, times are zero, and owners nobody.
"""

import io
import os
import re
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Targets

from edge_agent.fleet.durable import unwritten
from edge_agent.model.errors import FormatError, StorageError
from edge_agent.model.identity import sha256_hex
from edge_agent.packs.formats.documents import MAX_DOCUMENT_BYTES
from edge_agent.packs.formats.manifest import MAX_CHUNK_BYTES
from edge_agent.packs.source import MAX_METADATA_BYTES

METADATA: Final = "metadata.json"
_NAME: Final = re.compile(r"(targets|chunks)/([0-9a-f]{64})")
_LIMITS: Final = {METADATA: MAX_METADATA_BYTES, "targets": MAX_DOCUMENT_BYTES, "chunks": MAX_CHUNK_BYTES}
_AGAIN: Final = "Ask for the file again as edge-agent fleet pack build wrote it."


@dataclass(frozen=True, slots=True)
class Bundle:
    """What is in a bundle, each part with the hash that it is named by.

    `metadata` is not verified, and None while nobody has signed. `chunks` are (offset, length) in the file, by hash.
    """

    path: Path
    metadata: Metadata[Targets] | None
    documents: Mapping[str, bytes]
    chunks: Mapping[str, tuple[int, int]]

    def chunk(self, sha256: str) -> bytes:
        """Return the chunk of that hash. Raises StorageError when the file is gone."""
        offset, length = self.chunks[sha256]
        try:
            with self.path.open("rb") as file:
                file.seek(offset)
                return file.read(length)
        except OSError as error:
            raise StorageError(
                f"{self.path} cannot be read: {error.strerror or error}.", "Check the path."
            ) from error


def read_bundle(path: Path) -> Bundle:
    """Read and check a bundle without unpacking it: names, lengths and hashes. Raises FormatError, StorageError."""
    metadata: Metadata[Targets] | None = None
    documents: dict[str, bytes] = {}
    chunks: dict[str, tuple[int, int]] = {}
    for name, offset, content in _members(path):
        kind, _, sha256 = name.partition("/")
        if name == METADATA:
            metadata = _read_metadata(path, content)
        elif sha256_hex(content) != sha256:
            raise FormatError(f"{path} was altered: {name[:20]}… is not what its name says.", _AGAIN)
        elif kind == "targets":
            documents[sha256] = content
        else:
            chunks[sha256] = (offset, len(content))
    if not documents and metadata is None:
        raise FormatError(f"{path} is empty.", _AGAIN)
    return Bundle(path, metadata, documents, chunks)


def _read_metadata(path: Path, content: bytes) -> Metadata[Targets]:
    try:
        found: Metadata[Any] = Metadata.from_bytes(content)
    except RepositoryError as error:
        raise FormatError(f"The metadata in {path} cannot be read.", _AGAIN) from error
    if not isinstance(found.signed, Targets):
        raise FormatError(f"The metadata in {path} is not an advertiser's.", _AGAIN)
    return found


def _members(path: Path) -> Iterator[tuple[str, int, bytes]]:
    """Yield (name, offset, content) of each part. Nothing is read that has another name, is a link or is too long."""
    seen: set[str] = set()
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                found = _NAME.fullmatch(member.name)
                limit = _LIMITS[METADATA] if member.name == METADATA else _LIMITS[found[1]] if found else 0
                is_plain = member.isreg() and not member.issparse()  # so that `chunk` reads what was judged
                if not is_plain or not 0 < member.size <= limit or member.name in seen:
                    raise FormatError(f"{path} holds what no bundle holds: {member.name[:80]!r}.", _AGAIN)
                seen.add(member.name)
                file = archive.extractfile(member)
                yield member.name, member.offset_data, b"" if file is None else file.read()
    except (tarfile.TarError, ValueError, OverflowError) as error:  # numbers and names in headers may be anything
        raise FormatError(f"{path} is not a bundle: {error}.", _AGAIN) from error
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror or error}.", "Check the path.") from error


def write_bundle(
    path: Path,
    metadata: bytes | None,
    documents: Mapping[str, bytes],
    chunks: Mapping[str, Callable[[], bytes]],
    on_written: Callable[[int], None] = lambda _length: None,
) -> None:
    """Write a bundle, replacing the file only when all of it is there. Raises StorageError."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        with temporary.open("wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
                for name, content in _parts(metadata, documents, chunks):
                    part = tarfile.TarInfo(name)
                    part.size = len(content)
                    archive.addfile(part, io.BytesIO(content))
                    on_written(len(content))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise unwritten(path, error) from error
    finally:
        with suppress(OSError):  # where nothing may be written, nothing may be looked for either
            temporary.unlink(missing_ok=True)


def _parts(
    metadata: bytes | None, documents: Mapping[str, bytes], chunks: Mapping[str, Callable[[], bytes]]
) -> Iterator[tuple[str, bytes]]:
    if metadata is not None:
        yield METADATA, metadata
    for sha256 in sorted(documents):
        yield f"targets/{sha256}", documents[sha256]
    for sha256 in sorted(chunks):
        yield f"chunks/{sha256}", chunks[sha256]()
