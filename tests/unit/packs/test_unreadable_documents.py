"""A signed document that opens for nobody: it costs itself, and goes nowhere for that; everything else stands."""

import os
import stat
from pathlib import Path

import pytest

from tests.fleets import Device, MemorySource, SmallFleet
from tests.unit.packs.test_revocations import revoke, revoked_on
from tests.unit.packs.test_unreadable import BOTH, assets, chunks, documents, started

SHOPS = "config/fleet.json"


@pytest.fixture
def fleet(tmp_path: Path) -> SmallFleet:
    """One with configuration, and a list of what is revoked: one of the two pictures of a pack."""
    fleet = SmallFleet(tmp_path / "operator")
    for pack in ("spring", "summer"):
        fleet.sign(pack)
    fleet.fleet.put(SHOPS, b"{}")
    fleet.fleet.commit(fleet.now)
    return fleet


@pytest.fixture
def source(fleet: SmallFleet) -> MemorySource:
    return fleet.published()


class Home(Device):
    """A device on which somebody asks for the configuration."""

    def __init__(self, directory: Path, fleet: SmallFleet, source: MemorySource) -> None:
        super().__init__(directory, fleet.root_json, source)
        self.told: list[bytes | None] = []
        self.shelf.on_document(SHOPS, lambda _name, content: self.told.append(content))


@pytest.fixture
async def directory(fleet: SmallFleet, source: MemorySource, tmp_path: Path) -> Path:
    """The packs directory of a device that has all of it, wrote that down, and lost its network."""
    async with Home(tmp_path / "tv", fleet, source) as home:
        await home.until(lambda: home.playable() == BOTH and home.shelf.status().checked_at is not None)
        await home.until(lambda: all(pack.complete for pack in home.shelf._shelf.record.packs.values()))
    source.connected = False
    source.asked.clear()
    return tmp_path / "tv"


def make_unopenable(directory: Path, fleet: SmallFleet, name: str) -> Path:
    """Put something in a document's place that opens for nobody, root included: a socket (ENXIO). Return where."""
    path = directory / "documents" / fleet.fleet.files[name].hashes["sha256"]
    path.unlink()
    os.mknod(path, stat.S_IFSOCK | 0o600)
    with pytest.raises(OSError, match="No such device or address"):
        path.read_bytes()
    return path


@pytest.mark.parametrize("name", ["packs/acme/spring.json", SHOPS], ids=["manifest", "configuration"])
async def test_it_is_fetched_again_and_nothing_goes_meanwhile(
    name: str, fleet: SmallFleet, source: MemorySource, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = assets(directory), documents(directory)
    path = make_unopenable(directory, fleet, name)
    for _ in range(2):
        async with Home(directory, fleet, source) as home:
            await started(home)
            assert home.playable() == ({"acme/summer": 1} if "packs" in name else BOTH)
            assert home.told == ([] if name == SHOPS else [b"{}"])
            assert (assets(directory), documents(directory)) == before
            assert "No such device or address" in home.shelf._troubles.lasting["shelf"].what
            await home.shelf._records.save()  # as is done for other reasons: a restart has to know of it still
    assert sum("No such device" in record.getMessage() for record in caplog.records) == 2, "once a start"
    source.connected = True
    async with Home(directory, fleet, source) as home:
        await home.until(lambda: home.playable() == BOTH and home.told == [b"{}"])
        await home.until(lambda: "shelf" not in home.shelf._troubles.lasting)
        assert path.is_file()
    assert chunks(source) == []


async def test_without_the_list_of_what_is_revoked_nothing_plays_until_it_has_come_again(
    fleet: SmallFleet, source: MemorySource, directory: Path
) -> None:
    source.connected = True
    async with Home(directory, fleet, source) as home:
        revoke(fleet, source, "acme/spring/spring-poster")
        await home.until(
            lambda: bool(revoked_on(home)) and "config/revoked.json" in home.shelf._shelf.record.documents
        )
    source.connected = False
    before = assets(directory)
    path = make_unopenable(directory, fleet, "config/revoked.json")
    for remove in (False, True):
        if remove:
            path.unlink()
        async with Home(directory, fleet, source) as home:
            await started(home)
            assert home.playable() == {}
            assert assets(directory) == before
            assert "list of what is revoked" in home.shelf._troubles.lasting["shelf"].what
    source.connected = True
    async with Home(directory, fleet, source) as home:
        await home.until(lambda: "acme/summer" in home.playable() and bool(revoked_on(home)))
    assert chunks(source) == []
