"""What the shelf is made of, as it is written to shelf.json: enough to stand again with no network. Pure.

The record is the device's own and as trustworthy as its disk; what it names is checked against the hashes in it.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from edge_agent.model.errors import FormatError
from edge_agent.model.identity import Sha256, sha256_hex
from edge_agent.model.wording import Said
from edge_agent.packs.formats.manifest import Manifest
from edge_agent.packs.trust.clock_floor import CODE_DATE

_SUMMED: Final = re.compile(rb'\{\n "sum": "([0-9a-f]{64})",')


class PackRecord(BaseModel):
    """Hashes of a pack's newest signed manifest, and of the newest one whose assets were all there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    newest: Sha256
    complete: Sha256 | None = None


class ShelfRecord(BaseModel):
    """shelf.json. `root` is the hash of the root.json of provisioning that all this was believed by."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    v: int = 1
    root: str = ""
    floor: AwareDatetime = CODE_DATE
    version: int = 0
    root_version: int = 0
    expires: AwareDatetime | None = None
    documents: Mapping[str, Sha256] = {}
    packs: Mapping[str, PackRecord] = {}
    day: str = ""
    spent_bytes: int = 0
    """What assets took on that day of the device's (see `allowance`)."""
    spoilt: Mapping[str, Sha256] = {}
    failures: int = 0
    """What came to nothing when it was last asked for (see `retries`)."""
    is_sure: bool = True
    """Whether everything that may be needed was known when this was written (see `Shelf`)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One signed pack name and what the device has of it. `newest` is None while its manifest is not here.

    `reason` says why the newest version is not usable, as one sentence; None when it is, or is merely arriving.
    """

    target_name: str
    sha256: str
    newest: Manifest | None = None
    complete_sha256: str | None = None
    complete: Manifest | None = None
    reason: Said | None = None
    is_for_others: bool = False
    """Whether it is merely meant for another kind of device, which is nobody's trouble."""
    left_out: tuple[str, ...] = ()
    """What of the newest version is newer than this agent and is not used, a sentence each."""
    past_share: int | None = None
    """How many creatives the newest version books (0: not read) where its advertiser's share has no room for it."""

    @property
    def is_complete(self) -> bool:
        """Whether the newest signed version is the one that plays."""
        if self.newest is None or self.complete is None:
            return self.complete_sha256 == self.sha256
        # A revocation that was lifted asks for files that the version that plays does without.
        return self.complete_sha256 == self.sha256 and self.newest.assets.keys() <= self.complete.assets.keys()


def fingerprint(root: bytes) -> str:
    """Return what a record calls a root.json of provisioning."""
    return sha256_hex(root)


def write_record(record: ShelfRecord) -> bytes:
    """Return the content of shelf.json: JSON, whose first line is the hash of all that follows it."""
    body = record.model_dump_json(indent=1).encode().removeprefix(b"{")
    return b'{\n "sum": "%s",' % sha256_hex(body).encode() + body


def read_record(content: bytes) -> ShelfRecord:
    """Return the record; one without a sum is an older agent's. Raises FormatError when the file is damaged.

    Without the sum one changed bit could make a revocation vanish, and what is left would look whole.
    """
    summed = _SUMMED.match(content)
    if summed is None or sha256_hex(content[summed.end() :]).encode() == summed[1]:
        with suppress(ValidationError):
            return ShelfRecord.model_validate_json(content)
    raise FormatError("The shelf's record is damaged.", "It is made again from the repository.")
