"""Whether what a broker holds may be written over: only this fleet's own past may. Pure over the fleet's folder."""

from typing import Any, Final

from tuf.api.exceptions import RepositoryError, UnsignedMetadataError
from tuf.api.metadata import Metadata, Root, Timestamp

from edge_agent.fleet.repository import FleetRepository
from edge_agent.model.errors import SettingsError

_TAKE_OVER: Final = (
    "Name another broker, or another topic root with --root; if you mean to replace it, "
    "run edge-agent fleet refresh --take-over."
)
_COPIES: Final = (
    "Go on with the copy of the fleet folder that published last; devices refuse a history that goes back."
)


def snapshot_of_ours(fleet: FleetRepository, there: bytes, *, take_over: bool = False) -> str | None:
    """Return the name of the snapshot to compare next (`<n>.snapshot`), knowing the timestamp that the broker holds.

    None where there is nothing to compare. What is no timestamp at all is garbage that no device believes. Raises
    SettingsError when the timestamp

    1. is signed by no timestamp key that this fleet ever had: another fleet's (`take_over` writes over it), or
    2. is newer than this folder's, or of the same version and not the same: another copy of the folder published it.
    """
    try:
        found: Metadata[Any] = Metadata.from_bytes(there)
    except RepositoryError:
        return None
    if not isinstance(found.signed, Timestamp):
        return None
    if not any(_signed_by(root, found) for root in fleet.roots()):  # 1
        if take_over:
            return None
        raise SettingsError("The broker holds the packs of another fleet under this topic root.", _TAKE_OVER)
    ours = fleet.timestamp.version
    if found.signed.version > ours or (found.signed.version == ours and there != fleet.metadata("timestamp")):  # 2
        raise SettingsError(
            f"The broker holds version {found.signed.version} of this fleet from another copy of its folder; "
            f"this one is at version {ours}.",
            _COPIES,
        )
    return f"{found.signed.snapshot_meta.version}.snapshot"


def refuse_fork(fleet: FleetRepository, name: str, there: bytes | None) -> None:
    """Raise SettingsError when the snapshot `name` on the broker is not the one of that version in this folder.

    Then two copies of the folder went apart, and the other one has published. A broker that lost it proves nothing.
    """
    if there is None or name not in fleet.kept_metadata():
        return
    if there != fleet.metadata(name):
        raise SettingsError(f"Another copy of this fleet's folder has published: {name} differs there.", _COPIES)


def _signed_by(root: Root, found: Metadata[Any]) -> bool:
    try:
        root.verify_delegate(Timestamp.type, found.signed_bytes, found.signatures)
    except (UnsignedMetadataError, ValueError):
        return False
    return True
