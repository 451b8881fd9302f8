"""Shell: a folder in which signed documents and pieces of assets are kept under their hashes."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

from tuf.api.metadata import TargetFile

from edge_agent.fleet.durable import read_kept


class ContentFolder(ABC):
    """What an operator's folder and an advertiser's own have in common: `targets/<sha256>` and `chunks/<sha256>`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    @abstractmethod
    def files(self) -> Mapping[str, TargetFile]:
        """Every signed document by name."""

    def document(self, name: str) -> bytes:
        """Return the content of a signed document. KeyError when there is none of that name. Raises StorageError."""
        return read_kept(self.target_path(sha256_of(self.files[name])))

    def target_path(self, sha256: str) -> Path:
        """Return where the document with that hash is kept."""
        return self.directory / "targets" / sha256

    def chunk_path(self, sha256: str) -> Path:
        """Return where the chunk with that hash is kept."""
        return self.directory / "chunks" / sha256


def sha256_of(file: TargetFile) -> str:
    """Return the SHA-256 that a document is signed with."""
    return file.hashes["sha256"]
