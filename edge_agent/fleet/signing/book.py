"""The port between signing a pack and whoever keeps what was signed: an operator's folder, or an advertiser's own."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Protocol

from tuf.api.metadata import TargetFile


class Book(Protocol):
    """What was signed, by name, and every byte of it. Changes are signed by `commit` alone."""

    @property
    def files(self) -> Mapping[str, TargetFile]:
        """Every signed document by name."""
        ...

    def document(self, name: str) -> bytes:
        """Return the content of a signed document. KeyError when there is none of that name."""
        ...

    def chunk_path(self, sha256: str) -> Path:
        """Return where the chunk with that hash is kept."""
        ...

    def put(self, name: str, content: bytes) -> None:
        """Sign `content` under `name`; `commit` afterwards. Raises SettingsError when that is not ours to sign."""
        ...

    def commit(self, now: datetime) -> None:
        """Sign and write what changed."""
        ...
