"""A disk that somebody else filled, or that takes no more writes: what is revoked plays no more all the same."""

import logging
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge_agent.durable import write_durably
from edge_agent.packs.keeping.reserve import RESERVE_BYTES, Reserve
from tests.disks import SmallDisk, small_disk
from tests.fleets import TIMESTAMP, Device, MemorySource, SmallFleet, png, random_bytes
from tests.unit.packs.test_revocations import revoke, revoked_on


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallDisk]:
    """One that has the folder of temporary files, too, as on many devices."""
    with small_disk(tmp_path / "disk") as disk:
        monkeypatch.setattr(tempfile, "tempdir", str(disk.path))
        yield disk


@pytest.fixture
def fleet(tmp_path: Path) -> SmallFleet:
    """Two packs that show the same picture, so that a revocation of one of them removes no file."""
    fleet = SmallFleet(tmp_path / "operator")
    for pack in ("spring", "summer"):
        fleet.sign(pack, poster=png(filling=random_bytes(100_000)))
    return fleet


@pytest.fixture
def source(fleet: SmallFleet) -> MemorySource:
    return fleet.published()


def offline() -> MemorySource:
    source = MemorySource()
    source.connected = False
    return source


BOTH = {"acme/spring": 1, "acme/summer": 1}
POSTER = "acme/spring/spring-poster"
"""Its picture is another pack's, too."""


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


async def has(device: Device, packs: dict[str, int]) -> None:
    """Wait until these packs play and everything was written."""
    await device.until(lambda: device.playable() == packs and device.shelf.status().checked_at is not None)
    await device.until(lambda: all(pack.complete for pack in device.shelf._shelf.record.packs.values()))


def lose_reserve(packs: Path) -> None:
    """Let there be none, nor any to come."""
    (packs / "reserve").unlink()
    (packs / "reserve").mkdir()


@asynccontextmanager
async def filled(
    disk: SmallDisk,
    fleet: SmallFleet,
    source: MemorySource,
    packs: dict[str, int] = BOTH,
    *,
    reserve: bool = True,
) -> AsyncIterator[Device]:
    """Return a device that had these packs when somebody filled its disk, and its reserve if there is to be none."""
    async with Device(disk.path / "packs", fleet.root_json, source) as device:
        await has(device, packs)
        if not reserve:
            lose_reserve(disk.path / "packs")
        disk.fill()
        yield device


async def remembers(disk: SmallDisk, fleet: SmallFleet, name: str = "acme/spring") -> bool:
    """Whether a device that starts without a network knows that something of that pack is revoked."""
    async with Device(disk.path / "packs", fleet.root_json, offline()) as device:
        await device.shelf.loaded.wait()
        return name in revoked_on(device)


async def test_on_a_full_disk_a_revocation_holds_at_once_and_after_a_restart(
    fleet: SmallFleet, source: MemorySource, disk: SmallDisk, caplog: pytest.LogCaptureFixture
) -> None:
    async with filled(disk, fleet, source) as device:
        for name in (POSTER, "acme/summer/summer-poster"):
            revoke(fleet, source, name)
            await device.until(lambda name=name: name.rpartition("/")[0] in revoked_on(device))  # type: ignore[misc]
        await device.until(lambda: device.shelf.status().version == fleet.fleet.timestamp.version)
    assert await remembers(disk, fleet)
    assert await remembers(disk, fleet, "acme/summer"), "and the next one, too"
    assert warnings(caplog) == []


async def test_on_a_full_disk_a_pack_that_is_signed_no_more_goes_for_good(
    fleet: SmallFleet, source: MemorySource, disk: SmallDisk
) -> None:
    async with filled(disk, fleet, source) as device:
        fleet.fleet.remove("packs/acme/spring.json")
        fleet.fleet.commit(fleet.now)
        fleet.put_into(source)
        await device.until(lambda: device.playable() == {"acme/summer": 1})
        await device.until(lambda: device.shelf.status().version == fleet.fleet.timestamp.version)
    async with Device(disk.path / "packs", fleet.root_json, offline()) as device:
        await device.until(lambda: device.playable() == {"acme/summer": 1})
        assert [pack.name for pack in device.shelf.catalog.packs] == ["acme/summer"]


async def test_what_is_revoked_has_no_files_even_where_somebody_took_the_reserve(
    fleet: SmallFleet, source: MemorySource, disk: SmallDisk
) -> None:
    """And so gives the room in which it is remembered."""
    fleet.sign("autumn", poster=png(filling=random_bytes(100_000, "its own")))
    fleet.put_into(source)
    async with filled(disk, fleet, source, BOTH | {"acme/autumn": 1}, reserve=False) as device:
        revoke(fleet, source, "acme/autumn")
        await device.until(lambda: len(device.shelf._shelf.store.used_bytes()) == 1)
        assert "acme/autumn" in revoked_on(device)
        await device.until(lambda: "disk is full" in device.shelf.status().problem)
    assert await remembers(disk, fleet, "acme/autumn")


async def test_without_any_room_a_revocation_holds_and_is_remembered_once_there_is_some(
    fleet: SmallFleet, source: MemorySource, disk: SmallDisk, caplog: pytest.LogCaptureFixture
) -> None:
    before = fleet.messages()
    async with filled(disk, fleet, source, reserve=False) as device:
        revoke(fleet, source, POSTER)
        await device.until(lambda: "disk is full" in device.shelf.status().problem)
        assert "acme/spring" in revoked_on(device)
        source.retained[TIMESTAMP] = before[TIMESTAMP]
        source.push()
        await device.until(lambda: "rolled back" in device.shelf.status().problem)
        assert "acme/spring" in revoked_on(device), "what was believed in memory is not gone back behind"
        disk.free()
        fleet.put_into(source)
        await device.until(lambda: device.shelf.status().problem == "")
    assert await remembers(disk, fleet)
    assert ["disk is full" in warning for warning in warnings(caplog)] == [True, False]


async def test_on_a_disk_that_became_read_only_a_revocation_holds_at_once(
    fleet: SmallFleet, source: MemorySource, disk: SmallDisk
) -> None:
    async with Device(disk.path / "packs", fleet.root_json, source) as device:
        await has(device, BOTH)
        with disk.read_only():
            revoke(fleet, source, "acme/spring")
            await device.until(lambda: "Read-only" in device.shelf.status().problem)
            assert "acme/spring" in revoked_on(device)
        device.shelf.refresh()
        await device.until(lambda: device.shelf.status().problem == "")
    assert await remembers(disk, fleet)


def test_the_reserve_is_room_for_one_write_at_a_time_and_takes_again_what_is_left(disk: SmallDisk) -> None:
    reserve, path = Reserve(disk.path / "reserve"), disk.path / "list"
    reserve.fill()
    disk.fill()
    with pytest.raises(OSError, match="No space left"):
        path.write_bytes(bytes(100_000))
    for _ in range(3):
        reserve.spend_on(lambda: write_durably(path, [bytes(100_000)]))
    left = (disk.path / "reserve").stat().st_size
    assert RESERVE_BYTES - 3 * 102_400 < left < RESERVE_BYTES
    with pytest.raises(OSError, match="No space left"):
        reserve.spend_on(lambda: write_durably(path, [bytes(2 * RESERVE_BYTES)]))
    assert (disk.path / "reserve").stat().st_size == left
    assert path.stat().st_size == 100_000
    disk.free()
    reserve.fill()
    assert (disk.path / "reserve").stat().st_size == RESERVE_BYTES


async def test_after_a_start_on_a_disk_that_became_read_only_what_is_whole_plays(tmp_path: Path) -> None:
    fleet, tv = SmallFleet.of_two(tmp_path / "operator"), tmp_path / "tv"
    with small_disk(tv) as disk:
        async with Device(tv, fleet.root_json, fleet.published()) as device:
            await device.until(lambda: device.has_recorded(2))
        (tv / "tuf" / "tmp1234").write_bytes(b"half of something")
        with disk.read_only():
            async with Device(tv, fleet.root_json, MemorySource()) as restarted:
                await restarted.shelf.loaded.wait()
                await restarted.until(lambda: restarted.playable() == {"acme/spring": 1, "acme/summer": 1})
        async with Device(tv, fleet.root_json, MemorySource()) as again:
            await again.shelf.loaded.wait()
            assert not (tv / "tuf" / "tmp1234").exists()
