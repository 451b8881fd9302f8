"""Shell: writing a file so that after a power cut it is the old one or the new one, and reading it back."""

import errno
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from edge_agent import durable
from edge_agent.model.errors import StorageError
from edge_agent.model.identity import sha256_hex

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def write_durably(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Replace the file at `path`. Raises StorageError when that fails; the old one is then untouched."""
    write_parts_durably(path, (content,), mode)


def write_parts_durably(path: Path, parts: Iterable[bytes], mode: int = 0o644) -> None:
    """As `write_durably`, for what is too long to be held at once. What `parts` raises leaves the old one, too."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        durable.write_durably(path, parts, mode)
    except OSError as error:
        raise unwritten(path, error) from error


def unwritten(path: Path, error: OSError) -> StorageError:
    """Return what to raise where `path` cannot be written: the next step is of use only where it fits the reason."""
    if error.errno in _FULL:
        step = "Free some space."
    elif error.errno in _FORBIDDEN:
        step = "Check who may write there, or choose another place."
    else:
        step = "Check the path and the disk."
    return StorageError(f"{path} cannot be written: {error.strerror or error}.", step)


def read_kept(path: Path) -> bytes:
    """Return what was written. Raises StorageError when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise StorageError(
            f"{path} cannot be read: {error.strerror or error}.", "Restore the folder from your backup."
        ) from error


def read_named(path: Path) -> bytes:
    """Return what was written into a file that is named by its hash. Raises StorageError when it is not that."""
    content = read_kept(path)
    if sha256_hex(content) != path.name:
        raise StorageError(
            f"{path} is damaged.", "Restore it from your backup, or remove it and publish what it belongs to again."
        )
    return content
