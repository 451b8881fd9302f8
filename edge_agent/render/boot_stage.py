"""Shell (files): the staged boot creative, which survives a power cut at any moment.

`current.json` points at an asset beside it and is replaced in one step, after the asset is on the disk; so there is
always the old placement, the new one, or none, and never half of one. Blocking: call it from a thread.
"""

import json
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from edge_agent.durable import flush
from edge_agent.model.errors import StorageError

_POINTER: Final = "current.json"


class BootStage:
    """The boot directory, written by one caller at a time."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def put(self, request: bytes, asset: Path, name: str) -> Path:
        """Keep a copy of `asset` as `name` with its request, in place of what was staged; return the copy's path.

        Raises StorageError, and leaves what was staged before, when the disk does not take it.
        """
        kept = self._directory / name
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not kept.is_file() or kept.stat().st_size != asset.stat().st_size:
                partial = self._directory / f"{name}.partial"
                shutil.copyfile(asset, partial)
                flush(partial)
                partial.replace(kept)
            pointer = {"asset": name, "request": json.loads(request)}
            partial = self._directory / f"{_POINTER}.partial"
            partial.write_text(json.dumps(pointer), encoding="utf-8")
            flush(partial)
            partial.replace(self._directory / _POINTER)
            flush(self._directory)
            self._keep_only({_POINTER, name})
        except OSError as error:
            raise StorageError(
                f"The boot screen cannot be staged in {self._directory}: {error.strerror}.", "Free some space."
            ) from error
        return kept

    def clear(self) -> None:
        """Take away what is staged, the pointer first. Raises StorageError when that is impossible."""
        try:
            (self._directory / _POINTER).unlink(missing_ok=True)
            if self._directory.is_dir():
                flush(self._directory)
                self._keep_only(set())
        except OSError as error:
            raise StorageError(
                f"The staged boot screen cannot be removed: {error.strerror}.", f"Remove {self._directory} by hand."
            ) from error

    def current(self) -> tuple[dict[str, Any], Path] | None:
        """Return the staged request and its asset, or None when nothing whole is staged."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            pointer = json.loads((self._directory / _POINTER).read_text(encoding="utf-8"))
            asset = self._directory / pointer["asset"]
            if asset.is_file():
                return dict(pointer["request"]), asset
        return None

    def _keep_only(self, names: set[str]) -> None:
        for path in self._directory.iterdir():
            if path.name not in names and path.is_file():
                path.unlink(missing_ok=True)
