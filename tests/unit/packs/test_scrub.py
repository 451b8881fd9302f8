"""What a bad disk does to an asset long after it arrived."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

from edge_agent.packs.scrub import scrub
from edge_agent.packs.shelf import Shelf
from edge_agent.packs.store import BlobStore
from edge_agent.troubles import Troubles
from tests.fleets import Device, MemorySource, SmallFleet

SPRING, SUMMER = "packs/acme/spring.json", "packs/acme/summer.json"


async def test_what_spoils_after_the_first_look_is_found_by_a_later_one(tmp_path: Path) -> None:
    fleet, source = SmallFleet(tmp_path / "operator"), MemorySource()
    fleet.sign("spring")
    fleet.sign("summer")
    fleet.put_into(source)
    record = tmp_path / "tv" / "shelf.json"

    def is_recorded() -> bool:
        packs = json.loads(record.read_bytes())["packs"] if record.exists() else {}
        return len(packs) == 2 and all(pack["complete"] for pack in packs.values())

    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(is_recorded)
    shelf = Shelf(BlobStore(tmp_path / "tv"), "tv", 2**30)
    shelf.load(fleet.root_json.read_bytes())
    paths = {name: shelf.store.asset_path(asset) for name, asset in shelf.shown_assets()}
    assert set(paths) == {SPRING, SUMMER}

    def spoil(name: str) -> None:
        path = paths[name]
        assert path is not None
        path.write_bytes(b"x" + path.read_bytes()[1:])

    found = asyncio.Queue[str]()
    spoil(SUMMER)
    task = asyncio.create_task(scrub(shelf, found.put_nowait, Troubles(), every=timedelta(milliseconds=20)))
    async with asyncio.timeout(30):
        assert await found.get() == SUMMER
        spoil(SPRING)  # which this pass has read already
        while await found.get() != SPRING:
            pass
    assert [path for path in paths.values() if path is None or path.exists()] == []
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
