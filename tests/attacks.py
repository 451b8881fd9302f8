"""What a hostile broker, network or advertiser can do to a repository: each attack returns the messages it plants.

Every attack begins where `acme/spring` version 1 plays and version 2 was published; a device must go on playing
version 1, and say once what is wrong.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Targets, Timestamp

from edge_agent.packs.manifest import MAX_CHUNK_BYTES
from tests.fleets import TIMESTAMP, SmallFleet

Messages = dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Attack:
    """`plant` returns the messages; `complaint` is part of the one warning that it causes."""

    name: str
    plant: Callable[[SmallFleet], Messages]
    complaint: str


def _newest(fleet: SmallFleet, role: str) -> str:
    return f"repo/meta/{next(name for name in fleet.fleet.metadata_names() if name.partition('.')[2] == role)}"


def _new_chunk(fleet: SmallFleet) -> str:
    manifest = json.loads(fleet.fleet.document("packs/acme/spring.json"))
    return f"repo/chunk/{manifest['assets']['poster.png']['chunks'][1]['sha256']}"


def _unsigned(fleet: SmallFleet) -> Messages:
    messages = fleet.messages()
    value = json.loads(messages[TIMESTAMP])
    value["signatures"] = []
    return messages | {TIMESTAMP: json.dumps(value).encode()}


def _strangers_key(fleet: SmallFleet) -> Messages:
    messages = fleet.messages()
    metadata = Metadata[Timestamp].from_bytes(messages[TIMESTAMP])
    metadata.signed.version += 100
    metadata.sign(CryptoSigner.generate_ed25519())
    return messages | {TIMESTAMP: metadata.to_bytes()}


def _altered(role: str) -> Callable[[SmallFleet], Messages]:
    def plant(fleet: SmallFleet) -> Messages:
        messages = fleet.messages()
        topic = TIMESTAMP if role == "timestamp" else _newest(fleet, role)
        altered = messages[topic].replace(b'"20', b'"29', 1)
        assert altered != messages[topic]
        return messages | {topic: altered}

    return plant


def _altered_document(fleet: SmallFleet) -> Messages:
    messages = fleet.messages()
    topic = f"repo/target/{fleet.fleet.files['packs/acme/spring.json'].hashes['sha256']}"
    return messages | {topic: messages[topic].replace(b"Hello.", b"Buy!!!")}


def _altered_chunk(fleet: SmallFleet) -> Messages:
    messages = fleet.messages()
    topic = _new_chunk(fleet)
    return messages | {topic: bytes(len(messages[topic]))}


def _oversized_chunk(fleet: SmallFleet) -> Messages:
    return fleet.messages() | {_new_chunk(fleet): bytes(MAX_CHUNK_BYTES + 1)}


def _missing_chunk(fleet: SmallFleet) -> Messages:
    return fleet.messages() | {_new_chunk(fleet): b""}


def _garbage(content: bytes) -> Callable[[SmallFleet], Messages]:
    return lambda _fleet: {TIMESTAMP: content}


def _signed_document(change: Callable[[dict[str, object]], None]) -> Callable[[SmallFleet], Messages]:
    """The advertiser signs, for real, a manifest that is not what the format promises."""

    def plant(fleet: SmallFleet) -> Messages:
        value = json.loads(fleet.fleet.document("packs/acme/spring.json"))
        change(value)
        fleet.fleet.put("packs/acme/spring.json", json.dumps(value).encode())
        fleet.fleet.commit(fleet.now)
        return fleet.messages()

    return plant


def _without_asset(value: dict[str, object]) -> None:
    value["assets"] = {}


def _format_2(value: dict[str, object]) -> None:
    value["v"] = 2


def _as_another(value: dict[str, object]) -> None:
    campaign = value["campaign"]
    assert isinstance(campaign, dict)
    campaign["advertiser"] = "bolt"


def _deep(value: dict[str, object]) -> None:
    nested: list[object] = []
    for _ in range(40):
        nested = [nested]
    value["kinds"] = nested


def _another_advertisers_pack(fleet: SmallFleet) -> Messages:
    """Bolt, who may sign packs/bolt/…, signs packs/acme/spring.json, and the operator's snapshot carries that."""
    fleet.add_advertiser("bolt")
    role: Metadata[Targets] = fleet.fleet._roles["packs-bolt"]
    name = "packs/acme/spring.json"
    role.signed.targets[name] = fleet.fleet.files[name]
    del fleet.fleet._roles["packs-acme"].signed.targets[name]
    fleet.fleet._changed |= {"packs-acme", "packs-bolt"}
    fleet.fleet.commit(fleet.now)
    return fleet.messages()


ATTACKS = (
    Attack("unsigned timestamp", _unsigned, "not signed by the keys that this device trusts"),
    Attack("timestamp signed by a stranger", _strangers_key, "not signed by the keys that this device trusts"),
    Attack("altered timestamp", _altered("timestamp"), "not signed by the keys that this device trusts"),
    Attack("altered snapshot", _altered("snapshot"), "not signed by the keys that this device trusts"),
    Attack("altered advertiser metadata", _altered("packs-acme"), "What acme signed is not signed by the keys"),
    Attack("altered manifest", _altered_document, "packs/acme/spring.json was altered on its way"),
    Attack("altered chunk", _altered_chunk, "has a chunk that was altered on its way"),
    Attack("oversized chunk", _oversized_chunk, "bytes"),
    Attack("missing chunk", _missing_chunk, "The broker holds nothing on"),
    Attack("garbage", _garbage(b"\xff\xfe not JSON"), "metadata that cannot be believed"),
    Attack("endless nesting", _garbage(b"[" * 16000), "metadata that cannot be believed"),
    Attack("unknown format", _signed_document(_format_2), "has format version 2; this agent reads version 1"),
    Attack("missing asset", _signed_document(_without_asset), "needs the asset poster.png"),
    Attack("deep manifest", _signed_document(_deep), "nested deeper than"),
    Attack("manifest of another advertiser", _signed_document(_as_another), "says of itself that it is bolt/spring"),
)
