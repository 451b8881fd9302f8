"""A shelf whose budget is short: what goes, in which order, and what is told of it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.model.shelf_room import Playing, RoomFate
from edge_agent.packs.formats.manifest import Chunk, PackedAsset
from edge_agent.packs.keeping.store import BlobStore
from edge_agent.packs.shelf import Shelf
from edge_agent.packs.source import chunk_topic
from tests.fleets import Device, MemorySource, SmallFleet, png, random_bytes
from tests.unit.packs.entries import manifest
from tests.unit.packs.test_voice_pack import document, read

PACKS = ("spring", "summer", "autumn")


@pytest.fixture
def fleet(tmp_path: Path) -> SmallFleet:
    fleet = SmallFleet(tmp_path / "operator")
    for pack in PACKS:
        fleet.sign(pack, poster=png(filling=random_bytes(200_000, pack)))
    return fleet


@pytest.fixture
def source(fleet: SmallFleet) -> MemorySource:
    return fleet.published()


def playing() -> Playing:
    return frozenset({("acme", "spring")})


async def test_a_budget_that_was_lowered_is_kept_and_what_plays_stays(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: len(device.playable()) == len(PACKS) and device.is_settled())
        whys = {name: str(place.why) for name, place in device.shelf.places().items()}
        assert whys["acme/summer"].startswith("Goes first: its flight ends on")
    async with Device(tmp_path / "tv", fleet.root_json, source, budget_bytes=450_000, playing=playing) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1, "acme/autumn": 1})
        places = device.shelf.places()
        assert [(place.name, place.fate) for place in places.values()] == [
            ("acme/autumn", RoomFate.FIRST),
            ("acme/spring", RoomFate.STAYS),
            ("acme/summer", RoomFate.OUT),
        ]
        await device.shelf._supply.evict()
        assert device.shelf.status().used_bytes <= 450_000
        await device.until(lambda: "does not fit" in str(device.shelf.reasons().get("acme/summer")))


async def test_a_pack_that_ended_gives_its_room_without_troubling_anybody(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    """Nor is it taken for damaged when it is looked for later."""
    later = datetime.now(UTC) + timedelta(days=60)  # a pack without line items is in flight for thirty days
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: len(device.playable()) == len(PACKS))
    source.connected = False
    async with Device(tmp_path / "tv", fleet.root_json, source, budget_bytes=250_000, now=lambda: later) as device:
        await device.until(lambda: len(device.playable()) == 1)
        await device.shelf._supply.evict()
        assert device.shelf.status().used_bytes <= 250_000
        assert not [subject for subject in device.shelf._troubles.lasting if subject.startswith("pack ")]


@pytest.mark.parametrize("newest_bytes", [300_000, 100_000], ids=["has no room either", "is on its way then"])
async def test_what_goes_for_a_voice_pack_leaves_the_catalog_also_where_its_newest_version(
    tmp_path: Path, newest_bytes: int
) -> None:
    fleet = SmallFleet(tmp_path / "operator")
    fleet.sign(poster=png(filling=random_bytes(200_000, "first")))
    source = fleet.published()
    async with Device(tmp_path / "tv", fleet.root_json, source, budget_bytes=250_000) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        fleet.sign(poster=png(filling=random_bytes(newest_bytes, "second")))
        words = read(document(fleet, random_bytes(100_000)))
        (second,) = fleet.packs()
        fleet.put_into(source)
        del source.retained[chunk_topic(second.assets["poster.png"].chunks[0].sha256)]
        await device.until(lambda: "does not fit" in str(device.shelf.reasons().get("acme/spring")))
        await device.shelf.bring(words)
        await device.until(lambda: device.playable() == {})
        await device.shelf._supply.evict()
        assert not [path for pack in device.shelf.catalog.packs for path in pack.paths.values()]


async def test_nothing_goes_that_the_catalog_shows_since_all_of_it_is_here(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    """The power went before the record was written; then a voice pack takes room before any round has seen it."""
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: len(device.playable()) == len(PACKS) and device.has_recorded(len(PACKS)))
    record = tmp_path / "tv" / "shelf.json"
    written = json.loads(record.read_bytes())
    written["packs"] = {name: pack | {"complete": None} for name, pack in written["packs"].items()}
    record.write_text(json.dumps(written))
    device = Device(tmp_path / "tv", fleet.root_json, source, budget_bytes=700_000)
    await device.shelf._load()
    assert len(device.playable()) == len(PACKS)
    words = read(document(fleet, random_bytes(100_000), random_bytes(100_000, "more")))
    device.shelf._shelf.parcels[words.shelf_name] = (words,)
    await device.shelf._supply.evict()
    paths = [path for pack in device.shelf.catalog.packs for path in pack.paths.values()]
    assert paths
    assert all(path.exists() for path in paths)


async def test_whoever_watches_is_told_when_what_a_pack_waits_for_changes(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    told: list[dict[str, str]] = []
    async with Device(
        tmp_path / "tv",
        fleet.root_json,
        source,
        budget_bytes=250_000,
        changed=lambda: told.append({name: str(why) for name, why in device.shelf.reasons().items()}),
    ) as device:
        await device.until(lambda: len(told) > 0 and len(told[-1]) == 2)
        assert all("does not fit" in why for why in told[-1].values())
        before = len(told)
        device.shelf._supply.replan()
        await device.until(lambda: not device.shelf._supply._changed.is_set())
        assert len(told) == before, "nothing is told that is as it was"


@dataclass(frozen=True, slots=True)
class Words:
    """A parcel of one chunk."""

    asset: PackedAsset
    shelf_name: str = "voice/en"

    @property
    def assets(self) -> Mapping[str, PackedAsset]:
        return {"words": self.asset}


def words(source: MemorySource, content: bytes) -> Words:
    sha256 = hashlib.sha256(content).hexdigest()
    source.retained[chunk_topic(sha256)] = content
    chunk = Chunk(sha256=sha256, length=len(content))
    return Words(PackedAsset(sha256=sha256, length=len(content), mime="application/zlib", chunks=(chunk,)))


async def test_what_the_catalog_offers_keeps_its_files_though_a_parcel_took_the_room(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    async with Device(tmp_path / "tv", fleet.root_json, source, budget_bytes=650_000) as device:
        await device.until(lambda: len(device.playable()) == len(PACKS))
        parcel = words(source, random_bytes(100_000, "words"))
        device.shelf._shelf.parcels[parcel.shelf_name] = (parcel,)  # and the supply has not planned yet
        await device.shelf._supply.evict()
        offered = [path for pack in device.shelf.catalog.packs for path in pack.paths.values()]
        assert len(device.playable()) == len(PACKS)
        assert [path for path in offered if not path.exists()] == []


async def test_a_pack_that_a_parcel_pushes_out_is_offered_no_more_and_then_goes(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    async with Device(tmp_path / "tv", fleet.root_json, source, budget_bytes=650_000, playing=playing) as device:
        await device.until(lambda: len(device.playable()) == len(PACKS))
        await device.shelf.bring(words(source, random_bytes(100_000, "words")))
        await device.until(lambda: device.playable() == {"acme/spring": 1, "acme/autumn": 1})
        await device.until(lambda: "does not fit" in str(device.shelf.reasons().get("acme/summer")))
        await device.shelf._supply.evict()
        assert device.shelf.status().used_bytes <= 650_000


def test_a_parcel_that_is_being_replaced_pushes_no_pack_out(tmp_path: Path) -> None:
    """Otherwise a pack would go for the few minutes in which new words arrive, and be fetched again."""
    shelf = Shelf(BlobStore(tmp_path), "tv", 2**20)
    old, new = manifest("old", 60, letter="a"), manifest("new", 50, letter="b")
    shelf.parcels["voice/en"] = (old, new)
    assert shelf.lasting_bytes() == 51
    assert shelf.held_bytes().keys() == {"a" * 64, "b" * 64, "f" * 64}, "but both stay on the disk"


async def test_a_pack_has_its_room_again_as_soon_as_a_parcel_is_let_go(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    async with Device(tmp_path / "tv", fleet.root_json, source, budget_bytes=650_000, playing=playing) as device:
        await device.until(lambda: len(device.playable()) == len(PACKS))
        await device.shelf.bring(words(source, random_bytes(100_000, "words")))
        await device.until(lambda: "does not fit" in str(device.shelf.reasons().get("acme/summer")))
        device.shelf.let_go("voice/en")
        await device.until(lambda: len(device.playable()) == len(PACKS))
        device.shelf.let_go("voice/en")  # of nothing
