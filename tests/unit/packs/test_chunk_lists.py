"""Lists of chunks beside the manifest: their format and bounds, and what a device makes of them."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge_agent.fleet.publishing.send import current_messages
from edge_agent.model.errors import FormatError
from edge_agent.packs.formats.chunk_lists import CHUNKS_IN_A_LIST, read_chunk_list, write_chunk_lists
from edge_agent.packs.formats.manifest import (
    CHUNK_ENTRY_BYTES,
    LISTED,
    MAX_CHUNK_BYTES,
    MAX_LIST_BYTES,
    MIN_LISTED_BYTES,
    Chunk,
    ChunkList,
    PackedAsset,
)
from tests.fleets import Device, MemorySource, SmallFleet, png, random_bytes
from tests.listed import every_part, list_chunks

LENGTHS = (40_000, 50_000, MAX_CHUNK_BYTES)


def some_chunks(*lengths: int) -> list[Chunk]:
    return [Chunk(sha256=hashlib.sha256(bytes([at])).hexdigest(), length=n) for at, n in enumerate(lengths)]


def a_list(*lengths: int) -> tuple[bytes, ChunkList]:
    ((content, covers),) = write_chunk_lists(some_chunks(*lengths))
    return content, ChunkList(sha256=hashlib.sha256(content).hexdigest(), length=len(content), covers=covers)


@given(st.lists(st.integers(MIN_LISTED_BYTES, MAX_CHUNK_BYTES), min_size=1, max_size=40), st.integers(1, 10))
def test_what_is_written_is_read(lengths: list[int], in_each: int) -> None:
    chunks = some_chunks(*lengths)
    read: list[Chunk] = []
    for content, covers in write_chunk_lists(chunks, in_each):
        part = ChunkList(sha256=hashlib.sha256(content).hexdigest(), length=len(content), covers=covers)
        read += read_chunk_list(content, part, "It")
    assert read == chunks


def test_a_list_takes_36_bytes_a_chunk_and_the_longest_is_a_message() -> None:
    content, part = a_list(*LENGTHS)
    assert (len(content), part.covers) == (3 * 36, sum(LENGTHS))
    assert content[:36] == bytes.fromhex(some_chunks(40_000)[0].sha256) + (40_000).to_bytes(4, "big")
    assert CHUNKS_IN_A_LIST * CHUNK_ENTRY_BYTES <= MAX_LIST_BYTES <= MAX_CHUNK_BYTES


@pytest.mark.parametrize(
    ("lengths", "change", "complaint"),
    [
        (LENGTHS, lambda content: content[:-1], "of 107 bytes instead of 108"),
        (LENGTHS, lambda content: content[:-36], "of 72 bytes instead of 108"),
        (LENGTHS, lambda content: content[:-1] + b"\x01", "bytes together instead of"),
        (
            (40_000, 50_000),
            lambda content: content[:32] + bytes(4) + content[36:68] + (90_000).to_bytes(4, "big"),
            "impos",
        ),
        (
            (MAX_CHUNK_BYTES, MAX_CHUNK_BYTES),
            lambda content: (
                content[:32] + (2**17 + 1).to_bytes(4, "big") + content[36:68] + (2**17 - 1).to_bytes(4, "big")
            ),
            "an impossible length",
        ),
        ((40_000, 50_000), lambda content: content[:36] + content[:32] + content[68:], "an impossible length"),
    ],
    ids=["a byte short", "a chunk short", "does not add up", "nothing in it", "too long", "two lengths"],
)
def test_a_list_that_breaks_the_format_is_refused(
    lengths: tuple[int, ...], change: Callable[[bytes], bytes], complaint: str
) -> None:
    content, part = a_list(*lengths)
    with pytest.raises(FormatError, match=f"The pack x .*{complaint}"):
        read_chunk_list(change(content), part, "The pack x")


@pytest.mark.parametrize(
    ("length", "covers", "is_possible"),
    [
        (36, 1, True),
        (36, MAX_CHUNK_BYTES, True),
        (36, MAX_CHUNK_BYTES + 1, False),
        (72, MIN_LISTED_BYTES, False),
        (72, MIN_LISTED_BYTES + 1, True),
        (35, 1, False),
        (0, 1, False),
        (MAX_LIST_BYTES, MAX_LIST_BYTES // 36 * MAX_CHUNK_BYTES, True),
        (MAX_LIST_BYTES + 36, MAX_LIST_BYTES // 36 * MAX_CHUNK_BYTES, False),
        (10_000_000 * 36, 10_000_000 * MAX_CHUNK_BYTES, False),
    ],
)
def test_what_an_asset_covers_bounds_how_many_chunks_it_lists(length: int, covers: int, is_possible: bool) -> None:
    value = {"sha256": "a" * 64, "length": length, "covers": covers}
    if is_possible:
        ChunkList.model_validate(value)
    else:
        with pytest.raises(ValidationError):
            ChunkList.model_validate(value)


def test_an_asset_has_its_chunks_in_one_place_and_says_so() -> None:
    _, part = a_list(*LENGTHS)
    value = {"sha256": "a" * 64, "length": part.covers, "mime": "video/mp4"}
    PackedAsset.model_validate(value | {LISTED: [part], "crit": [LISTED]})
    for wrong, complaint in (
        ({LISTED: [part]}, "crit has to name chunk_lists"),
        ({LISTED: [part], "crit": [LISTED], "chunks": some_chunks(part.covers // 2)}, "either"),
        ({}, "either"),
        ({LISTED: [part], "crit": [LISTED], "length": part.covers + 1}, "bytes together"),
    ):
        with pytest.raises(ValidationError, match=complaint):
            PackedAsset.model_validate(value | wrong)


def test_a_short_pack_is_written_as_ever_and_a_long_one_with_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = SmallFleet(tmp_path)
    fleet.sign(poster=png(filling=random_bytes(2_000_000)))
    (short,) = fleet.packs()
    assert short.assets["poster.png"].chunks
    assert b"chunk_lists" not in short.to_bytes()
    assert b"crit" not in short.to_bytes()
    monkeypatch.setattr("edge_agent.fleet.signing.packing.MAX_DOCUMENT_BYTES", len(short.to_bytes()))
    monkeypatch.setattr("edge_agent.packs.formats.chunk_lists.CHUNKS_IN_A_LIST", 8)
    fleet.sign(poster=png(filling=random_bytes(2_100_000)))
    (long,) = fleet.packs()
    poster = long.assets["poster.png"]
    assert poster.chunk_lists
    assert not poster.chunks
    assert not fleet.sign(poster=png(filling=random_bytes(2_100_000))).changed, "and the same again is the same"
    lists, chunks = every_part(fleet, long)
    assert {f"repo/chunk/{part}" for part in lists | chunks} <= current_messages(fleet.fleet).keys()


class Watched:
    """A fleet, a source, and how often each of its pieces was asked for."""

    def __init__(self, directory: Path) -> None:
        self.fleet, self.source = SmallFleet(directory / "operator"), MemorySource()
        self.directory = directory / "tv"

    def device(self, **settings: object) -> Device:
        return Device(self.directory, self.fleet.root_json, self.source, **settings)  # type: ignore[arg-type]

    def asked(self) -> list[str]:
        return [topic.removeprefix("repo/chunk/") for topic in self.source.asked if "chunk" in topic]


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


async def test_a_listed_pack_arrives_each_part_of_it_once_and_its_next_version_sends_what_changed(
    watched: Watched,
) -> None:
    content = random_bytes(2_000_000)
    watched.fleet.sign(poster=png(filling=content))
    lists, chunks = every_part(watched.fleet, list_chunks(watched.fleet))
    assert len(lists) > 5
    watched.fleet.put_into(watched.source)
    async with watched.device() as device:
        await device.until(lambda: bool(device.playable()))
        assert sorted(watched.asked()) == sorted(lists | chunks)
        assert set(watched.asked()[: len(lists)]) == lists, "the lists come first"
        watched.source.asked.clear()
        changed = content[:900_000] + random_bytes(20_000, "new") + content[920_000:]
        watched.fleet.sign(poster=png(filling=changed))
        newer_lists, newer_chunks = every_part(watched.fleet, list_chunks(watched.fleet))
        watched.fleet.put_into(watched.source)
        await device.until(lambda: device.playable().get("acme/spring", 0) > 1)
        assert sorted(watched.asked()) == sorted((newer_lists - lists) | (newer_chunks - chunks))
        assert len(newer_chunks - chunks) <= 4


async def test_a_chunk_that_comes_again_in_a_later_list_is_fetched_once(watched: Watched) -> None:
    watched.fleet.sign(poster=png(filling=bytes(12 * MAX_CHUNK_BYTES) + random_bytes(400_000)))
    manifest = list_chunks(watched.fleet, in_each=3)
    lists, chunks = every_part(watched.fleet, manifest)
    assert len(chunks) < manifest.total_bytes // MAX_CHUNK_BYTES
    watched.fleet.put_into(watched.source)
    async with watched.device() as device:
        await device.until(lambda: bool(device.playable()))
        assert sorted(watched.asked()) == sorted(lists | chunks)


async def test_after_a_restart_no_list_and_no_chunk_is_fetched_again(watched: Watched) -> None:
    watched.fleet.sign(poster=png(filling=random_bytes(2_000_000)))
    lists, chunks = every_part(watched.fleet, list_chunks(watched.fleet))
    watched.fleet.put_into(watched.source)
    held = max(chunks)
    watched.source.held = {f"repo/chunk/{held}"}
    async with watched.device() as device:
        await device.until(lambda: held in watched.asked() and bool(device.shelf.status().packs))
        (pack,) = device.shelf.status().packs
        assert 0 < pack.missing_bytes <= pack.total_bytes
    before = set(watched.asked())
    assert lists < before
    watched.source.asked.clear()
    watched.source.let_go()
    async with watched.device() as device:
        await device.until(lambda: bool(device.playable()))
        assert not set(watched.asked()) & (before - {held})
        assert set(watched.asked()) | before == lists | chunks


async def test_nothing_of_a_pack_is_asked_for_before_its_lists_are_here(watched: Watched) -> None:
    watched.fleet.sign(poster=png(filling=random_bytes(1_000_000)))
    lists, chunks = every_part(watched.fleet, list_chunks(watched.fleet))
    watched.fleet.put_into(watched.source)
    lost = min(lists)
    kept = watched.source.retained.pop(f"repo/chunk/{lost}")
    async with watched.device() as device:
        await device.until(lambda: bool(device.shelf.reasons()))
        assert set(watched.asked()) == lists
        watched.source.retained[f"repo/chunk/{lost}"] = kept
        watched.source.asked.clear()
        device.shelf._supply.replan()
        await device.until(lambda: bool(device.playable()))
        assert sorted(watched.asked()) == sorted({lost} | chunks)


async def test_lists_of_a_pack_that_left_the_shelf_leave_the_disk(watched: Watched) -> None:
    watched.fleet.sign(poster=png(filling=random_bytes(500_000)))
    lists, _ = every_part(watched.fleet, list_chunks(watched.fleet))
    watched.fleet.put_into(watched.source)
    async with watched.device() as device:
        await device.until(lambda: bool(device.playable()))
        await device.shelf._supply.evict()
        assert lists <= {path.name for path in (watched.directory / "documents").iterdir()}
        watched.fleet.fleet.remove("packs/acme/spring.json")
        watched.fleet.fleet.commit(watched.fleet.now)
        watched.fleet.put_into(watched.source)
        await device.until(lambda: not device.shelf.catalog.packs)
        await device.shelf._supply.evict()
        assert not lists & {path.name for path in (watched.directory / "documents").iterdir()}


async def test_lists_count_for_the_budget_and_go_with_the_room_of_their_pack(watched: Watched) -> None:
    """Any number of packs may name one asset, each with lists of its own, and none of them ever becomes whole."""
    watched.fleet.sign(poster=png(filling=random_bytes(500_000)))
    manifest = list_chunks(watched.fleet)
    lists, chunks = every_part(watched.fleet, manifest)
    (poster,) = manifest.assets.values()
    needed_bytes = poster.length + sum(part.length for part in poster.chunk_lists)
    watched.fleet.put_into(watched.source)
    del watched.source.retained[f"repo/chunk/{max(chunks)}"]
    async with watched.device(budget_bytes=needed_bytes) as device:
        await device.until(lambda: chunks <= set(watched.asked()) and bool(device.shelf.reasons()))
        await device.shelf._supply.evict()
        assert lists <= {path.name for path in (watched.directory / "documents").iterdir()}
    watched.source.asked.clear()
    async with watched.device(budget_bytes=needed_bytes - 1) as device:
        await device.until(lambda: "does not fit" in str(device.shelf.reasons().get("acme/spring")))
        await device.until(lambda: device.shelf.status().checked_at is not None)
        await device.shelf._supply.evict()
        assert not lists & {path.name for path in (watched.directory / "documents").iterdir()}
        assert watched.asked() == []
