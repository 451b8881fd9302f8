"""Shell: where the metadata that was believed is kept: on the disk, or in memory while the disk takes none.

A revocation has to hold on a disk that is full or became read-only, and it is believed by this metadata alone.
"""

import shutil
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from edge_agent.model.errors import StorageError
from edge_agent.packs.keeping.store import BlobStore
from edge_agent.packs.source import Source
from edge_agent.packs.threads import in_thread
from edge_agent.packs.trust.mqtt_fetcher import verify_in_thread
from edge_agent.packs.trust.repository import Known, Repository

_MEMORY: Final = Path("/dev/shm")  # noqa: S108  a folder in it is made for this user alone


class Metadata:
    """python-tuf's folder in `store`. A copy in memory takes its place until all that is in it could be written."""

    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self._copy: TemporaryDirectory[str] | None = None

    async def verify(
        self, bootstrap: bytes, source: Source, now: datetime, known: Known
    ) -> tuple[Repository, StorageError | None]:
        """Do `repository.verify`. Returns, too, why the disk does not have what was believed, if it has not.

        Raises what `repository.verify` raises, StorageError only where there is no room in memory either.
        """
        if self._copy is None:
            try:
                directory = self._store.metadata
                return await verify_in_thread(directory, bootstrap, source, now, known), None
            except StorageError as error:
                self._copy = await in_thread(self._copied, error)
        copy = Path(self._copy.name)
        repository = await verify_in_thread(copy, bootstrap, source, now, known)
        try:
            await in_thread(self._carry_back, copy)
        except StorageError as error:
            return repository, error
        self.close()
        return repository, None

    def timestamp(self) -> bytes:
        """Return the timestamp.json that was verified last. Blocks. Raises StorageError."""
        return self._store.timestamp(None if self._copy is None else Path(self._copy.name))

    def close(self) -> None:
        """Forget what is in memory."""
        if self._copy is not None:
            self._copy.cleanup()
            self._copy = None

    def _copied(self, hindered: StorageError) -> TemporaryDirectory[str]:
        """Return a copy of the folder: whatever was seen before is what nothing may go back behind."""
        try:
            copy = TemporaryDirectory(prefix="edge-agent-", dir=_MEMORY)
        except OSError:
            raise hindered from None
        try:
            if self._store.metadata.exists():
                shutil.copytree(self._store.metadata, copy.name, symlinks=True, dirs_exist_ok=True)
        except OSError:
            copy.cleanup()
            raise hindered from None
        return copy

    def _carry_back(self, copy: Path) -> None:
        files = [path for path in copy.rglob("*.json") if path.is_file() and not path.is_symlink()]
        self._store.write_metadata({path.relative_to(copy): path.read_bytes() for path in files})
