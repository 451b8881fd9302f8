"""What the operator takes off every device: at once, in part, and for good without a network."""

import json
import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_agent.fleet.deny_list import allow, deny
from edge_agent.model.errors import FormatError
from edge_agent.packs.revocations import TARGET, Revocation, Revocations, parse_revocations
from edge_agent.packs.source import target_topic
from tests.fleets import Device, MemorySource, SmallFleet, png, random_bytes

AT = datetime(2026, 11, 21, 18, tzinfo=UTC)
SECOND = """
[[creatives]]
crid = "second"
format = "idle_poster"
asset = "poster.png"
dur = 10
transcript = "Hello again."
"""


@pytest.fixture
def fleet(tmp_path: Path) -> SmallFleet:
    return SmallFleet(tmp_path / "operator")


@pytest.fixture
def source() -> MemorySource:
    return MemorySource()


def revoke(fleet: SmallFleet, source: MemorySource, *names: str, lift: tuple[str, ...] = ()) -> None:
    for name in names:
        deny(fleet.fleet, name, AT, "It is wrong.")
    for name in lift:
        allow(fleet.fleet, name)
    fleet.fleet.commit(fleet.now)
    fleet.put_into(source)


def revoked_on(device: Device) -> dict[str, dict[str, str]]:
    return {pack.name: dict(pack.revoked) for pack in device.shelf.catalog.packs if pack.revoked}


@pytest.mark.parametrize(
    ("name", "crids"),
    [
        ("acme", ["second", "spring-poster"]),
        ("acme/spring", ["second", "spring-poster"]),
        ("acme/spring/second", ["second"]),
    ],
    ids=["advertiser", "pack", "creative"],
)
async def test_what_is_revoked_plays_no_more_also_after_a_restart_without_a_network(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path, name: str, crids: list[str]
) -> None:
    fleet.add_advertiser("bolt")
    fleet.sign(more=SECOND)
    fleet.sign("shoes", advertiser="bolt")
    fleet.put_into(source)
    why = f"The operator revoked {name} on 2026-11-21: It is wrong."
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1, "bolt/shoes": 1})
        revoke(fleet, source, name)
        await device.until(lambda: bool(revoked_on(device)))
        assert revoked_on(device) == {"acme/spring": dict.fromkeys(crids, why)}
        assert device.shelf.status().revoked == (why,)
    nothing = MemorySource()
    nothing.connected = False
    async with Device(tmp_path / "tv", fleet.root_json, nothing) as device:
        await device.until(lambda: bool(device.shelf.catalog.packs))
        assert revoked_on(device) == {"acme/spring": dict.fromkeys(crids, why)}, "from the first catalog on"
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        revoke(fleet, source, lift=(name,))
        await device.until(lambda: not revoked_on(device))
        await device.until(lambda: device.playable() == {"acme/spring": 1, "bolt/shoes": 1})


async def test_a_revocation_goes_before_what_arrives_and_ends_its_download(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    fleet.sign(poster=png(filling=random_bytes(500_000)))
    chunks = {topic for topic in fleet.messages() if "chunk" in topic}
    fleet.put_into(source)
    source.held = set(sorted(chunks)[2:])
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: bool(source.held & set(source.asked)))
        fleet.sign("summer")
        manifest = fleet.fleet.files["packs/acme/summer.json"]
        source.held |= {target_topic(manifest.hashes["sha256"])}
        revoke(fleet, source, "acme/spring")
        await device.until(lambda: bool(revoked_on(device)))
        assert "acme/spring" in device.shelf.status().packs[0].reason
        before = len(source.asked)
        source.let_go()
        await device.until(lambda: device.playable() == {"acme/summer": 1})
        assert not [topic for topic in source.asked[before:] if topic in chunks], (
            "nothing of it is asked for any more"
        )


async def test_what_is_revoked_is_not_fetched_and_its_room_is_given_back(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    fleet.sign(poster=png(filling=random_bytes(300_000, "one")))
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source, budget_bytes=400_000) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        fleet.sign("summer", poster=png(filling=random_bytes(300_000, "two")))
        revoke(fleet, source, "acme/spring")
        await device.until(lambda: device.playable() == {"acme/summer": 1})
        assert device.shelf.status().used_bytes < 400_000


async def test_a_list_that_cannot_be_read_leaves_the_last_one_in_force(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fleet.sign()
    revoke(fleet, source, "acme/spring/spring-poster")
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: bool(device.playable()) and bool(revoked_on(device)))
        fleet.fleet.put(TARGET, b'{"v": 2, "everything": "is fine"}')
        fleet.fleet.commit(fleet.now)
        with caplog.at_level(logging.WARNING):
            fleet.put_into(source)
            await device.until(lambda: "format version 2" in device.shelf.status().problem)
        assert revoked_on(device)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: "format version 2" in device.shelf.status().problem)
        assert revoked_on(device), "nor does a restart forget it"
    assert len([record for record in caplog.records if "format version 2" in record.message]) == 2, "once a start"


def test_the_list_reads_as_it_was_written_and_newer_fields_are_passed_over() -> None:
    standing = Revocations(version=3, revoked={"acme/spring": Revocation(at=AT, reason="Wrong price.")})
    assert parse_revocations(standing.to_bytes()) == standing
    value = json.loads(standing.to_bytes()) | {"newer": True}
    value["revoked"]["acme/spring"]["until"] = "2027"
    assert parse_revocations(json.dumps(value).encode()) == standing


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b'{"v": 1, "revoked": []}', b'{"v": 1, "revoked": {"acme": {"at": "noon"}}}', b'{"v": 2}'],
    ids=["empty", "list", "shape", "time", "version"],
)
def test_garbage_is_refused(content: bytes) -> None:
    with pytest.raises(FormatError):
        parse_revocations(content)
