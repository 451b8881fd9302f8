"""Who holds which key of a fleet, how many have to sign, and how long that is good for."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from edge_agent.fleet.reports.key_folder import REPORTS, opening_keys, retired_since
from edge_agent.fleet.reports.key_pair import key_id
from edge_agent.fleet.reports.opening import OLDEST
from edge_agent.fleet.signing.authority import key_name
from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.fleet.signing.root_proposal import pending_proposal
from edge_agent.measure.report_key import TARGET, read_report_key
from edge_agent.model.errors import EdgeAgentError, FormatError
from edge_agent.packs.trust.repository import ADVERTISER_ROLE, CONFIG_ROLE

_SOON_DAYS: Final = {"timestamp": 10}
_SOON_ELSE_DAYS: Final = 60


@dataclass(frozen=True, slots=True)
class HeldKey:
    """One key, by its id (SHA-256 in hexadecimal), and whether its private half is here."""

    keyid: str
    is_here: bool


@dataclass(frozen=True, slots=True)
class RoleStatus:
    """One role. `days_left` is None while nothing was signed; `next_step` is a sentence when a person has to act."""

    role: str
    threshold: int
    keys: tuple[HeldKey, ...]
    expires: datetime | None
    days_left: int | None
    next_step: str
    proposal: str = ""
    """Of the root: who has signed the one that is proposed, and who is missing; empty while there is none."""


def role_statuses(fleet: FleetRepository, now: datetime) -> list[RoleStatus]:
    """Return every role, the root first; at last the key that reports are sealed to, good while `config` says so."""
    expirations = fleet.expirations()
    here = {signer.public_key.keyid for signer in fleet.keys.signers()}
    advertisers = (f"{ADVERTISER_ROLE}{name}" for name in fleet.advertisers)
    found = []
    for role in ("root", "targets", "snapshot", "timestamp", "config", *advertisers):
        _, asked = fleet.authority.of(role)
        held = tuple(HeldKey(keyid, keyid in here) for keyid in sorted(asked.keyids))
        expires = expirations.get(role)
        days = None if expires is None else (expires - now).days
        name = key_name(role)
        enough = sum(key.is_here for key in held) >= asked.threshold
        found.append(RoleStatus(name, asked.threshold, held, expires, days, _next_step(name, days, enough=enough)))
    return [replace(found[0], proposal=_proposal(fleet)), *found[1:], *_report_key(fleet, now)]


def _report_key(fleet: FleetRepository, now: datetime) -> list[RoleStatus]:
    if TARGET not in fleet.files:
        return []
    published = read_report_key(fleet.document(TARGET))
    try:
        is_here = any(key.public == published for key in opening_keys(fleet.directory))
    except EdgeAgentError:  # none, or none that may be read here
        is_here = False
    outlived = [path.name for path, day in retired_since(fleet.directory).items() if now.date() - day > OLDEST]
    step = f"Remove {', '.join(outlived)}, and from backups: no report that counts needs it." if outlived else ""
    expires = fleet.expirations().get(CONFIG_ROLE)
    held = (HeldKey(key_id(published), is_here),)
    return [RoleStatus(REPORTS, 1, held, expires, None if expires is None else (expires - now).days, step)]


def _proposal(fleet: FleetRepository) -> str:
    try:
        pending = pending_proposal(fleet.directory)
    except FormatError as error:
        return error.for_person()
    return "" if pending is None else f"Proposed: {pending.said()}"


def _next_step(name: str, days: int | None, *, enough: bool) -> str:
    if days is None:
        return f"Publish the first bundle of {name.removeprefix('advertiser-')}."
    if days > _SOON_DAYS.get(name, _SOON_ELSE_DAYS):
        return ""
    who = name.removeprefix("advertiser-")
    if name == "root":
        return f"The root is good for {days} days more: edge-agent fleet keys rotate root"
    if enough:
        return f"What {name} signed is good for {days} days more: edge-agent fleet refresh"
    return f"What {who} signed is good for {days} days more: ask for a new bundle."
