"""A shelf whose budget is short: what goes, in which order, and what is told of it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.model.shelf_room import Played, RoomFate
from edge_agent.packs.shelf import Shelf
from edge_agent.packs.store import BlobStore
from tests.fleets import Device, MemorySource, SmallFleet, png, random_bytes
from tests.unit.packs.entries import manifest

PACKS = ("spring", "summer", "autumn")


@pytest.fixture
def fleet(tmp_path: Path) -> SmallFleet:
    fleet = SmallFleet(tmp_path / "operator")
    for pack in PACKS:
        fleet.sign(pack, poster=png(filling=random_bytes(200_000, pack)))
    return fleet


@pytest.fixture
def source(fleet: SmallFleet) -> MemorySource:
    source = MemorySource()
    source.retained.update(fleet.messages())
    return source


def played() -> Played:
    now = datetime.now(UTC)
    last = {("acme", "summer"): now - timedelta(days=12), ("acme", "autumn"): now}
    return Played(frozenset({("acme", "spring")}), last)


async def test_a_budget_that_was_lowered_is_kept_and_what_plays_stays(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: len(device.playable()) == len(PACKS))
        whys = {name: str(place.why) for name, place in device.shelf.places().items()}
        assert whys["acme/summer"].startswith("Goes first: no play of it is on record")
    async with Device(tmp_path / "tv", fleet.root_json, source, budget_bytes=450_000, played=played) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1, "acme/autumn": 1})
        places = device.shelf.places()
        assert [(place.name, place.fate) for place in places.values()] == [
            ("acme/autumn", RoomFate.STAYS),
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


def test_a_parcel_that_is_being_replaced_pushes_no_pack_out(tmp_path: Path) -> None:
    """Otherwise a pack would go for the few minutes in which new words arrive, and be fetched again."""
    shelf = Shelf(BlobStore(tmp_path), "tv", 2**20)
    old, new = manifest("old", 60, letter="a"), manifest("new", 50, letter="b")
    shelf.parcels["voice/en"] = (old, new)
    assert shelf.lasting_bytes() == 51
    assert shelf.held_bytes().keys() == {"a" * 64, "b" * 64, "f" * 64}, "but both stay on the disk"
