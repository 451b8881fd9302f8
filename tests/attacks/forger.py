"""Somebody who has stolen the keys that a test hands over: signs what it likes, and follows the chain with them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Snapshot, Timestamp

from edge_agent.fleet.signing.rotation import rotate_key
from edge_agent.packs.trust.repository import ADVERTISER_ROLE
from tests.fleets import TIMESTAMP, SmallFleet

Messages = dict[str, bytes]
"""What is retained on a broker, by topic below the fleet's root."""

Plant = Callable[[SmallFleet], Messages]


@dataclass(frozen=True, slots=True)
class Attack:
    """`plant` returns the messages; `complaint` is part of the one warning that it causes.

    `prepare` readies the fleet before anything is on the device; `repair` is what the operator does afterwards,
    before an honest publication. `plays` is the version that plays after the attack: 2 where only what is hostile in
    a publication is left out.
    """

    name: str
    plant: Plant
    complaint: str
    prepare: Callable[[SmallFleet], None] = lambda _fleet: None
    repair: Callable[[SmallFleet], None] = lambda _fleet: None
    plays: int = 1


def replace_keys(fleet: SmallFleet) -> None:
    """Do what an operator does whose online keys were stolen; it also ends what a thief fast-forwarded."""
    for role in ("advertiser-acme", "config", "snapshot", "timestamp"):
        rotate_key(fleet.fleet, role, fleet.now)


def with_keys(
    name: str,
    plant: Plant,
    complaint: str,
    prepare: Callable[[SmallFleet], None] = lambda _fleet: None,
    *,
    plays: int = 1,
) -> Attack:
    """Return an attack by somebody who has every key but the root's."""
    return Attack(name, plant, complaint, prepare, replace_keys, plays)


def newest(messages: Messages, role: str) -> str:
    """Return the topic of a role's newest metadata."""
    if role == "timestamp":
        return TIMESTAMP
    versions = [int(topic.split("/")[2]) for topic in messages if topic.endswith(f"/{role}")]
    return f"repo/meta/{max(versions)}/{role}"


def signer_of(fleet: SmallFleet, role: str) -> CryptoSigner:
    """Return the real key of a role."""
    key = f"advertiser-{role.removeprefix(ADVERTISER_ROLE)}" if role.startswith(ADVERTISER_ROLE) else role
    return fleet.fleet.keys.signer(key)


def forge(fleet: SmallFleet, role: str, change: Callable[[Any], None]) -> Messages:
    """Return the repository with `role` changed and signed by its real key, and a chain that leads to it.

    Needs the keys of `role`, of the snapshot and of the timestamp, as far as they come after it.
    """
    messages = fleet.messages()
    metadata: Metadata[Any] = Metadata.from_bytes(messages[newest(messages, role)])
    metadata.signed.version += 1
    change(metadata.signed)
    _put(messages, fleet, role, metadata)
    version = metadata.signed.version
    if role not in {"timestamp", "snapshot"}:
        snapshot = Metadata[Snapshot].from_bytes(messages[newest(messages, "snapshot")])
        snapshot.signed.version += 1
        snapshot.signed.meta[f"{role}.json"].version = version
        _put(messages, fleet, "snapshot", snapshot)
        version = snapshot.signed.version
    if role != "timestamp":
        timestamp = Metadata[Timestamp].from_bytes(messages[TIMESTAMP])
        timestamp.signed.version += 1
        timestamp.signed.snapshot_meta.version = version
        _put(messages, fleet, "timestamp", timestamp)
    return messages


def forged(role: str, change: Callable[[Any], None]) -> Plant:
    """Return `forge` as the plant of an attack."""
    return lambda fleet: forge(fleet, role, change)


def _put(messages: Messages, fleet: SmallFleet, role: str, metadata: Metadata[Any]) -> None:
    metadata.signatures.clear()
    metadata.sign(signer_of(fleet, role))
    topic = TIMESTAMP if role == "timestamp" else f"repo/meta/{metadata.signed.version}/{role}"
    messages[topic] = metadata.to_bytes()
