"""The voice pack format, and how its chunks come to a device: verified, kept, and never twice."""

import hashlib
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_agent.fleet.signing.chunk_folder import ChunkKeeper
from edge_agent.model.errors import FormatError, IncompleteError, LinkError, UntrustedError
from edge_agent.packs.formats.voice_pack import VoicePack, is_voice_pack, parse_voice_pack, voice_target
from edge_agent.packs.source import chunk_topic
from tests.fleets import Device, MemorySource, SmallFleet, random_bytes

NAME = "config/voice/en.json"
Document = dict[str, Any]


def document(fleet: SmallFleet, *pieces: bytes, version: int = 1) -> Document:
    """Return a voice pack of one file that is made of `pieces`, whose chunks the fleet has."""
    packed = [zlib.compress(piece) for piece in pieces]
    with ChunkKeeper(fleet.fleet) as keeper:
        chunks = [{"sha256": keeper.keep(piece), "length": len(piece)} for piece in packed]
    return {
        "v": 1,
        "version": version,
        "lang": "en",
        "base": "b" * 64,
        "phrases": ["hey glowbar"],
        "files": {
            "graph/HCLr.fst": {
                "sha256": hashlib.sha256(b"".join(pieces)).hexdigest(),
                "length": sum(map(len, pieces)),
                "packed": {
                    "sha256": hashlib.sha256(b"".join(packed)).hexdigest(),
                    "length": sum(map(len, packed)),
                    "mime": "application/zlib",
                    "chunks": chunks,
                },
            }
        },
    }


def read(value: Document, name: str = NAME) -> VoicePack:
    return parse_voice_pack(json.dumps(value).encode(), name)


async def loaded(device: Device) -> None:
    """Wait until the device has read its shelf; documents are told after that."""
    await device.until(lambda: bool(device.clocks()))


@pytest.fixture
def fleet(tmp_path: Path) -> SmallFleet:
    return SmallFleet(tmp_path / "operator")


@pytest.fixture
def source() -> MemorySource:
    return MemorySource()


def test_what_is_written_is_read_back(fleet: SmallFleet) -> None:
    pack = read(document(fleet, b"words"))
    assert parse_voice_pack(pack.to_bytes(), NAME) == pack
    assert voice_target("en") == NAME
    assert is_voice_pack(NAME)
    assert not is_voice_pack("config/fleet.json")


def rename(name: str) -> Callable[[Document], None]:
    def change(value: Document) -> None:
        value["files"][name] = value["files"].pop("graph/HCLr.fst")

    return change


def put(key: str, content: object) -> Callable[[Document], None]:
    return lambda value: value.update({key: content})


def huge(value: Document) -> None:
    value["files"]["graph/HCLr.fst"]["length"] = 2**40


@pytest.mark.parametrize(
    "change",
    [
        rename("../agent.toml"),
        rename("graph/../../agent.toml"),
        rename("/etc/passwd"),
        rename("graph/.hidden"),
        rename("graph\\HCLr.fst"),
        rename("a/b/c/d"),
        rename(""),
        rename("graph/HCLr.fst\n"),
        put("v", 2),
        put("base", "short"),
        put("lang", "de"),
        put("files", {}),
        put("version", 0),
        put("more", 1),
        huge,
    ],
    ids=[
        *("up", "up in the middle", "absolute", "hidden", "backslash", "too deep", "empty name", "newline"),
        *("format", "base", "language", "no files", "version", "unknown field", "huge"),
    ],
)
def test_what_no_voice_pack_may_say_is_refused(fleet: SmallFleet, change: Callable[[Document], None]) -> None:
    value = document(fleet, b"words")
    change(value)
    with pytest.raises(FormatError, match=r"config/voice/en\.json"):
        read(value)


async def test_a_voice_pack_is_fetched_whole_and_stays_while_packs_come_and_go(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    fleet.sign()
    pack = read(document(fleet, random_bytes(50_000), b"more"))
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        paths = await device.shelf.bring(pack)
        await device.shelf._supply.evict()
        content = paths["graph/HCLr.fst"].read_bytes()
        assert hashlib.sha256(content).hexdigest() == pack.assets["graph/HCLr.fst"].sha256
        device.shelf.let_go(pack.shelf_name)
        await device.shelf._supply.evict()
        assert not paths["graph/HCLr.fst"].exists()


async def test_chunks_that_versions_share_are_not_fetched_twice(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    same = random_bytes(40_000, "same")
    first = read(document(fleet, same, b"one"))
    second = read(document(fleet, same, b"two", version=2))
    fleet.put_into(source)
    shared, changed = (chunk_topic(chunk.sha256) for chunk in second.assets["graph/HCLr.fst"].chunks)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await loaded(device)
        old = await device.shelf.bring(first)
        source.asked.clear()
        new = await device.shelf.bring(second)
        assert changed in source.asked
        assert shared not in source.asked
        await device.shelf._supply.evict()
        assert new["graph/HCLr.fst"].exists()
        assert not old["graph/HCLr.fst"].exists(), "the older version keeps its room"
        source.asked.clear()
        await device.shelf.bring(second)
        assert not {shared, changed} & set(source.asked)


async def test_an_altered_chunk_is_refused_and_the_rest_is_kept_for_the_next_time(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    pack = read(document(fleet, random_bytes(40_000), b"end"))
    fleet.put_into(source)
    good, bad = (chunk_topic(chunk.sha256) for chunk in pack.assets["graph/HCLr.fst"].chunks)
    genuine, source.retained[bad] = source.retained[bad], b"something else"
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await loaded(device)
        with pytest.raises(UntrustedError, match="voice/en has a chunk that was altered"):
            await device.shelf.bring(pack)
        del source.retained[bad]
        with pytest.raises(LinkError):
            await device.shelf.bring(pack)
        source.retained[bad] = genuine
        source.asked.clear()
        await device.shelf.bring(pack)
        assert good not in source.asked


async def test_chunks_that_do_not_add_up_are_no_file(fleet: SmallFleet, source: MemorySource, tmp_path: Path) -> None:
    value = document(fleet, b"words")
    value["files"]["graph/HCLr.fst"]["packed"]["sha256"] = "0" * 64
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await loaded(device)
        with pytest.raises(IncompleteError, match="do not add up"):
            await device.shelf.bring(read(value))
