"""A start that cannot read what the shelf is made of: nothing that was verified goes for that."""

from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.packs.shelf_record import Entry
from tests.fleets import Device, MemorySource, SmallFleet

BOTH = {"acme/spring": 1, "acme/summer": 1}
BAD_SECTOR = Path("/proc/self/mem")
"""Reading it at its beginning is what a bad sector is: EIO, from the kernel."""


@pytest.fixture
def fleet(tmp_path: Path) -> SmallFleet:
    return SmallFleet.of_two(tmp_path / "operator")


@pytest.fixture
def source(fleet: SmallFleet) -> MemorySource:
    return fleet.published()


@pytest.fixture
async def directory(fleet: SmallFleet, source: MemorySource, tmp_path: Path) -> Path:
    """The packs directory of a device that has both packs, wrote that down, and lost its network."""
    tv = tmp_path / "tv"
    async with Device(tv, fleet.root_json, source) as device:
        await device.until(lambda: device.has_recorded(2))
    source.connected = False
    source.asked.clear()
    return tv


def assets(directory: Path) -> set[str]:
    return {path.name for path in (directory / "assets").iterdir()}


def documents(directory: Path) -> set[str]:
    return {path.name for path in (directory / "documents").iterdir()}


def chunks(source: MemorySource) -> list[str]:
    return [topic for topic in source.asked if "chunk" in topic]


async def started(device: Device) -> None:
    """Wait for the start, then clear the disk as is done after a minute."""
    await device.shelf.loaded.wait()
    await device.shelf._supply.evict()


async def test_without_its_root_json_nothing_is_removed_and_all_plays_once_it_is_back(
    fleet: SmallFleet, source: MemorySource, directory: Path, tmp_path: Path
) -> None:
    root_json, before = tmp_path / "root.json", assets(directory)
    async with Device(directory, root_json, source) as device:
        await started(device)
        assert device.playable() == {}
        assert assets(directory) == before
        root_json.write_bytes(fleet.root_json.read_bytes())
        device.shelf.refresh()
        await device.until(lambda: device.playable() == BOTH)
    assert chunks(source) == []


async def test_a_record_that_cannot_be_read_is_read_at_the_next_look_though_there_is_no_network(
    fleet: SmallFleet, source: MemorySource, directory: Path
) -> None:
    record = directory / "shelf.json"
    record.rename(directory / "good.json")
    record.symlink_to(BAD_SECTOR)
    before = assets(directory), documents(directory)
    async with Device(directory, fleet.root_json, source) as device:
        await started(device)
        assert device.playable() == {}
        assert (assets(directory), documents(directory)) == before
        assert "Input/output error" in device.shelf._troubles.lasting["shelf"].what
        (directory / "good.json").rename(record)
        device.shelf.refresh()
        await device.until(lambda: device.playable() == BOTH)
        assert "shelf" not in device.shelf._troubles.lasting


async def test_a_record_that_stays_unreadable_is_made_again_by_a_look_and_then_the_disk_is_cleared(
    fleet: SmallFleet, source: MemorySource, directory: Path
) -> None:
    (directory / "shelf.json").unlink()
    (directory / "shelf.json").symlink_to(BAD_SECTOR)
    stray = directory / "assets" / ("0" * 64)
    stray.write_bytes(b"of a pack that was replaced")
    source.connected = True
    async with Device(directory, fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == BOTH)
        await device.until(lambda: not (directory / "shelf.json").is_symlink())
        assert "shelf" not in device.shelf._troubles.lasting
        await device.shelf._supply.evict()
        assert not stray.exists()
    assert chunks(source) == []


@pytest.mark.parametrize("content", [None, '{"v": 1, "packs": ['], ids=["lost", "damaged"])
async def test_a_record_that_is_no_use_makes_nothing_go_before_the_repository_was_seen(
    content: str | None, fleet: SmallFleet, source: MemorySource, directory: Path
) -> None:
    before = assets(directory)
    (directory / "shelf.json").unlink()
    if content is not None:
        (directory / "shelf.json").write_text(content)
    async with Device(directory, fleet.root_json, source) as device:
        await started(device)
        assert assets(directory) == before


async def test_a_look_that_missed_something_clears_nothing_and_the_next_start_remembers_that(
    fleet: SmallFleet, source: MemorySource, directory: Path
) -> None:
    before = assets(directory)
    (directory / "shelf.json").write_text("damaged")
    manifest = fleet.fleet.files["packs/acme/spring.json"].hashes["sha256"]
    lost = source.retained.pop(f"repo/target/{manifest}")
    (directory / "documents" / manifest).unlink()
    source.connected = True
    async with Device(directory, fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/summer": 1} and device.shelf.status().problem != "")
        await device.shelf._supply.evict()
        assert assets(directory) == before
    source.connected = False
    async with Device(directory, fleet.root_json, source) as device:
        await started(device)
        assert device.playable() == {"acme/summer": 1}
        assert assets(directory) == before
    source.connected, source.retained[f"repo/target/{manifest}"] = True, lost
    async with Device(directory, fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == BOTH)
    assert chunks(source) == []


async def test_of_a_pack_whose_manifest_was_damaged_the_assets_stay_until_it_has_come_again(
    fleet: SmallFleet, source: MemorySource, directory: Path
) -> None:
    before = assets(directory)
    manifest = fleet.fleet.files["packs/acme/spring.json"].hashes["sha256"]
    (directory / "documents" / manifest).write_bytes(b"garbage")
    async with Device(directory, fleet.root_json, source) as device:
        await started(device)
        assert device.playable() == {"acme/summer": 1}
        assert assets(directory) == before
        source.connected = True
        source.push()
        await device.until(lambda: device.playable() == BOTH)
    assert chunks(source) == []


async def test_a_look_after_which_a_manifest_is_gone_again_clears_nothing(
    fleet: SmallFleet, source: MemorySource, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that gives up on what was just written: the look itself failed in nothing."""
    before = assets(directory)
    source.connected = True
    device = Device(directory, fleet.root_json, source)
    read = device.shelf._shelf.with_manifest

    def read_too_late(entry: Entry) -> Entry:
        if entry.target_name == "packs/acme/spring.json":
            (directory / "documents" / entry.sha256).unlink(missing_ok=True)
        return read(entry)

    monkeypatch.setattr(device.shelf._shelf, "with_manifest", read_too_late)
    async with device:
        await device.until(lambda: device.shelf.status().checked_at is not None)
        await device.shelf._supply.evict()
        assert (device.shelf.status().problem, assets(directory)) == ("", before)


async def test_a_directory_that_cannot_be_made_is_a_trouble_and_not_the_end(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    in_the_way = tmp_path / "state"
    in_the_way.write_text("a file")
    async with Device(in_the_way / "packs", fleet.root_json, source) as device:
        await device.until(lambda: "Not a directory" in device.shelf.status().problem)
        in_the_way.unlink()
        device.shelf.refresh()
        await device.until(lambda: device.playable() == BOTH)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _content: b"",
        lambda content: content[:-20],
        lambda content: content.replace(b'"version":1', b'"version":3'),
    ],
    ids=["empty", "torn", "a changed bit"],
)
async def test_a_damaged_root_is_no_other_fleets(
    spoil: Callable[[bytes], bytes], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What was believed by the whole one plays on as soon as that is back; nothing is removed meanwhile."""
    fleet, source = SmallFleet.of_two(tmp_path / "operator"), MemorySource()
    fleet.put_into(source)
    root_json, nothing = tmp_path / "root.json", MemorySource()
    nothing.connected = False
    whole = fleet.root_json.read_bytes()
    root_json.write_bytes(whole)
    async with Device(tmp_path / "tv", root_json, source) as device:
        await device.until(lambda: device.has_recorded(2))
    assert spoil(whole) != whole
    root_json.write_bytes(spoil(whole))
    async with Device(tmp_path / "tv", root_json, source) as device:
        await device.until(lambda: "is no root of trust" in device.shelf.status().problem)
        assert device.playable() == {}
    assert not any("another fleet" in record.getMessage() for record in caplog.records)
    root_json.write_bytes(whole)
    async with Device(tmp_path / "tv", root_json, nothing) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1, "acme/summer": 1})
