"""What the operator takes off every device: at once, in part, and for good without a network."""

import hashlib
import json
import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_agent.fleet.signing.deny_list import allow, deny
from edge_agent.model.errors import FormatError
from edge_agent.packs.formats.revocations import TARGET, Revocation, Revocations, parse_revocations
from edge_agent.packs.source import chunk_topic, target_topic
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
    return {
        pack.name: {crid: str(why) for crid, why in pack.revoked.items()}
        for pack in device.shelf.catalog.packs
        if pack.revoked
    }


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


OWN = SECOND.replace('asset = "poster.png"', 'asset = "second.png"')


def with_own_poster(fleet: SmallFleet, pack: str, second: bytes) -> None:
    """Sign a pack whose second creative has a poster of its own."""
    folder = fleet.directory / "folders/acme" / pack
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "second.png").write_bytes(second)
    fleet.sign(pack, more=OWN)


def kept(device: Device, content: bytes) -> bool:
    """Whether the device has a file with that content, whole or arriving."""
    return hashlib.sha256(content).hexdigest() in device.shelf._shelf.store.used_bytes()


async def test_what_only_a_revoked_creative_needs_leaves_the_disk_at_once_and_the_rest_plays_on(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    wrong = png(filling=random_bytes(90_000, "wrong"))
    with_own_poster(fleet, "spring", wrong)
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1} and kept(device, wrong))
        revoke(fleet, source, "acme/spring/second")
        await device.until(lambda: not kept(device, wrong))
        assert device.playable() == {"acme/spring": 1}
        assert device.shelf.status().packs[0].complete
        source.asked.clear()
        device.shelf.refresh()
        device.shelf._damaged("packs/acme/spring.json")
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        assert not [topic for topic in source.asked if "chunk" in topic], "nothing revoked is fetched again"
    nothing = MemorySource()
    nothing.connected = False
    async with Device(tmp_path / "tv", fleet.root_json, nothing) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        assert not kept(device, wrong)


@pytest.mark.parametrize("name", ["acme/spring/second", "acme/spring"], ids=["creative", "pack"])
async def test_what_another_pack_shares_stays(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path, name: str
) -> None:
    shared = png(filling=random_bytes(90_000, "shared"))
    with_own_poster(fleet, "spring", shared)
    with_own_poster(fleet, "summer", shared)
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1, "acme/summer": 1})
        revoke(fleet, source, name)
        await device.until(lambda: bool(revoked_on(device)) and not device.shelf.status().problem)
        device.shelf.refresh()
        await device.until(lambda: device.shelf.status().version == fleet.fleet.timestamp.version)
        assert kept(device, shared)
        assert device.playable()["acme/summer"] == 1
        revoke(fleet, source, "acme/summer")
        await device.until(lambda: not kept(device, shared))


async def test_what_a_lifted_revocation_needs_comes_again_while_the_rest_plays_on(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    wrong = png(filling=random_bytes(90_000, "wrong"))
    with_own_poster(fleet, "spring", wrong)
    revoke(fleet, source, "acme/spring/second")
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        assert not kept(device, wrong)
        assert not [topic for topic in source.asked if topic == chunk_topic(hashlib.sha256(wrong).hexdigest())]
        chunks = {topic for topic in fleet.messages() if "chunk" in topic}
        source.held = set(chunks)
        revoke(fleet, source, lift=("acme/spring/second",))
        await device.until(lambda: any("fetched again" in why for why in revoked_on(device)["acme/spring"].values()))
        assert device.playable() == {"acme/spring": 1}, "what was not revoked plays meanwhile"
        source.let_go()
        await device.until(lambda: kept(device, wrong) and not revoked_on(device))
        assert device.playable() == {"acme/spring": 1}


async def test_a_pack_that_is_signed_no_more_leaves_the_disk_at_once(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    fleet.sign()
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        fleet.fleet.remove("packs/acme/spring.json")
        fleet.fleet.commit(fleet.now)
        fleet.put_into(source)
        await device.until(lambda: not device.shelf._shelf.store.used_bytes())


@pytest.fixture
async def bereft(fleet: SmallFleet, tmp_path: Path) -> Path:
    """A device's directory after acme/spring was revoked, beside it its record from before: `earlier.json`."""
    source, directory = MemorySource(), tmp_path / "tv"
    fleet.sign()
    fleet.sign("summer")
    revoke(fleet, source, "nobody")
    async with Device(directory, fleet.root_json, source) as device:
        await device.until(lambda: device.has_recorded(2) and "nobody" in device.shelf.status().revoked[0])
        (tmp_path / "earlier.json").write_bytes((directory / "shelf.json").read_bytes())
        revoke(fleet, source, "acme/spring")
        await device.until(lambda: bool(revoked_on(device)))
        await device.until(lambda: device.shelf.status().version == fleet.fleet.timestamp.version)
    return directory


async def test_a_record_in_which_a_bit_has_changed_hides_no_revocation(
    fleet: SmallFleet, bereft: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record, nothing = bereft / "shelf.json", MemorySource()
    nothing.connected = False
    whole = record.read_bytes()
    for damaged in (b'"config/revojed.json"', b'"config/revoked.json"'):
        record.write_bytes(whole.replace(b'"config/revoked.json"', damaged))
        caplog.clear()
        async with Device(bereft, fleet.root_json, nothing) as device:
            await device.until(device.shelf.loaded.is_set)
            assert device.playable() == ({"acme/summer": 1} if record.read_bytes() == whole else {})
            assert ("record is damaged" in caplog.text) == (record.read_bytes() != whole)


async def test_an_older_record_that_a_disk_brought_back_hides_no_revocation(fleet: SmallFleet, bereft: Path) -> None:
    """Signed metadata names the newest list, and that lies beside the older one."""
    nothing = MemorySource()
    nothing.connected = False
    (bereft / "shelf.json").write_bytes((bereft.parent / "earlier.json").read_bytes())
    async with Device(bereft, fleet.root_json, nothing) as device:
        await device.until(lambda: bool(revoked_on(device)))
        assert device.playable() == {"acme/summer": 1}


async def test_older_metadata_that_a_disk_brought_back_lifts_no_revocation(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    directory, nothing = tmp_path / "tv", MemorySource()
    nothing.connected = False
    fleet.sign()
    revoke(fleet, source, "nobody")
    async with Device(directory, fleet.root_json, source) as device:
        await device.until(lambda: device.has_recorded(1) and bool(device.shelf.status().revoked))
        earlier = (directory / "tuf" / "config.json").read_bytes()
        revoke(fleet, source, "acme/spring")
        await device.until(lambda: bool(revoked_on(device)))
        await device.until(lambda: device.shelf.status().version == fleet.fleet.timestamp.version)
    (directory / "tuf" / "config.json").write_bytes(earlier)
    async with Device(directory, fleet.root_json, nothing) as device:
        await device.until(lambda: bool(device.shelf.catalog.packs))
        assert revoked_on(device)
