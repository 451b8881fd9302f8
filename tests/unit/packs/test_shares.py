"""What an advertiser costs a device before anything of it has room: its manifests, and its lists of chunks."""

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from edge_agent.model.formats import Format
from edge_agent.packs.formats.manifest import MAX_BOOKED, pack_target_name
from edge_agent.packs.shares import BLOCK_BYTES, SHARE_BOOKED, SHARE_BYTES, Claimed, without_share
from edge_agent.packs.source import chunk_topic
from tests.fleets import Device, MemorySource, SmallFleet, png

POSTER = png()
LONG = 120_000
"""Some 34 of which fill an advertiser's share."""


def put(
    fleet: SmallFleet, pack: str, version: int = 1, *, advertiser: str = "acme", length: int = LONG, items: int = 1
) -> None:
    """Sign a pack that shows POSTER, booked by so many line items, with a manifest of `length` bytes."""
    creative = {"crid": pack, "format": "idle_poster", "dur": 10, "transcript": "Hello.", "asset": "poster.png"}
    chunk = {"sha256": hashlib.sha256(POSTER).hexdigest(), "length": len(POSTER)}
    flight = {"start": "2026-01-01T00:00:00Z", "end": "2099-01-01T00:00:00Z"}
    item = {"crids": [creative["crid"]], "flight": flight, "targeting": {"moments": ["idle"]}}
    campaign = {
        "id": pack,
        "advertiser": advertiser,
        "name": pack,
        "adomain": [f"{advertiser}.example"],
        "creatives": [creative],
        "line_items": [{"id": f"item-{number}"} | item for number in range(items)],
    }
    value: dict[str, Any] = {"v": 1, "name": pack, "version": version, "campaign": campaign, "new": ""}
    value["assets"] = {"poster.png": {**chunk, "mime": "image/png", "w": 320, "h": 200, "chunks": [chunk]}}
    value["new"] = "x" * (length - len(json.dumps(value)))
    fleet.fleet.put(pack_target_name(advertiser, pack), json.dumps(value).encode())


def publish(fleet: SmallFleet, source: MemorySource) -> None:
    fleet.fleet.commit(fleet.now)
    source.retained[chunk_topic(hashlib.sha256(POSTER).hexdigest())] = POSTER
    fleet.put_into(source)


def documents_bytes(directory: Path) -> int:
    return sum(path.stat().st_size for path in (directory / "documents").iterdir())


async def test_an_advertiser_who_signs_without_end_has_its_share_and_costs_the_others_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fleet, source = SmallFleet(tmp_path / "operator"), MemorySource()
    fleet.add_advertiser("bolt")
    for name in range(40):
        put(fleet, f"p{name:02}")
    put(fleet, "zebra", advertiser="bolt")
    publish(fleet, source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.has_recorded(35))
        first = [f"acme/p{name:02}" for name in range(34)]
        assert sorted(device.playable()) == [*first, "bolt/zebra"]
        assert documents_bytes(tmp_path / "tv") < SHARE_BYTES + LONG + BLOCK_BYTES
        assert [pack.name for pack in device.shelf.status().packs] == [*first, "bolt/zebra"], "nor in memory"

        put(fleet, "a-newcomer")
        put(fleet, "p00", 2, length=2_000)
        publish(fleet, source)
        await device.until(lambda: device.playable()["acme/p00"] == 2)
        assert sorted(device.playable()) == [*first, "bolt/zebra"], "what plays stays, whatever is signed beside it"
        for name in range(1, 30):
            fleet.fleet.remove(pack_target_name("acme", f"p{name:02}"))
        publish(fleet, source)
        await device.until(lambda: {"acme/a-newcomer", "acme/p39"} <= device.playable().keys())
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert [("acme has signed 4" in line, "4.0 MiB" in line) for line in said] == [(True, True)] * 2, "40, then 41"


async def grow_past_the_share(fleet: SmallFleet, source: MemorySource, device: Device) -> None:
    """Give three of the packs newer versions, of which the last has no room."""
    for grown in ("p31", "p32", "p33"):
        put(fleet, grown, 2, length=LONG + 2 * BLOCK_BYTES)
    publish(fleet, source)
    await device.until(lambda: "acme/p33" in device.shelf.reasons())


async def test_a_newer_version_that_has_no_share_leaves_the_last_good_one(tmp_path: Path) -> None:
    fleet, source = SmallFleet(tmp_path / "operator"), MemorySource()
    for name in range(34):
        put(fleet, f"p{name:02}")
    publish(fleet, source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.has_recorded(34))
        put(fleet, "p01", 2)
        publish(fleet, source)
        await device.until(lambda: device.playable()["acme/p01"] == 2)
        await device.until(lambda: device.has_recorded(34))
        await grow_past_the_share(fleet, source, device)
        assert device.playable()["acme/p33"] == 1
        await device.until(lambda: device.has_recorded(34))
    nothing = MemorySource()
    nothing.connected = False
    async with Device(tmp_path / "tv", fleet.root_json, nothing) as device:
        await device.until(lambda: len(device.playable()) == 34)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        fleet.fleet.remove(pack_target_name("acme", "p00"))
        publish(fleet, source)
        await device.until(lambda: device.playable().get("acme/p33") == 2)


async def test_a_newer_version_is_read_as_soon_as_there_is_a_share_for_it(tmp_path: Path) -> None:
    fleet, source = SmallFleet(tmp_path / "operator"), MemorySource()
    for name in range(34):
        put(fleet, f"p{name:02}")
    publish(fleet, source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.has_recorded(34))
        await grow_past_the_share(fleet, source, device)
        fleet.fleet.remove(pack_target_name("acme", "p00"))
        publish(fleet, source)
        await device.until(lambda: device.playable().get("acme/p33") == 2)


async def test_what_is_weighed_at_a_moment_of_one_advertiser_has_an_end_and_costs_the_others_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fleet, source = SmallFleet(tmp_path / "operator"), MemorySource()
    fleet.add_advertiser("bolt")
    for name in "bcdefghi":
        put(fleet, name, items=MAX_BOOKED)
    publish(fleet, source)
    first = [f"acme/{name}" for name in "bcdefghi"]
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.has_recorded(8))
        assert weighed(device) == SHARE_BOOKED == 8 * MAX_BOOKED
        put(fleet, "i", 2, items=MAX_BOOKED - 1)
        publish(fleet, source)
        await device.until(lambda: device.playable()["acme/i"] == 2)
        put(fleet, "a-newcomer")
        put(fleet, "z", items=2)
        put(fleet, "zebra", advertiser="bolt")
        publish(fleet, source)
        await device.until(lambda: {"acme/a-newcomer", "bolt/zebra"} <= device.playable().keys())
        assert sorted(device.playable()) == ["acme/a-newcomer", *first, "bolt/zebra"]
        assert weighed(device) == SHARE_BOOKED + 1
        assert "4098 creatives" in device.shelf.status().packs[-2].reason
    nothing = MemorySource()
    nothing.connected = False
    async with Device(tmp_path / "tv", fleet.root_json, nothing) as device:
        await device.until(lambda: "acme/a-newcomer" in device.playable())
        assert weighed(device) == SHARE_BOOKED + 1, "nor after a restart without a network"
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: "acme/z" in device.shelf.reasons())
        before = list(source.asked)
        fleet.fleet.remove(pack_target_name("acme", "b"))
        publish(fleet, source)
        await device.until(lambda: "acme/z" in device.playable())
        assert not [topic for topic in source.asked[len(before) :] if topic.startswith("repo/target/")]
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert said
    assert all("acme's 10 packs name 4098 creatives" in line for line in said)


def weighed(device: Device) -> int:
    return len(device.shelf.catalog.candidates(Format.IDLE_POSTER))


REST = SHARE_BYTES - 3 * BLOCK_BYTES


@pytest.mark.parametrize(
    ("claims", "left_out"),
    [
        ([("b", BLOCK_BYTES, 0), ("c", 2 * BLOCK_BYTES, 0)], []),
        ([("b", BLOCK_BYTES, 0), ("c", 2 * BLOCK_BYTES + 1, 0)], ["c"]),
        ([("b", 3 * BLOCK_BYTES + 1, 0), ("c", 1, 0)], ["b"]),
        ([("b", 3 * BLOCK_BYTES, 0), ("c", 2 * BLOCK_BYTES, 1)], ["b"]),
        ([("b", REST, REST), ("c", 3 * BLOCK_BYTES, 0)], ["c"]),
    ],
    ids=["exactly full", "a byte over", "what fits behind it", "newer versions first", "what stands already"],
)
def test_a_share_is_counted_in_blocks_and_given_out_by_name(
    claims: list[tuple[str, int, int]], left_out: list[str]
) -> None:
    own = [Claimed(f"packs/acme/{name}.json", length, standing) for name, length, standing in claims]
    found = without_share(
        [Claimed("packs/acme/a.json", REST, REST), Claimed("packs/bolt/x.json", SHARE_BYTES), *reversed(own)]
    )
    assert sorted(found) == [f"packs/acme/{name}.json" for name in left_out]
