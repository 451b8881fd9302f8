"""Changes who may sign: devices follow without being touched, since the root (or the targets) says which keys count.

A role may have several keys, of which a threshold has to sign; then keys are added and dropped one by one. Where the
keys that a new root needs are not all here, it is proposed, signed by those who hold them, and adopted (see
`root_proposal`).
"""

from collections.abc import Collection, Sequence
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import Final

from securesystemslib.signer import Key
from tuf.api.metadata import Metadata, Root, Targets

from edge_agent.fleet.signing.authority import role_name
from edge_agent.fleet.signing.repository import FleetRepository, date_signature
from edge_agent.fleet.signing.root_proposal import (
    PENDING,
    ROLES,
    SHOWN_LETTERS,
    RootProposal,
    merge,
    pending_proposal,
    read_proposal,
    refuse_unready,
    write_proposal,
)
from edge_agent.model.errors import SettingsError
from edge_agent.packs.trust.repository import ADVERTISER_ROLE

_LEAST_LETTERS: Final = 6


def rotate_key(fleet: FleetRepository, key: str, now: datetime, *, propose: bool = False) -> None:
    """Give a role (`timestamp`, …, `config`, `advertiser-<name>`) a new key in the place of its only one, and commit.

    What reports are sealed to is no role's key: `reports.key_folder.rotate_report_key`.

    Needs root.pem for root, targets, snapshot and timestamp, and targets.pem for the others. A new root is signed by
    the old root's key and its own (TUF 1.0.33, 6.1); with `propose` it is written for others to sign, and nothing is
    committed. The old key is kept as `<role>.retired-<n>.pem`.
    Raises SettingsError for a role that there is not, or a key that is missing or not alone.
    """
    role = role_name(key)
    authority, asked = fleet.authority.of(role)
    if len(asked.keyids) > 1 or (role.startswith(ADVERTISER_ROLE) and not fleet.authority.can_sign(role)):
        problem = "has several keys" if len(asked.keyids) > 1 else "keeps its key itself"
        raise SettingsError(
            f"{key} {problem}.", f'Add the new one with "edge-agent fleet keys add {key}", and drop the old one.'
        )
    if propose:
        _refuse_proposal(fleet, key)
    _settle_prepared(fleet, key, asked.keyids)
    signer = fleet.keys.prepare(key)
    match authority:
        case Root():
            root = deepcopy(authority)
            root.revoke_key(asked.keyids[0], role)
            root.add_key(signer.public_key, role)
            if propose:
                _propose(fleet, root, now)
                return
            _replace_root(fleet, root, now)
        case Targets():
            _change_delegation(fleet, role, add=[signer.public_key], drop=list(asked.keyids))
    fleet.commit(now)
    fleet.keys.promote(key)  # at last: until then it signs by the name that it has


def change_keys(
    fleet: FleetRepository,
    key: str,
    now: datetime,
    *,
    add: Key | None = None,
    drop: str | None = None,
    threshold: int = 0,
    propose: bool = False,
) -> None:
    """Let one more key sign for a role, one less (by the beginning of its id), or ask for `threshold`; commit.

    With `propose` the new root is written for others to sign instead. Raises SettingsError when too few could sign
    then, or what is signed already would not count any more.
    """
    role = role_name(key)
    authority, asked = fleet.authority.of(role)
    if add is not None and add.keyid in asked.keyids:
        raise SettingsError(f"{key} has the key {add.keyid[:SHOWN_LETTERS]} already.", "Name another .pub file.")
    dropped = "" if drop is None else _keyid(asked.keyids, drop, key)
    left = len({*asked.keyids, *([add.keyid] if add else [])} - {dropped})
    if not 1 <= (threshold or asked.threshold) <= left:
        raise SettingsError(
            f"{key} would have {left} keys, of which {threshold or asked.threshold} would have to sign.",
            "Add a key first, or ask for fewer signatures.",
        )
    if propose:
        _refuse_proposal(fleet, key)
    match authority:
        case Root():
            root = deepcopy(authority)
            if add is not None:
                root.add_key(add, role)
            if dropped:
                root.revoke_key(dropped, role)
            root.roles[role].threshold = threshold or asked.threshold
            if propose:
                _propose(fleet, root, now)
                return
            _replace_root(fleet, root, now)
        case Targets():
            added, gone = [add] if add else [], [dropped] if dropped else []
            _change_delegation(fleet, role, add=added, drop=gone, threshold=threshold)
    fleet.commit(now)


def adopt_root(fleet: FleetRepository, copies: Sequence[Path], now: datetime) -> int:
    """Make what was proposed the root, with the signatures that it and these copies of it bear; return its version.

    The signatures are kept in the fleet's own file whatever comes of it. Raises FormatError for a file that is no
    copy of it, and SettingsError, having changed no key, when

    1. nothing is proposed here,
    2. it is not the next version, has expired, or too few have signed it (`refuse_unready`), or
    3. a key that it names for what has to be signed anew is not here (`keep_root`).
    """
    pending = pending_proposal(fleet.directory)
    if pending is None:  # 1
        raise SettingsError(
            f"{fleet.directory} has no proposed root.",
            'Propose one with --propose, such as "edge-agent fleet keys rotate timestamp --propose".',
        )
    merge(pending, {path: read_proposal(path) for path in copies})
    write_proposal(fleet.directory / PENDING, pending)
    root = pending.proposed.signed
    if fleet.root_metadata.signed_bytes != pending.proposed.signed_bytes:  # else this was interrupted before
        refuse_unready(pending, fleet.root_version, now)  # 2
        fleet.keep_root(pending.proposed)  # 3
    fleet.commit(now)
    for role in ROLES:
        if (
            fleet.keys.has(f"{role}.next")
            and fleet.keys.signer(f"{role}.next").public_key.keyid in root.roles[role].keyids
        ):
            fleet.keys.promote(role)
    (fleet.directory / PENDING).unlink()
    return pending.version


def _refuse_proposal(fleet: FleetRepository, key: str) -> None:
    if key not in ROLES:
        raise SettingsError(
            f"The root says nothing about {key}, so that nothing is to be proposed.", "Leave --propose out."
        )
    pending = pending_proposal(fleet.directory)
    if pending is not None and pending.version > fleet.root_version:
        raise SettingsError(
            f"Version {pending.version} of the root is proposed already.",
            f"Adopt it, or remove {fleet.directory / PENDING}.",
        )


def _settle_prepared(fleet: FleetRepository, key: str, keyids: Collection[str]) -> None:
    """Deal with a key that was prepared before, since preparing the next one throws it away.

    One that counts already, in a change that was interrupted, takes its place. Raises SettingsError for one that the
    proposed root names.
    """
    if not fleet.keys.has(f"{key}.next"):
        return
    prepared = fleet.keys.signer(f"{key}.next").public_key.keyid
    if prepared in keyids:
        fleet.keys.promote(key)
        return
    pending = pending_proposal(fleet.directory)
    if pending is not None and prepared in pending.proposed.signed.keys:
        _refuse_proposal(fleet, key)


def _propose(fleet: FleetRepository, root: Root, now: datetime) -> None:
    """Write `root` as the next one, with the signatures of those keys that are here, for others to sign."""
    before = fleet.root_metadata
    root.version = before.signed.version + 1
    date_signature(root, "root", now)
    proposal = RootProposal(before, Metadata(root))
    for signer in fleet.keys.signers({*before.signed.roles["root"].keyids, *root.roles["root"].keyids}):
        proposal.proposed.sign(signer, append=True)
    write_proposal(fleet.directory / PENDING, proposal)


def _replace_root(fleet: FleetRepository, root: Root, now: datetime) -> None:
    """Make `root` the next root, signed by all keys here of the root before it and of its own.

    `commit` afterwards. Raises SettingsError, having written nothing, when those are too few for either of the two
    (TUF 1.0.33, 6.1), or a key for what has to be signed anew is not here.
    """
    old = fleet.root
    root.version = old.version + 1
    metadata = Metadata(root)
    date_signature(root, "root", now)
    for signer in fleet.keys.signers({*old.roles["root"].keyids, *root.roles["root"].keyids}):
        metadata.sign(signer, append=True)
    result = root.get_root_verification_result(old, metadata.signed_bytes, metadata.signatures)
    if not result:
        if old.roles["root"].threshold == 1 and not fleet.keys.has("root"):
            raise SettingsError(
                f"A new root needs the key root.pem, which is not in {fleet.keys.directory}.",
                "Bring it back, name its folder with --keys, or let its holder sign: --propose.",
            )
        raise SettingsError(
            f"A new root needs {result.first.threshold} signatures of the root before it and "
            f"{result.second.threshold} of its own; the keys for {len(result.first.signed)} and "
            f"{len(result.second.signed)} are here.",
            "Bring the folders with the others and name each with --keys, or let their holders sign: --propose.",
        )
    fleet.keep_root(metadata)


def _change_delegation(
    fleet: FleetRepository, role: str, *, add: Collection[Key], drop: Collection[str], threshold: int = 0
) -> None:
    """Change who may sign a delegated role; `commit` afterwards. Raises SettingsError when nobody could then.

    What is signed of the role already must count afterwards as well: a role whose keys are here is signed anew; of
    any other, the holders' next bundle has to bear the signatures first.
    """
    fleet.authority.change(role, add=add, drop=drop, threshold=threshold)
    fleet.touch("targets")
    standing = fleet.signed_metadata(role)
    if standing is None:
        return
    if fleet.authority.can_sign(role):
        fleet.touch(role)
    else:
        fleet.authority.refuse_unsigned(role, standing)


def _keyid(keyids: list[str], beginning: str, key: str) -> str:
    there = ", ".join(keyid[:12] for keyid in keyids)
    if len(beginning) < _LEAST_LETTERS:
        raise SettingsError(
            f'"{beginning}" is too little of a key\'s id.', f"Give {_LEAST_LETTERS} letters or more of one: {there}."
        )
    found = [keyid for keyid in keyids if keyid.startswith(beginning)]
    if len(found) != 1:
        raise SettingsError(f"{key} has no key that alone begins with {beginning}.", f"It has: {there}.")
    return found[0]
