"""A next root that does not verify: it is told of once, costs one message a look, and holds nothing else up."""

import logging
from pathlib import Path

import pytest

from edge_agent.fleet.signing.rotation import rotate_key
from edge_agent.packs.source import MAX_METADATA_BYTES
from tests.fleets import TIMESTAMP, Device, MemorySource, SmallFleet
from tests.unit.packs.test_revocations import revoke, revoked_on

NEXT = "repo/meta/2/root"


@pytest.mark.parametrize(
    "planted",
    [b"garbage", b"the root of now", b" " * (MAX_METADATA_BYTES + 1)],
    ids=["garbage", "the root of now", "endless"],
)
async def test_a_false_next_root_holds_nothing_up_and_goes_with_the_true_one(
    planted: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fleet, source = SmallFleet(tmp_path / "operator"), MemorySource()
    fleet.sign()
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        source.retained[NEXT] = source.retained["repo/meta/1/root"] if planted == b"the root of now" else planted
        for pack in ("summer", "autumn"):
            source.asked.clear()
            fleet.sign(pack)
            fleet.put_into(source)
            await device.until(lambda pack=pack: f"acme/{pack}" in device.playable())  # type: ignore[misc]
            assert (source.asked.count(NEXT), source.asked.count(TIMESTAMP)) == (1, 1)
        revoke(fleet, source, "acme/spring")
        await device.until(lambda: "acme/spring" in revoked_on(device))
        await device.until(lambda: device.shelf.status().version == fleet.fleet.timestamp.version)
        assert device.shelf.status().problem == ""
        assert device.shelf._troubles.lasting["role root"].what.startswith(("The next root", NEXT))
        rotate_key(fleet.fleet, "root", fleet.now)
        fleet.put_into(source)
        await device.until(lambda: device.shelf.status().root_version == 2)
        await device.until(lambda: "role root" not in device.shelf._troubles.lasting)
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 1


async def test_a_false_next_root_does_not_make_another_fleets_repository_believed(tmp_path: Path) -> None:
    fleet, stranger = SmallFleet(tmp_path / "operator"), SmallFleet(tmp_path / "stranger")
    stranger.sign()
    rotate_key(stranger.fleet, "root", stranger.now)
    source = stranger.published()
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: "not signed by the keys" in device.shelf.status().problem)
        assert device.shelf.catalog.packs == ()
        assert [subject for subject in device.shelf._troubles.lasting if "role" in subject] == []
