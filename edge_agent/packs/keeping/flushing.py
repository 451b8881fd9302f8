"""Shell: flushes files that are being written to, now and then and while that goes on: waiting for a disk is slow."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Final

from edge_agent.model.errors import StorageError

EVERY_BYTES: Final = 4 << 20
"""At most twice as much is fetched again after a power cut; flushing each chunk wears an SD card out."""


class Unflushed:
    """Which files of a directory were written to since they were last flushed. Any thread may use it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = Lock()
        self._names: set[str] = set()
        self._bytes = 0

    def note(self, name: str, length: int) -> None:
        """Remember that so many bytes were written to a file."""
        with self._lock:
            self._names.add(name)
            self._bytes += length

    def begin(self) -> Callable[[], None] | None:
        """Return what flushes everything up to now, or None while that is not worth it.

        It blocks, and raises StorageError. Whoever is given it runs it, before the next one.
        """
        with self._lock:
            if self._bytes < EVERY_BYTES:
                return None
            names, self._names, self._bytes = self._names, set(), 0
        return lambda: self._flush(names)

    def _flush(self, names: set[str]) -> None:
        for name in names:
            try:
                with suppress(FileNotFoundError):  # it is whole by now, and flushed as such; or it was removed
                    descriptor = os.open(self._directory / name, os.O_RDONLY | os.O_NOFOLLOW)
                    try:
                        os.fdatasync(descriptor)
                    finally:
                        os.close(descriptor)
            except OSError as error:
                raise StorageError(
                    f"A partial asset cannot be written: {error.strerror or error}.", "Check the disk."
                ) from error
