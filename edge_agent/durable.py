"""Shell: writing files so that a power cut leaves the old one or the new one, and never half of one.

Everything here raises OSError as it comes; each room says in its own words what could not be kept, and what to do.
"""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path


def write_durably(path: Path, parts: Iterable[bytes], mode: int = 0o600) -> None:
    """Replace the file at `path` by one of these bytes, flushed to the disk before it gets its name.

    `path`'s folder must exist. Whatever fails, also in `parts`, leaves the old file untouched and nothing beside it.
    """
    descriptor, waiting = tempfile.mkstemp(prefix=".tmp", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.writelines(parts)
            file.flush()
            os.fsync(descriptor)
        Path(waiting).replace(path)
    except BaseException:
        Path(waiting).unlink(missing_ok=True)
        raise
    flush(path.parent)


def flush(path: Path) -> None:
    """Have the disk hold a file's bytes, or a folder's names (fsync(2))."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
