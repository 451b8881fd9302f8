"""What a bad disk does to an asset long after it arrived."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from edge_agent.packs.formats.manifest import PackedAsset
from edge_agent.packs.keeping.store import BlobStore
from edge_agent.packs.scrub import scrub
from edge_agent.packs.shelf import Shelf
from edge_agent.troubles import Troubles
from tests.fleets import Device, SmallFleet, png, random_bytes

SPRING, SUMMER = "packs/acme/spring.json", "packs/acme/summer.json"


@pytest.fixture
def fleet(tmp_path: Path) -> SmallFleet:
    return SmallFleet.of_two(tmp_path / "operator")


async def shelf_of(fleet: SmallFleet, directory: Path) -> Shelf:
    """Return the shelf of a device that has all that is signed."""
    async with Device(directory, fleet.root_json, fleet.published()) as device:
        await device.until(lambda: device.has_recorded(2))
    shelf = Shelf(BlobStore(directory), "tv", 2**30)
    shelf.load(fleet.root_json.read_bytes())
    assert {name for name, _ in shelf.shown_assets()} == {SPRING, SUMMER}
    return shelf


def spoil(shelf: Shelf, name: str) -> None:
    path = shelf.store.asset_path(asset_of(shelf, name))
    assert path is not None
    path.write_bytes(b"x" + path.read_bytes()[1:])


def asset_of(shelf: Shelf, name: str) -> PackedAsset:
    return next(asset for shown, asset in shelf.shown_assets() if shown == name)


@asynccontextmanager
async def scrubbing(shelf: Shelf, on_damaged: Callable[[str], None]) -> AsyncIterator[None]:
    task = asyncio.create_task(scrub(shelf, on_damaged, Troubles(), every=timedelta(milliseconds=20)))
    async with asyncio.timeout(30):
        yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_spoils_after_the_first_look_is_found_by_a_later_one(fleet: SmallFleet, tmp_path: Path) -> None:
    shelf, found = await shelf_of(fleet, tmp_path / "tv"), asyncio.Queue[str]()
    spoil(shelf, SUMMER)
    async with scrubbing(shelf, found.put_nowait):
        assert await found.get() == SUMMER
        spoil(shelf, SPRING)  # which this pass has read already
        while await found.get() != SPRING:
            pass
    assert [shelf.store.asset_path(asset) for _, asset in shelf.shown_assets()] == [None, None]


async def test_what_was_replaced_since_the_pass_began_is_not_taken_for_damaged(
    fleet: SmallFleet, tmp_path: Path
) -> None:
    first = {manifest.target_name: manifest for manifest in fleet.packs()}
    fleet.sign("summer", poster=png(filling=random_bytes(200_000, "second")))
    shelf, found = await shelf_of(fleet, tmp_path / "tv"), asyncio.Queue[str]()
    second = shelf.entries[SUMMER]
    shelf.entries[SUMMER] = replace(second, complete=first[SUMMER])  # its file goes when the second version is whole
    spoil(shelf, SPRING)

    def on_damaged(name: str) -> None:
        shelf.entries[SUMMER] = second
        found.put_nowait(name)

    async with scrubbing(shelf, on_damaged):
        assert [await found.get(), await found.get()] == [SPRING, SPRING], "the second is of the next pass"


async def test_every_pack_that_shows_a_damaged_file_is_told_of(fleet: SmallFleet, tmp_path: Path) -> None:
    shelf, found = await shelf_of(fleet, tmp_path / "tv"), asyncio.Queue[str]()
    shared = shelf.entries[SPRING].complete
    assert shared is not None
    shelf.entries[SUMMER] = replace(shelf.entries[SUMMER], complete=shared)
    spoil(shelf, SPRING)
    async with scrubbing(shelf, found.put_nowait):
        assert {await found.get(), await found.get()} == {SPRING, SUMMER}
