"""Attacks on TUF's roles: what is signed, by whom, how often and until when."""

import json
import tempfile
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Key, Metadata, Root, Timestamp

from edge_agent.fleet.signing.rotation import rotate_key
from tests.attacks.forger import Attack, Messages, Plant, forge, forged, newest, signer_of, with_keys
from tests.fleets import TIMESTAMP, SmallFleet

NOT_SIGNED = "not signed by the keys that this device trusts"
ROLLED_BACK = "was rolled back or mixed"
UNBELIEVABLE = "metadata that cannot be believed"
NOT_FRESH = "is not fresh"

_LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)


def _unsigned(fleet: SmallFleet) -> Messages:
    messages = fleet.messages()
    value = json.loads(messages[TIMESTAMP])
    value["signatures"] = []
    return messages | {TIMESTAMP: json.dumps(value).encode()}


def _strangers_key(fleet: SmallFleet) -> Messages:
    messages = fleet.messages()
    metadata = Metadata[Timestamp].from_bytes(messages[TIMESTAMP])
    metadata.signed.version += 100
    metadata.signatures.clear()
    metadata.sign(CryptoSigner.generate_ed25519())
    return messages | {TIMESTAMP: metadata.to_bytes()}


def _altered(role: str) -> Plant:
    def plant(fleet: SmallFleet) -> Messages:
        messages = fleet.messages()
        topic = newest(messages, role)
        altered = messages[topic].replace(b'"20', b'"29', 1)
        assert altered != messages[topic]
        return messages | {topic: altered}

    return plant


def _strangers_repository(fleet: SmallFleet) -> Messages:
    """Another operator's whole repository, with a pack of the same name: keys, chunks and all."""
    with tempfile.TemporaryDirectory() as folder:
        stranger = SmallFleet(Path(folder), fleet.now)
        stranger.sign()
        return fleet.messages() | stranger.messages()


# Rollback: the device has seen one version more of everything than what is planted


def _older_timestamp(timestamp: Timestamp) -> None:
    timestamp.version -= 3  # one for the forger, one for what was published since, one to be older than the device's


def _older_snapshot(timestamp: Timestamp) -> None:
    timestamp.snapshot_meta.version -= 2


def _older_in_snapshot(role: str) -> Plant:
    def change(snapshot: Any) -> None:
        snapshot.meta[f"{role}.json"].version = 1

    return forged("snapshot", change)


def _older_root(fleet: SmallFleet) -> Messages:
    messages = fleet.messages()
    return messages | {"repo/meta/2/root": messages["repo/meta/1/root"]}


def _strangers_root(fleet: SmallFleet) -> Messages:
    """The next root, which would hand every role to a stranger."""
    with tempfile.TemporaryDirectory() as folder:
        root = Metadata(deepcopy(SmallFleet(Path(folder), fleet.now).fleet.root))
    root.signed.version = 2
    root.sign(CryptoSigner.generate_ed25519())
    return fleet.messages() | {"repo/meta/2/root": root.to_bytes()}


def _garbage_root(fleet: SmallFleet) -> Messages:
    return fleet.messages() | {"repo/meta/2/root": b"\x00\xffgarbage"}


def _vanished(snapshot: Any) -> None:
    del snapshot.meta["packs-acme.json"]


# Mix-and-match: each piece was signed once, never together


def _mixed(role: str) -> Plant:
    def plant(fleet: SmallFleet) -> Messages:
        messages = fleet.messages()
        topic = newest(messages, role)
        return messages | {topic: messages[f"repo/meta/1/{role}"]}

    return plant


# Keys and thresholds


def _two_of_two(fleet: SmallFleet) -> None:
    """Let two keys together sign for the root from its second version on."""
    second = fleet.fleet.keys.create("root-second")
    root = deepcopy(fleet.fleet.root)
    root.version += 1
    root.add_key(second.public_key, "root")
    root.roles["root"].threshold = 2
    fleet.fleet.write_root(Metadata(root), fleet.now, [signer_of(fleet, "root"), second])


def _root_by_one(fleet: SmallFleet) -> Metadata[Root]:
    """A third root that would hand the timestamp to a stranger, signed by one of the two keys."""
    root = Metadata(deepcopy(fleet.fleet.root))
    root.signed.version += 1
    stranger = CryptoSigner.generate_ed25519()
    root.signed.add_key(_public(stranger), "timestamp")
    root.sign(signer_of(fleet, "root"))
    return root


def _public(signer: CryptoSigner) -> Key:
    return signer.public_key


def _below_threshold(fleet: SmallFleet) -> Messages:
    return fleet.messages() | {"repo/meta/3/root": _root_by_one(fleet).to_bytes()}


def _same_signature_twice(fleet: SmallFleet) -> Messages:
    value = _root_by_one(fleet).to_dict()
    value["signatures"] *= 2
    return fleet.messages() | {"repo/meta/3/root": json.dumps(value).encode()}


def _third_root(fleet: SmallFleet) -> None:
    """What the operator answers with: a third root that both keys signed."""
    root = deepcopy(fleet.fleet.root)
    root.version += 1
    signers = [signer_of(fleet, "root"), fleet.fleet.keys.signer("root-second")]
    fleet.fleet.write_root(Metadata(root), fleet.now, signers)


def _new_root(fleet: SmallFleet) -> None:
    rotate_key(fleet.fleet, "root", fleet.now)


# An advertiser beyond its rights


def _anothers_pack(fleet: SmallFleet) -> Messages:
    """Bolt signs packs/acme/spring.json, and the operator's snapshot carries that."""
    evil = fleet.messages()

    def change(role: Any) -> None:
        acme: Metadata[Any] = Metadata.from_bytes(evil[newest(evil, "packs-acme")])
        role.targets["packs/acme/spring.json"] = acme.signed.targets["packs/acme/spring.json"]

    return forge(fleet, "packs-bolt", change)


def _configuration(fleet: SmallFleet) -> Messages:
    """Acme signs config/fleet.json."""

    def change(role: Any) -> None:
        role.targets["config/fleet.json"] = role.targets["packs/acme/spring.json"]

    return forge(fleet, "packs-acme", change)


def _with_bolt(fleet: SmallFleet) -> None:
    fleet.add_advertiser("bolt")


# Expiry


def _expired(signed: Any) -> None:
    signed.expires = _LONG_AGO


def _expired_root(fleet: SmallFleet) -> Messages:
    """A second root that was signed by the real key and expired before anybody saw it."""
    root = Metadata(deepcopy(fleet.fleet.root))
    root.signed.version += 1
    fleet.fleet.write_root(root, datetime.now(UTC) - timedelta(days=4000), [signer_of(fleet, "root")])
    return fleet.messages()


ON_ROLES = (
    Attack("arbitrary software: a stranger's repository", _strangers_repository, NOT_SIGNED),
    Attack("arbitrary software: a stranger's timestamp", _strangers_key, NOT_SIGNED),
    Attack("unsigned timestamp", _unsigned, NOT_SIGNED),
    Attack("altered timestamp", _altered("timestamp"), NOT_SIGNED),
    Attack("altered snapshot", _altered("snapshot"), NOT_SIGNED),
    Attack("altered advertiser's role", _altered("packs-acme"), f"What acme signed is {NOT_SIGNED}"),
    with_keys("rollback of the timestamp", forged("timestamp", _older_timestamp), ROLLED_BACK),
    with_keys("rollback of the snapshot", forged("timestamp", _older_snapshot), ROLLED_BACK),
    with_keys("rollback of the targets", _older_in_snapshot("targets"), ROLLED_BACK),
    with_keys("rollback of an advertiser's role", _older_in_snapshot("packs-acme"), ROLLED_BACK),
    with_keys("rollback of the configuration's role", _older_in_snapshot("config"), ROLLED_BACK),
    Attack("rollback of the root", _older_root, f"The next root {ROLLED_BACK}", repair=_new_root, plays=2),
    Attack("a stranger's next root", _strangers_root, f"The next root is {NOT_SIGNED}", repair=_new_root, plays=2),
    Attack("garbage as the next root", _garbage_root, f"The next root has {UNBELIEVABLE}", repair=_new_root, plays=2),
    with_keys("a role that vanished", forged("snapshot", _vanished), UNBELIEVABLE),
    Attack("mix-and-match: an old snapshot under a new timestamp", _mixed("snapshot"), ROLLED_BACK),
    Attack(
        "mix-and-match: an old role under a new snapshot", _mixed("packs-acme"), f"What acme signed {ROLLED_BACK}"
    ),
    Attack("key compromise below the threshold", _below_threshold, NOT_SIGNED, _two_of_two, _third_root, plays=2),
    Attack("duplicate signatures", _same_signature_twice, UNBELIEVABLE, _two_of_two, _third_root, plays=2),
    with_keys(
        "advertiser signs another's pack",
        _anothers_pack,
        "bolt signed 'packs/acme/spring.json', which is not",
        _with_bolt,
        plays=2,
    ),
    with_keys(
        "advertiser signs configuration", _configuration, "acme signed 'config/fleet.json', which is not", plays=2
    ),
    with_keys("expired timestamp", forged("timestamp", _expired), NOT_FRESH),
    with_keys("expired snapshot", forged("snapshot", _expired), NOT_FRESH),
    with_keys("expired targets", forged("targets", _expired), NOT_FRESH),
    with_keys("expired advertiser's role", forged("packs-acme", _expired), f"What acme signed {NOT_FRESH}"),
    with_keys("expired configuration's role", forged("config", _expired), f"The configuration {NOT_FRESH}", plays=2),
    Attack("expired root", _expired_root, NOT_FRESH, repair=_new_root),
)
