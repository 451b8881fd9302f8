"""Attacks on lists of chunks that a manifest names by their hash."""

import hashlib
import json
import struct
from collections.abc import Callable
from typing import Any

from edge_agent.packs.formats.manifest import LISTED, MAX_CHUNK_BYTES, MAX_LIST_BYTES, MAX_LISTS_PER_ASSET
from tests.attacks.forger import Attack, Messages, Plant
from tests.fleets import SmallFleet
from tests.listed import list_chunks

SPRING = "packs/acme/spring.json"
ALTERED = "has a chunk that was altered on its way"
_ENTRY = 36


def _topics(fleet: SmallFleet) -> list[str]:
    """Sign the second version with lists; return their topics."""
    return [f"repo/chunk/{part.sha256}" for part in list_chunks(fleet, in_each=2).assets["poster.png"].chunk_lists]


def _list(change: Callable[[bytes], bytes]) -> Plant:
    """Put something else where the second list is looked for."""

    def plant(fleet: SmallFleet) -> Messages:
        topic = _topics(fleet)[1]
        messages = fleet.messages()
        return messages | {topic: change(messages[topic])}

    return plant


def _swapped(fleet: SmallFleet) -> Messages:
    one, other = _topics(fleet)[:2]
    messages = fleet.messages()
    return messages | {one: messages[other], other: messages[one]}


def _signed(change: Callable[[list[dict[str, Any]]], None]) -> Plant:
    """Let the advertiser sign, for real, other lists than the format allows."""

    def plant(fleet: SmallFleet) -> Messages:
        list_chunks(fleet, in_each=2)
        value = json.loads(fleet.fleet.document(SPRING))
        poster = value["assets"]["poster.png"]
        change(poster[LISTED])
        poster["length"] = sum(part["covers"] for part in poster[LISTED])
        fleet.fleet.put(SPRING, json.dumps(value).encode())
        fleet.fleet.commit(fleet.now)
        return fleet.messages()

    return plant


def _signed_list(change: Callable[[bytes], bytes]) -> Plant:
    """Let the advertiser sign, for real, a list of another content."""

    def plant(fleet: SmallFleet) -> Messages:
        topic = _topics(fleet)[1]
        old = topic.removeprefix("repo/chunk/")
        content = change(fleet.messages()[topic])
        new = hashlib.sha256(content).hexdigest()
        fleet.fleet.put(SPRING, fleet.fleet.document(SPRING).replace(old.encode(), new.encode()))
        fleet.fleet.commit(fleet.now)
        return fleet.messages() | {f"repo/chunk/{new}": content}

    return plant


def _last_length(length: int) -> Callable[[bytes], bytes]:
    return lambda content: content[:-4] + struct.pack(">I", length)


def _ten_million_chunks(lists: list[dict[str, Any]]) -> None:
    lists[0] |= {"length": 10_000_000 * _ENTRY, "covers": 10_000_000 * 65536}


def _ten_million_chunks_in_many_lists(lists: list[dict[str, Any]]) -> None:
    count = 10_000_000 * _ENTRY // MAX_LIST_BYTES
    names = (f"{number:064x}" for number in range(count))
    lists[:] = [{"sha256": name, "length": MAX_LIST_BYTES, "covers": MAX_CHUNK_BYTES} for name in names][:1000]


def _many_chunks_of_a_byte(lists: list[dict[str, Any]]) -> None:
    lists[0] |= {"length": MAX_LIST_BYTES, "covers": MAX_LIST_BYTES // _ENTRY}


def _as_many_chunks_as_fit(lists: list[dict[str, Any]]) -> None:
    covers = MAX_LIST_BYTES // _ENTRY * MAX_CHUNK_BYTES
    names = (f"{number:064x}" for number in range(MAX_LISTS_PER_ASSET))
    lists[:] = [{"sha256": name, "length": MAX_LIST_BYTES, "covers": covers} for name in names]


ON_LISTS = (
    Attack("altered list of chunks", _list(lambda content: bytes(len(content))), ALTERED),
    Attack("truncated list of chunks", _list(lambda content: content[:_ENTRY]), ALTERED),
    Attack("swapped lists of chunks", _swapped, ALTERED),
    Attack("missing list of chunks", _list(lambda _content: b""), "The broker holds nothing on"),
    Attack("endless data: a list of chunks", _list(lambda _content: bytes(MAX_CHUNK_BYTES + 1)), "more than the"),
    Attack("a list that names ten million chunks", _signed(_ten_million_chunks), "chunk_lists[0].length"),
    Attack("lists that name ten million chunks", _signed(_ten_million_chunks_in_many_lists), "chunk_lists"),
    Attack("a list of chunks of a byte", _signed(_many_chunks_of_a_byte), "3640 chunks cannot cover 3640 bytes"),
    Attack("as many listed chunks as fit", _signed(_as_many_chunks_as_fit), "bytes of assets; at most"),
    Attack("a list whose lengths do not add up", _signed_list(_last_length(40_000)), "bytes together instead of"),
    Attack("a list with a chunk of 4 GB", _signed_list(_last_length(2**32 - 1)), "bytes together instead of"),
    Attack("a list of half an entry", _signed_list(lambda content: content[: _ENTRY // 2]), "altered on its way"),
)
