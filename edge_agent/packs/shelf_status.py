"""What the debug page shows of the shelf. Pure; `dataclasses.asdict` makes it JSON but for datetimes."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PackStatus:
    """One pack. `version` is what plays (0: nothing yet), `newest` what is signed (0: not read yet).

    `reason` is one sentence about why the newest version does not play; empty when it does.
    """

    name: str
    version: int
    newest: int
    complete: bool
    missing_bytes: int
    total_bytes: int
    reason: str


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
