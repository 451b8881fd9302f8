"""The deny list, format version 1: what the operator takes off every device, whoever signs it. Pure.

It is the TUF target `config/revoked.json`, signed by the operator's config key: UTF-8 JSON of at most 128 KiB.

    {"v": 1, "version": 4, "revoked": {
        "bolt": {"at": "2026-11-21T18:00:00Z", "reason": "The contract ended."},
        "acme/spring": {"at": …},
        "acme/summer/poster": {"at": …, "reason": "It shows the wrong price."}}}

A name is an advertiser, an advertiser's pack, or one creative of that pack. Not signing a pack any more is enough
where the operator signs it; this is for what an advertiser signs alone, and for a part of a pack. What a newer
writer adds to the format is passed over; another `v` is refused whole, and the last list that was read holds.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from edge_agent.model.errors import FormatError
from edge_agent.model.instants import Instant
from edge_agent.model.wording import Said, Wall, WallStyle, Wording
from edge_agent.packs.formats.documents import parse_json, validate
from edge_agent.packs.formats.manifest import Manifest

TARGET: Final = "config/revoked.json"
FORMAT_VERSION: Final = 1
MAX_NAMES: Final = 1024
MAX_REASON_CHARS: Final = 200
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}(/[a-z0-9][a-z0-9._-]{0,63}){0,2}")

_REVOKED: Final = Wording("revoked.plain", "The operator revoked {name} on {date}.")
_REVOKED_BECAUSE: Final = Wording("revoked.because", "The operator revoked {name} on {date}: {reason}")


class Revocation(BaseModel):
    """Since when, and why, as a sentence for people (empty: nobody said)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    at: Instant
    reason: Annotated[str, Field(max_length=MAX_REASON_CHARS)] = ""


class Revocations(BaseModel):
    """Everything that is revoked, by name. `version` grows with each change."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    v: Literal[1] = FORMAT_VERSION
    version: int = Field(default=0, ge=0)
    revoked: Mapping[str, Revocation] = Field(default={}, max_length=MAX_NAMES)

    def of_pack(self, shelf_name: str) -> Said | None:
        """Return in one sentence why nothing of that pack (`<advertiser>/<pack>`) may be used; None when it may."""
        return self._first(shelf_name.partition("/")[0], shelf_name)

    def of_creatives(self, shelf_name: str, crids: Iterable[str]) -> dict[str, Said]:
        """Return those of a pack's creatives that may not be used, each with why as one sentence."""
        whole = self.of_pack(shelf_name)
        found = {crid: whole or self._first(f"{shelf_name}/{crid}") for crid in crids}
        return {crid: why for crid, why in found.items() if why is not None}

    def sentences(self) -> tuple[str, ...]:
        """Return everything that is revoked, a sentence each, by name."""
        return tuple(str(_sentence(name, revocation)) for name, revocation in sorted(self.revoked.items()))

    def _first(self, *names: str) -> Said | None:
        return next((_sentence(name, self.revoked[name]) for name in names if name in self.revoked), None)

    def to_bytes(self) -> bytes:
        """Return the document that is signed."""
        value = {"v": self.v} | self.model_dump(mode="json", exclude_defaults=True)
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def without_revoked(manifest: Manifest, revocations: Revocations) -> Manifest:
    """Return the manifest without those assets that only revoked creatives need; the creatives themselves stay.

    A pack that is revoked as a whole is left as it is: it has no version that may play.
    """
    if revocations.of_pack(manifest.shelf_name) is not None:
        return manifest
    creatives = manifest.campaign.creatives
    revoked = revocations.of_creatives(manifest.shelf_name, (creative.crid for creative in creatives))
    if not revoked:
        return manifest
    needed = {name for creative in creatives if creative.crid not in revoked for name in creative.asset_names()}
    gone = {name for creative in creatives if creative.crid in revoked for name in creative.asset_names()} - needed
    assets = {name: asset for name, asset in manifest.assets.items() if name not in gone}
    return manifest.model_copy(update={"assets": assets})


def is_revocable(name: str) -> bool:
    """Whether `name` has the form of an advertiser, a pack or a creative."""
    return _NAME.fullmatch(name) is not None


def parse_revocations(content: bytes) -> Revocations:
    """Return the deny list in `content`, whose signature is already verified. Raises FormatError."""
    what = "The list of what is revoked"
    value = parse_json(content, what)
    if value.get("v") != FORMAT_VERSION:
        raise FormatError(
            f"{what} has format version {value.get('v')!r:.20}; this agent reads version {FORMAT_VERSION}.",
            "Update the agent; until then the last list that it could read holds.",
        )
    return validate(Revocations, value, what)


def _sentence(name: str, revocation: Revocation) -> Said:
    date = Wall(revocation.at, WallStyle.DATE)
    if not revocation.reason:
        return _REVOKED(name=name, date=date)
    return _REVOKED_BECAUSE(name=name, date=date, reason=revocation.reason)
