"""Shell: writing a file so that after a power cut it is the old one or the new one."""

from collections.abc import Iterable
from pathlib import Path

from edge_agent import durable
from edge_agent.model.errors import StorageError


def write_durably(path: Path, content: bytes) -> None:
    """Replace the file at `path`. Raises StorageError when that fails; the old one is then untouched."""
    write_parts_durably(path, (content,))


def write_parts_durably(path: Path, parts: Iterable[bytes]) -> None:
    """As `write_durably`, for what is too long to be held at once. What `parts` raises leaves the old one, too."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        durable.write_durably(path, parts, 0o644)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror or error}.", "Free some space.") from error
