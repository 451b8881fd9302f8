"""A disk that somebody else filled, or that takes no more writes: what is revoked plays no more all the same."""

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.durable import write_durably
from edge_agent.packs.reserve import RESERVE_BYTES, Reserve
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


async def remembers(packs: Path, fleet: SmallFleet, name: str = "acme/spring") -> bool:
    """Whether a device that starts without a network knows that something of that pack is revoked."""
    async with Device(packs, fleet.root_json, offline()) as device:
        await device.shelf.loaded.wait()
        return name in revoked_on(device)


async def test_on_a_full_disk_a_revocation_holds_at_once_and_after_a_restart(
    fleet: SmallFleet, source: MemorySource, disk: SmallDisk, caplog: pytest.LogCaptureFixture
) -> None:
    packs = disk.path / "packs"
    async with Device(packs, fleet.root_json, source) as device:
        await has(device, BOTH)
        disk.fill()
        for name in (POSTER, "acme/summer/summer-poster"):
            revoke(fleet, source, name)
            await device.until(lambda name=name: name.rpartition("/")[0] in revoked_on(device))  # type: ignore[misc]
        await device.until(lambda: device.shelf.status().version == fleet.fleet.timestamp.version)
    assert await remembers(packs, fleet)
    assert await remembers(packs, fleet, "acme/summer"), "and the next one, too"
    assert warnings(caplog) == []


async def test_on_a_full_disk_a_pack_that_is_signed_no_more_goes_for_good(
    fleet: SmallFleet, source: MemorySource, disk: SmallDisk
) -> None:
    packs = disk.path / "packs"
    async with Device(packs, fleet.root_json, source) as device:
        await has(device, BOTH)
        disk.fill()
        fleet.fleet.remove("packs/acme/spring.json")
        fleet.fleet.commit(fleet.now)
        fleet.put_into(source)
        await device.until(lambda: device.playable() == {"acme/summer": 1})
        await device.until(lambda: device.shelf.status().version == fleet.fleet.timestamp.version)
    async with Device(packs, fleet.root_json, offline()) as device:
        await device.until(lambda: device.playable() == {"acme/summer": 1})
        assert [pack.name for pack in device.shelf.catalog.packs] == ["acme/summer"]


async def test_what_is_revoked_has_no_files_even_where_somebody_took_the_reserve(
    fleet: SmallFleet, source: MemorySource, disk: SmallDisk
) -> None:
    """And so gives the room in which it is remembered."""
    packs = disk.path / "packs"
    fleet.sign("autumn", poster=png(filling=random_bytes(100_000, "its own")))
    fleet.put_into(source)
    async with Device(packs, fleet.root_json, source) as device:
        await has(device, BOTH | {"acme/autumn": 1})
        lose_reserve(packs)
        disk.fill()
        revoke(fleet, source, "acme/autumn")
        await device.until(lambda: len(device.shelf._shelf.store.used_bytes()) == 1)
        assert "acme/autumn" in revoked_on(device)
        await device.until(lambda: "disk is full" in device.shelf.status().problem)
    assert await remembers(packs, fleet, "acme/autumn")


async def test_without_any_room_a_revocation_holds_and_is_remembered_once_there_is_some(
    fleet: SmallFleet, source: MemorySource, disk: SmallDisk, caplog: pytest.LogCaptureFixture
) -> None:
    packs, before = disk.path / "packs", fleet.messages()
    async with Device(packs, fleet.root_json, source) as device:
        await has(device, BOTH)
        lose_reserve(packs)
        disk.fill()
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
    assert await remembers(packs, fleet)
    assert ["disk is full" in warning for warning in warnings(caplog)] == [True, False]


async def test_on_a_disk_that_became_read_only_a_revocation_holds_at_once(
    fleet: SmallFleet, source: MemorySource, disk: SmallDisk
) -> None:
    packs = disk.path / "packs"
    async with Device(packs, fleet.root_json, source) as device:
        await has(device, BOTH)
        with disk.read_only():
            revoke(fleet, source, "acme/spring")
            await device.until(lambda: "Read-only" in device.shelf.status().problem)
            assert "acme/spring" in revoked_on(device)
        device.shelf.refresh()
        await device.until(lambda: device.shelf.status().problem == "")
    assert await remembers(packs, fleet)


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
