"""Whether what a broker holds may be written over: only this fleet's own past may. Pure over the fleet's folder."""

from typing import Any, Final

from tuf.api.exceptions import RepositoryError, UnsignedMetadataError
from tuf.api.metadata import Metadata, Root, Snapshot, Timestamp

from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.model.errors import SettingsError

_TAKE_OVER: Final = (
    "Name another broker, or another topic root with --root; if you mean to replace it, "
    "run edge-agent fleet refresh --take-over."
)
_COPIES: Final = (
    "Go on with the copy of the fleet folder that published last; devices refuse a history that goes back. If a key "
    'was stolen, run "edge-agent fleet keys rotate" for it first. If that copy is lost: edge-agent fleet catch-up'
)


def snapshot_of_ours(fleet: FleetRepository, there: bytes, *, take_over: bool = False) -> str | None:
    """Return the name of the snapshot to compare next (`<n>.snapshot`), knowing the timestamp that the broker holds.

    None where there is nothing to compare: what is no timestamp at all is garbage that no device believes, and so is
    what only retired keys signed. Raises SettingsError when the timestamp

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
    if not _signed_by(fleet.root, found):
        return None
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

    Then two copies of the folder went apart, and the other one has published. A broker that lost it proves nothing,
    and neither does one that was set back to what it held before this folder caught up with it, or on which somebody
    put what this fleet's keys have not signed.
    """
    is_here = name in fleet.kept_metadata()
    if not is_here and int(name.partition(".")[0]) < fleet.snapshot.version:
        return  # a version before the one that this folder took over (see catch_up)
    if there is None or (is_here and there == fleet.metadata(name)):
        return
    try:
        found: Metadata[Any] = Metadata.from_bytes(there)
    except RepositoryError:
        return
    if (
        isinstance(found.signed, Snapshot)
        and f"{found.signed.version}.snapshot" == name
        and _signed_by(fleet.root, found)
    ):
        problem = "differs there" if is_here else "is not here"
        raise SettingsError(f"Another copy of this fleet's folder has published: {name} {problem}.", _COPIES)


def refuse_other_root(fleet: FleetRepository, version: int, there: bytes | None) -> None:
    """Raise SettingsError when that root on the broker follows one of this folder's and is not here.

    Then another copy of the folder has changed keys: what this one signs would count for nothing.
    """
    before = next((root for root in fleet.roots() if root.version == version - 1), None)
    if there is None or before is None:
        return
    if version <= fleet.root_version and there == fleet.metadata(f"{version}.root"):
        return
    try:
        found: Metadata[Any] = Metadata.from_bytes(there)
    except RepositoryError:
        return
    if isinstance(found.signed, Root) and found.signed.version == version and _signed_by(before, found):
        raise SettingsError(
            f"Another copy of this fleet's folder has changed keys (version {version} of the root).",
            _COPIES,
        )


def _signed_by(root: Root, found: Metadata[Any]) -> bool:
    try:
        root.verify_delegate(found.signed.type, found.signed_bytes, found.signatures)
    except (UnsignedMetadataError, ValueError):
        return False
    return True
