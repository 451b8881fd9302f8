"""All that is known of the shelf, and how fresh it is. Pure; `dataclasses.asdict` makes it JSON but for datetimes."""

from dataclasses import dataclass
from datetime import datetime

from edge_agent.model.wording import Said
from edge_agent.packs.formats.manifest import shelf_name
from edge_agent.packs.shelf_record import Entry


@dataclass(frozen=True, slots=True)
class PackStatus:
    """One pack. `version` is what plays (0: nothing yet), `newest` what is signed (0: not read yet).

    `reason` is one sentence about why the newest version does not play; empty when it does. `left_out` are sentences
    about parts of it that this agent is too old for.
    """

    name: str
    version: int
    newest: int
    complete: bool
    missing_bytes: int
    total_bytes: int
    reason: str
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShelfStatus:
    """The shelf as a whole. `version` is the repository's (its timestamp's); 0 means that none was ever verified.

    `is_fresh` says whether what is known of the repository has not expired. `problem` is why the last look at it
    failed, empty when it did not.
    """

    version: int
    root_version: int
    expires: datetime | None
    is_fresh: bool
    checked_at: datetime | None
    clock_trusted: bool
    floor: datetime
    problem: str
    budget_bytes: int
    used_bytes: int
    packs: tuple[PackStatus, ...]
    documents: tuple[str, ...]
    revoked: tuple[str, ...] = ()
    """Each thing that the operator revoked, as a sentence."""


def pack_status(entry: Entry, missing_bytes: int | None, failure: Said | None, revoked: Said | None) -> PackStatus:
    """Return the status of one entry; `missing_bytes` is None while nobody has looked at the disk for it yet.

    `revoked` says why it may not be used at all, if that is so.
    """
    shown = entry.newest or entry.complete
    total_bytes = 0 if shown is None else shown.total_bytes
    missing = total_bytes if missing_bytes is None else missing_bytes
    return PackStatus(
        name=shelf_name(entry.target_name),
        version=0 if entry.complete is None else entry.complete.version,
        newest=0 if entry.newest is None else entry.newest.version,
        complete=entry.complete is not None,
        missing_bytes=0 if entry.is_complete else missing,
        total_bytes=total_bytes,
        reason=str(revoked or entry.reason or failure or ""),
        left_out=entry.left_out,
    )
