"""Writes the signed list of what devices may use no more: an advertiser, a pack, or one creative of a pack."""

from datetime import datetime
from typing import Final

from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.model.errors import SettingsError
from edge_agent.packs.formats.documents import MAX_DOCUMENT_BYTES
from edge_agent.packs.formats.revocations import (
    MAX_NAMES,
    MAX_REASON_CHARS,
    TARGET,
    Revocation,
    Revocations,
    parse_revocations,
)

_SHORTER: Final = "Revoke whole packs or advertisers, give short reasons, and lift what nobody signs any more."


def denied(fleet: FleetRepository) -> Revocations:
    """Return the list as it is signed now; empty before the first."""
    return parse_revocations(fleet.document(TARGET)) if TARGET in fleet.files else Revocations()


def deny(fleet: FleetRepository, name: str, now: datetime, reason: str = "") -> None:
    """Put `name` on the list, with why; `commit` afterwards. Raises SettingsError when any is too long."""
    if len(reason) > MAX_REASON_CHARS:
        raise SettingsError(
            f"The reason has {len(reason)} characters; at most {MAX_REASON_CHARS} are kept.", "Shorten it."
        )
    standing = denied(fleet)
    revoked = {**standing.revoked, name: Revocation(at=now.replace(microsecond=0), reason=reason)}
    if len(revoked) > MAX_NAMES:
        raise SettingsError(f"{MAX_NAMES} names are revoked already.", _SHORTER)
    _put(fleet, standing, revoked)


def allow(fleet: FleetRepository, name: str) -> None:
    """Take `name` from the list; `commit` afterwards. Does nothing where it is not on it."""
    standing = denied(fleet)
    if name in standing.revoked:
        _put(fleet, standing, {other: why for other, why in standing.revoked.items() if other != name})


def _put(fleet: FleetRepository, standing: Revocations, revoked: dict[str, Revocation]) -> None:
    content = Revocations(version=standing.version + 1, revoked=revoked).to_bytes()
    if len(content) > MAX_DOCUMENT_BYTES:  # devices would take nothing more of what the config key signs
        raise SettingsError(
            f"The list of what is revoked would have {len(content)} bytes; devices read {MAX_DOCUMENT_BYTES}.",
            _SHORTER,
        )
    fleet.put(TARGET, content)
