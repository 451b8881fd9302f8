"""Replaces a key: devices follow without being touched, since the root (or the targets) says which key counts now."""

from copy import deepcopy
from datetime import datetime
from typing import Final

from tuf.api.metadata import Metadata

from edge_agent.fleet.repository import FleetRepository
from edge_agent.model.errors import SettingsError
from edge_agent.packs.trust import ADVERTISER_ROLE, CONFIG_ROLE

_OF_ROOT: Final = ("root", "targets", "snapshot", "timestamp")


def rotate_key(fleet: FleetRepository, role: str, now: datetime) -> None:
    """Give `role` (`timestamp`, …, `config`, `advertiser-<name>`) a new key and commit.

    Needs root.pem for root, targets, snapshot and timestamp, and targets.pem for the others. A new root is signed by
    the old root's key and its own (TUF 1.0.33, 6.1). The old key is kept as `<role>.retired-<n>.pem`.
    Raises SettingsError for a role that there is not, or a key that is missing.
    """
    delegated = CONFIG_ROLE if role == CONFIG_ROLE else ADVERTISER_ROLE + role.removeprefix("advertiser-")
    known = (*_OF_ROOT, CONFIG_ROLE, *(f"advertiser-{name}" for name in fleet.advertisers))
    if role not in known:
        raise SettingsError(f"There is no key {role}.", f"There are: {', '.join(known)}.")
    signer = fleet.keys.prepare(role)
    if role in _OF_ROOT:
        root = deepcopy(fleet.root)
        root.version += 1
        for keyid in list(root.roles[role].keyids):
            root.revoke_key(keyid, role)
        root.add_key(signer.public_key, role)
        signers = [fleet.keys.signer("root")] + ([signer] if role == "root" else [])
        fleet.write_root(Metadata(root), now, signers)
    else:
        fleet.replace_delegated_key(delegated, signer.public_key)
    fleet.keys.promote(role)
    if role in {"targets", "snapshot"}:
        fleet.touch("targets")
    fleet.commit(now)
