"""Attacks on what is carried: chunks, manifests, and bytes that are no metadata at all."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from tuf.api.metadata import TargetFile

from edge_agent.fleet.signing.deny_list import deny
from edge_agent.fleet.signing.rotation import rotate_key
from edge_agent.packs.formats.documents import MAX_DOCUMENT_BYTES
from edge_agent.packs.formats.manifest import MAX_CHUNK_BYTES
from edge_agent.packs.formats.revocations import TARGET as REVOKED
from edge_agent.packs.source import MAX_METADATA_BYTES
from tests.attacks.forger import Attack, Messages, Plant, forge, newest, with_keys
from tests.attacks.on_roles import UNBELIEVABLE
from tests.fleets import TIMESTAMP, SmallFleet

SPRING = "packs/acme/spring.json"
ALTERED_CHUNK = "has a chunk that was altered on its way"
NAME = "creatives[0].asset: a file's name is"
NO_HASH = f"{SPRING} is signed without a SHA-256"
ALTERED_DOCUMENT = f"{SPRING} was altered on its way"


def _chunks(fleet: SmallFleet) -> list[str]:
    manifest = json.loads(fleet.fleet.document(SPRING))
    return [f"repo/chunk/{chunk['sha256']}" for chunk in manifest["assets"]["poster.png"]["chunks"]]


def _chunk(change: Callable[[bytes], bytes]) -> Plant:
    def plant(fleet: SmallFleet) -> Messages:
        messages, topic = fleet.messages(), _chunks(fleet)[1]
        return messages | {topic: change(messages[topic])}

    return plant


def _swapped(fleet: SmallFleet) -> Messages:
    messages = fleet.messages()
    one, other = _chunks(fleet)[:2]
    return messages | {one: messages[other], other: messages[one]}


def _replayed(fleet: SmallFleet) -> Messages:
    """On a new chunk's topic, a chunk of the version that plays."""
    messages, wanted = fleet.messages(), _chunks(fleet)
    old = next(topic for topic in messages if topic.startswith("repo/chunk/") and topic not in wanted)
    return messages | {wanted[1]: messages[old]}


def _document(change: Callable[[bytes], bytes]) -> Plant:
    """Put something else where the signed manifest is looked for."""

    def plant(fleet: SmallFleet) -> Messages:
        messages = fleet.messages()
        topic = f"repo/target/{fleet.fleet.files[SPRING].hashes['sha256']}"
        return messages | {topic: change(messages[topic])}

    return plant


def _revoke(fleet: SmallFleet, name: str) -> bytes:
    deny(fleet.fleet, name, fleet.now)
    fleet.fleet.commit(fleet.now)
    return fleet.fleet.document(REVOKED)


def _prepare_revocations(fleet: SmallFleet) -> None:
    _revoke(fleet, "bolt/boots")


def _replayed_revocations(fleet: SmallFleet) -> Messages:
    """Where the newest list of what is revoked is looked for, the one of before."""
    old = fleet.fleet.document(REVOKED)
    new = _revoke(fleet, "bolt/shoes")
    return fleet.messages() | {f"repo/target/{hashlib.sha256(new).hexdigest()}": old}


def _timestamp(content: bytes) -> Plant:
    return lambda _fleet: {TIMESTAMP: content}


def _huge_metadata(role: str, length: int) -> Plant:
    def plant(fleet: SmallFleet) -> Messages:
        messages = fleet.messages()
        return messages | {newest(messages, role): b" " * length}

    return plant


def _huge_next_root(fleet: SmallFleet) -> Messages:
    return fleet.messages() | {"repo/meta/2/root": b" " * (2 * MAX_METADATA_BYTES)}


def _new_root(fleet: SmallFleet) -> None:
    rotate_key(fleet.fleet, "root", fleet.now)


def _everything_is_garbage(fleet: SmallFleet) -> Messages:
    return dict.fromkeys(fleet.messages(), b"\x00\xffgarbage" * 9)


def _everything_else_is_garbage(fleet: SmallFleet) -> Messages:
    return _everything_is_garbage(fleet) | {TIMESTAMP: fleet.messages()[TIMESTAMP]}


# The advertiser signs, for real, what the format does not allow


def _signed(change: Callable[[dict[str, Any]], None]) -> Plant:
    def rewrite(content: bytes) -> bytes:
        value = json.loads(content)
        change(value)
        return json.dumps(value).encode()

    return _signed_bytes(rewrite)


def _signed_bytes(rewrite: Callable[[bytes], bytes]) -> Plant:
    def plant(fleet: SmallFleet) -> Messages:
        content = rewrite(fleet.fleet.document(SPRING))
        return _sign_target(fleet, SPRING, content) | {f"repo/target/{hashlib.sha256(content).hexdigest()}": content}

    return plant


def _sign_target(fleet: SmallFleet, name: str, content: bytes) -> Messages:
    def change(role: Any) -> None:
        role.targets[name] = TargetFile.from_data(name, content, ["sha256"])

    return forge(fleet, "packs-acme", change)


def _ten_million_chunks(fleet: SmallFleet) -> Messages:
    """A manifest of ten million chunks takes 900 MB; its length is signed, and that is as far as anybody gets."""

    def change(role: Any) -> None:
        role.targets[SPRING].length = 10_000_000 * len('{"sha256":"","length":65536},') + 10_000_000 * 64

    return forge(fleet, "packs-acme", change)


def _as_many_chunks_as_fit(value: dict[str, Any]) -> None:
    poster = value["assets"]["poster.png"]
    poster["chunks"] = [{"sha256": f"{number:064x}", "length": MAX_CHUNK_BYTES} for number in range(1200)]
    poster["length"] = 1200 * MAX_CHUNK_BYTES


def _hashed(sha256: str) -> Plant:
    """Sign a manifest that is said to have this hash: devices name a file and a topic by it."""

    def change(role: Any) -> None:
        role.targets[SPRING] = TargetFile(1000, {"sha256": sha256}, SPRING)

    return lambda fleet: forge(fleet, "packs-acme", change)


def _odd_target(name: str) -> Plant:
    return lambda fleet: _sign_target(fleet, name, fleet.fleet.document(SPRING))


def _without_asset(value: dict[str, Any]) -> None:
    value["assets"] = {}


def _asset_named(name: str) -> Plant:
    def change(value: dict[str, Any]) -> None:
        value["assets"][name] = value["assets"].pop("poster.png")
        value["campaign"]["creatives"][0]["asset"] = name

    return _signed(change)


def _blob_named(name: str) -> Plant:
    def change(value: dict[str, Any]) -> None:
        value["assets"]["poster.png"]["sha256"] = name

    return _signed(change)


def _chunk_named(name: str) -> Plant:
    def change(value: dict[str, Any]) -> None:
        value["assets"]["poster.png"]["chunks"][0]["sha256"] = name

    return _signed(change)


def _format_2(value: dict[str, Any]) -> None:
    value["v"] = 2


def _as_another(value: dict[str, Any]) -> None:
    value["campaign"]["advertiser"] = "bolt"


def _deep(value: dict[str, Any]) -> None:
    nested: list[object] = []
    for _ in range(40):
        nested = [nested]
    value["kinds"] = nested


_HUGE_NUMBER = b'{"v": 1, "version": ' + b"9" * 100_000 + b"}"
_KEY_TWICE = b'{"v": 1, "v": 1}'
_INFINITE = b'{"v": 1, "version": 1e999}'

ON_CONTENTS = (
    Attack("altered chunk", _chunk(lambda content: bytes(len(content))), ALTERED_CHUNK),
    Attack("swapped chunks", _swapped, ALTERED_CHUNK),
    Attack("truncated chunk", _chunk(lambda content: content[: len(content) // 2]), ALTERED_CHUNK),
    Attack("replayed chunk", _replayed, ALTERED_CHUNK),
    Attack("missing chunk", _chunk(lambda _content: b""), "The broker holds nothing on"),
    Attack("endless data: a chunk", _chunk(lambda _content: bytes(MAX_CHUNK_BYTES + 1)), "more than the"),
    Attack("endless data: a timestamp", _huge_metadata("timestamp", 64 * 1024), UNBELIEVABLE),
    # With MQTT 5.0 the broker does not even send it, so that there is nothing; with 3.1.1 there is too much.
    Attack("endless data: a snapshot", _huge_metadata("snapshot", 8 * MAX_METADATA_BYTES), "/snapshot"),
    Attack("endless data: the next root", _huge_next_root, "repo/meta/2/root", repair=_new_root, plays=2),
    Attack("endless data: a manifest", _document(lambda _content: bytes(MAX_DOCUMENT_BYTES + 1)), "more than the"),
    Attack("wrong length", _document(lambda content: content + b" "), ALTERED_DOCUMENT),
    Attack("wrong hash", _document(lambda content: content.replace(b"Hello.", b"Buy!!!")), ALTERED_DOCUMENT),
    Attack(
        "an old list of what is revoked",
        _replayed_revocations,
        f"{REVOKED} was altered on its way",
        _prepare_revocations,
        plays=2,
    ),
    Attack("retained garbage on every topic", _everything_is_garbage, UNBELIEVABLE),
    Attack("retained garbage on every topic but the timestamp", _everything_else_is_garbage, UNBELIEVABLE),
    Attack("garbage timestamp", _timestamp(b"\xff\xfe not JSON"), UNBELIEVABLE),
    Attack("JSON bomb: a timestamp of brackets", _timestamp(b"[" * 16000), UNBELIEVABLE),
    Attack("JSON bomb: a timestamp of digits", _timestamp(b'{"signed": ' + b"9" * 16000 + b"}"), UNBELIEVABLE),
    with_keys("JSON bomb: a deep manifest", _signed(_deep), "nested deeper than"),
    with_keys("JSON bomb: a manifest of digits", _signed_bytes(lambda _content: _HUGE_NUMBER), "is not valid JSON"),
    with_keys("JSON bomb: a key twice", _signed_bytes(lambda _content: _KEY_TWICE), "appears twice"),
    with_keys("JSON bomb: infinity", _signed_bytes(lambda _content: _INFINITE), "is too large"),
    with_keys("ten million chunks", _ten_million_chunks, "an impossible length"),
    with_keys("as many chunks as a manifest holds", _signed(_as_many_chunks_as_fit), "bytes of assets; at most"),
    with_keys("path traversal: an asset's name", _asset_named("../../../evil.png"), NAME),
    with_keys("path traversal: an absolute name", _asset_named("/etc/cron.d/evil"), NAME),
    with_keys("odd names: an asset with a NUL", _asset_named("poster\x00.png"), NAME),
    with_keys("odd names: an endless asset", _asset_named("a" * 5000 + ".png"), NAME),
    with_keys("path traversal: a blob's name", _blob_named("../../evil"), "sha256"),
    with_keys("odd names: a wildcard for a chunk", _chunk_named("#"), "sha256"),
    with_keys("path traversal: a target's hash", _hashed("../shelf.json"), NO_HASH),
    with_keys("odd names: a wildcard for a target's hash", _hashed("#"), NO_HASH),
    with_keys("odd names: a target's hash with a NUL", _hashed("\x00" * 64), NO_HASH),
    with_keys("path traversal: a target's name", _odd_target("packs/acme/../../evil.json"), "which is not", plays=2),
    with_keys(
        "odd names: a wildcard for a target",
        _odd_target("packs/acme/#.json"),
        "acme signed 'packs/acme/#.json'",
        plays=2,
    ),
    with_keys("unknown format", _signed(_format_2), "has format version 2; this agent reads version 1"),
    with_keys("missing asset", _signed(_without_asset), "needs the asset poster.png"),
    with_keys("manifest of another advertiser", _signed(_as_another), "says of itself that it is bolt/spring"),
)
