"""Replaces a key: devices follow without being touched, since the root (or the targets) says which key counts now.

A role may have several keys, of which a threshold has to sign; then keys are added and dropped one by one.
"""

from copy import deepcopy
from datetime import datetime
from typing import Final

from securesystemslib.signer import Key
from tuf.api.metadata import Root, Targets

from edge_agent.fleet.authority import role_name
from edge_agent.fleet.repository import FleetRepository
from edge_agent.model.errors import SettingsError
from edge_agent.packs.trust import ADVERTISER_ROLE

_LEAST_LETTERS: Final = 6


def rotate_key(fleet: FleetRepository, key: str, now: datetime) -> None:
    """Give a role (`timestamp`, …, `config`, `advertiser-<name>`) a new key in the place of its only one, and commit.

    Needs root.pem for root, targets, snapshot and timestamp, and targets.pem for the others. A new root is signed by
    the old root's key and its own (TUF 1.0.33, 6.1). The old key is kept as `<role>.retired-<n>.pem`.
    Raises SettingsError for a role that there is not, or a key that is missing or not alone.
    """
    role = role_name(key)
    authority, asked = fleet.authority.of(role)
    if len(asked.keyids) > 1 or (role.startswith(ADVERTISER_ROLE) and not fleet.authority.can_sign(role)):
        problem = "has several keys" if len(asked.keyids) > 1 else "keeps its key itself"
        raise SettingsError(
            f"{key} {problem}.", f'Add the new one with "edge-agent fleet keys add {key}", and drop the old one.'
        )
    signer = fleet.keys.prepare(key)
    match authority:
        case Root():
            root = deepcopy(authority)
            root.revoke_key(asked.keyids[0], role)
            root.add_key(signer.public_key, role)
            fleet.replace_root(root, now)
        case Targets():
            fleet.change_keys(role, add=[signer.public_key], drop=list(asked.keyids))
    fleet.keys.promote(key)
    if role in {"targets", "snapshot"}:
        fleet.touch("targets")
    fleet.commit(now)


def change_keys(
    fleet: FleetRepository, key: str, now: datetime, *, add: Key | None = None, drop: str = "", threshold: int = 0
) -> None:
    """Let one more key sign for a role, one less (by the beginning of its id), or ask for `threshold`; commit.

    Raises SettingsError when too few could sign then, or what is signed already would not count any more.
    """
    role = role_name(key)
    authority, asked = fleet.authority.of(role)
    dropped = _keyid(asked.keyids, drop, key) if drop else ""
    left = len({*asked.keyids, *([add.keyid] if add else [])} - {dropped})
    if not 1 <= (threshold or asked.threshold) <= left:
        raise SettingsError(
            f"{key} would have {left} keys, of which {threshold or asked.threshold} would have to sign.",
            "Add a key first, or ask for fewer signatures.",
        )
    match authority:
        case Root():
            root = deepcopy(authority)
            if add is not None:
                root.add_key(add, role)
            if dropped:
                root.revoke_key(dropped, role)
            root.roles[role].threshold = threshold or asked.threshold
            fleet.replace_root(root, now)
            fleet.touch("targets")
        case Targets():
            fleet.change_keys(role, add=[add] if add else [], drop=[dropped] if dropped else [], threshold=threshold)
    fleet.commit(now)


def _keyid(keyids: list[str], beginning: str, key: str) -> str:
    found = [keyid for keyid in keyids if keyid.startswith(beginning)]
    if len(found) != 1 or len(beginning) < _LEAST_LETTERS:
        there = ", ".join(keyid[:12] for keyid in keyids)
        raise SettingsError(f"{key} has no key that alone begins with {beginning}.", f"It has: {there}.")
    return found[0]
