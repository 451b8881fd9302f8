"""The shelf against a repository that is really signed: what arrives, what leaves, and what outlives a restart."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.model.errors import LinkError
from edge_agent.packs.shelf_record import Entry
from edge_agent.packs.source import chunk_topic, target_topic
from edge_agent.packs.trust.clock_floor import CODE_DATE
from tests.disks import full_disk
from tests.fleets import TIMESTAMP, Device, MemorySource, SmallFleet, png, random_bytes


class Rests(list[float]):
    """How long a device rested after each look, in seconds; none of it is waited for."""

    async def rest(self, seconds: float) -> None:
        self.append(seconds)
        await asyncio.sleep(0)


@pytest.fixture
def fleet(tmp_path: Path) -> SmallFleet:
    return SmallFleet(tmp_path / "operator")


@pytest.fixture
def source() -> MemorySource:
    return MemorySource()


async def test_a_published_pack_becomes_complete_on_the_shelf(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    fleet.sign()
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        pack = device.shelf.catalog.packs[0]
        assert (
            pack.paths["poster.png"].read_bytes() == (fleet.directory / "folders/acme/spring/poster.png").read_bytes()
        )
        assert (pack.assets["poster.png"].w, pack.assets["poster.png"].h) == (320, 200)
        status = device.shelf.status()
        assert (status.version, status.is_fresh, status.problem) == (fleet.fleet.timestamp.version, True, "")
        assert [(entry.name, entry.version, entry.missing_bytes, entry.reason) for entry in status.packs] == [
            ("acme/spring", 1, 0, "")
        ]


async def test_the_shelf_stands_again_without_any_network(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    fleet.sign()
    fleet.put_into(source)
    told: list[tuple[str, bytes | None]] = []
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        device.shelf.on_document("config/report-key.json", lambda name, content: told.append((name, content)))
        device.shelf.refresh()
        await device.until(lambda: device.playable() == {"acme/spring": 1} and bool(told))
    nothing = MemorySource()
    nothing.connected = False
    async with Device(tmp_path / "tv", fleet.root_json, nothing) as device:
        again: list[tuple[str, bytes | None]] = []
        device.shelf.on_document("config/", lambda name, content: again.append((name, content)))
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        assert device.catalogs()[0].catalog.packs[0].complete, "the first catalog is the one from the disk"
        assert again == told == [("config/report-key.json", fleet.fleet.document("config/report-key.json"))]


async def test_of_packs_that_arrive_in_a_row_some_are_told_of_together(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    names = [f"p{number:02}" for number in range(30)]
    for name in names:
        fleet.sign(name, poster=png(filling=name.encode()))
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: len(device.playable()) == len(names) and device.has_recorded(len(names)))
        assert len(device.catalogs()) < len(names), "each telling looks at every pack"


async def test_a_new_timestamp_is_all_it_takes(fleet: SmallFleet, source: MemorySource, tmp_path: Path) -> None:
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.shelf.status().version > 0)
        fleet.sign()
        fleet.put_into(source)
        await device.until(lambda: device.playable() == {"acme/spring": 1})


async def test_a_known_timestamp_that_is_delivered_again_is_no_news(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.shelf.status().version > 0)
        asked = len(source.asked)
        source.push()
        fleet.sign()
        fleet.put_into(source)
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        assert source.asked[asked:].count(TIMESTAMP) == 1


async def test_garbage_on_the_timestamps_topic_costs_ever_fewer_looks_and_hides_no_publication(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    fleet.put_into(source)
    rests = Rests()

    def publish_garbage() -> None:
        for callback in source._callbacks:
            callback(b"garbage")

    async with Device(tmp_path / "tv", fleet.root_json, source, rest=rests.rest) as device:
        await device.until(lambda: rests == [0])
        assert device.shelf.repository_version == device.shelf.status().version > 0
        rests.clear()
        for looks in range(1, 10):
            publish_garbage()
            await device.until(lambda looks=looks: len(rests) >= looks)  # type: ignore[misc]
        assert rests == [0, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10]
        fleet.sign()
        fleet.put_into(source)
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        assert rests[-1] == 0, "what was new ends the resting"


async def test_garbage_in_the_place_of_the_timestamp_costs_ever_fewer_looks(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    fleet.put_into(source)
    rests = Rests()

    async with Device(tmp_path / "tv", fleet.root_json, source, rest=rests.rest) as device:
        await device.until(lambda: rests == [0])
        rests.clear()
        source.retained[TIMESTAMP] = b"garbage"
        for looks in range(1, 9):
            source.push()
            await device.until(lambda looks=looks: len(rests) >= looks)  # type: ignore[misc]
        assert rests == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10]


class CutOff(MemorySource):
    """Loses the connection before any document arrives, for as long as it `is_cut`."""

    is_cut = False

    async def fetch_many(
        self, topics: Sequence[str], window: int, max_bytes: int
    ) -> AsyncGenerator[tuple[str, bytes | LinkError], None]:
        """As in Source."""
        async with aclosing(super().fetch_many(topics, window, max_bytes)) as answers:
            async for topic, answer in answers:
                is_lost = self.is_cut and topic.startswith("repo/target/")
                yield topic, LinkError("The connection was lost.") if is_lost else answer


async def test_what_was_cut_off_is_looked_for_again_as_soon_as_there_is_a_connection(
    fleet: SmallFleet, tmp_path: Path
) -> None:
    async def no_rest(_seconds: float) -> None:
        pass

    source, cuts = CutOff(), 7
    async with Device(tmp_path / "tv", fleet.root_json, source, rest=no_rest) as device:
        source.is_cut = True
        fleet.sign()
        fleet.put_into(source)
        topic = target_topic(fleet.fleet.files["packs/acme/spring.json"].hashes["sha256"])
        for count in range(1, cuts):  # that many pauses would be minutes
            await device.until(lambda count=count: source.asked.count(topic) >= count)  # type: ignore[misc]
            await device.until(lambda: "connection was lost" in device.shelf.status().problem)
            source.push()
        source.is_cut = False
        await device.until(lambda: device.playable() == {"acme/spring": 1})


async def test_the_last_good_version_plays_until_the_next_is_complete(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    fleet.sign()
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        fleet.sign(poster=png(filling=random_bytes(300_000, "second")))
        new = [topic for topic in fleet.messages() if "chunk" in topic and topic not in source.retained]
        source.held = {new[-1]}
        fleet.put_into(source)
        await device.until(lambda: device.shelf.status().packs[0].newest == 2)
        assert device.playable() == {"acme/spring": 1}
        assert device.shelf.status().packs[0].missing_bytes > 0
        source.let_go()
        await device.until(lambda: device.playable() == {"acme/spring": 2})
        assert device.shelf.status().packs[0].missing_bytes == 0


async def test_what_becomes_whole_while_the_next_manifest_is_read_plays_until_that_is(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.sign()
    source.held = {next(topic for topic in fleet.messages() if "chunk" in topic)}
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.shelf.status().packs[:1] != () and source.held <= set(source.asked))
        loop, read = asyncio.get_running_loop(), device.shelf._shelf.with_manifest

        async def become_whole() -> None:
            source.let_go()
            await device.until(lambda: device.playable() == {"acme/spring": 1})

        def read_meanwhile(entry: Entry) -> Entry:
            asyncio.run_coroutine_threadsafe(become_whole(), loop).result(60)
            return read(entry)

        monkeypatch.setattr(device.shelf._shelf, "with_manifest", read_meanwhile)
        fleet.sign(poster=png(filling=random_bytes(300_000, "second")))
        source.retained.update({topic: text for topic, text in fleet.messages().items() if "chunk" not in topic})
        source.push()
        await device.until(lambda: device.shelf.status().packs[0].newest == 2)
        assert device.playable() == {"acme/spring": 1}


async def test_a_change_fetches_only_the_chunks_that_changed(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    body = random_bytes(600_000)
    fleet.sign(poster=png(filling=body))
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        first = [topic for topic in source.asked if "chunk" in topic]
        fleet.sign(poster=png(filling=body[:300_000] + b"an insertion" + body[300_000:]))
        source.asked.clear()
        fleet.put_into(source)
        await device.until(lambda: device.playable() == {"acme/spring": 2})
        second = [topic for topic in source.asked if "chunk" in topic]
        assert len(first) > 6
        assert 0 < len(second) <= 3


async def test_a_revoked_pack_leaves_at_once_even_while_it_arrives(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    fleet.sign()
    fleet.sign("summer")
    topics = [topic for topic in fleet.messages() if "chunk" in topic]
    source.held = set(topics)
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: any("chunk" in topic for topic in source.asked))
        fleet.fleet.remove("packs/acme/spring.json")
        fleet.fleet.commit(fleet.now)
        fleet.put_into(source)
        await device.until(lambda: [pack.name for pack in device.shelf.catalog.packs] == ["acme/summer"])
        source.let_go()
        await device.until(lambda: device.playable() == {"acme/summer": 1})


async def test_an_advertiser_who_loses_the_right_loses_the_shelf(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    fleet.add_advertiser("bolt")
    fleet.sign()
    fleet.sign("nuts", advertiser="bolt")
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: len(device.playable()) == 2)
        fleet.fleet.remove_advertiser("bolt")
        fleet.fleet.commit(fleet.now)
        fleet.put_into(source)
        await device.until(lambda: device.playable() == {"acme/spring": 1})


async def test_an_advertiser_who_comes_back_with_a_new_key_is_believed(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    for seed in ("first", "second", "third"):
        fleet.sign(poster=png(filling=random_bytes(2000, seed)))
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 3})
        fleet.fleet.remove_advertiser("acme")
        fleet.fleet.commit(fleet.now)
        fleet.put_into(source)
        await device.until(lambda: not device.playable())
        (fleet.fleet.keys.directory / "advertiser-acme.pem").unlink()
        fleet.fleet = FleetRepository.open(fleet.fleet.directory)
        fleet.add_advertiser("acme")
        fleet.sign("summer")
        fleet.put_into(source)
        await device.until(lambda: device.playable() == {"acme/summer": 1})


async def test_what_was_fetched_before_a_stop_is_not_fetched_again(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    fleet.sign(poster=png(filling=random_bytes(600_000)))
    fleet.put_into(source)
    chunks = [topic for topic in source.retained if "chunk" in topic]
    source.held = {chunks[-1]}
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(
            lambda: bool(device.shelf.status().packs) and 0 < device.shelf.status().packs[0].missing_bytes < 140_000
        )
    source.let_go()
    source.asked.clear()
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
    assert [topic for topic in source.asked if "chunk" in topic] == [chunks[-1]]


async def test_a_pack_for_another_kind_of_device_is_left_alone_without_complaint(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fleet.sign(top='kinds = ["fridge"]')
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: bool(device.shelf.status().packs))
        assert device.shelf.status().packs[0].reason == "It is for fridge, not for a tv."
        assert device.shelf.catalog.packs == ()
    assert not [topic for topic in source.asked if "chunk" in topic]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_documents_come_go_and_are_only_those_asked_for(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    fleet.fleet.put("config/fleet.json", b'{"v":1,"version":1}')
    fleet.fleet.put("config/device/other.json", b'{"v":1,"version":7}')
    fleet.fleet.commit(fleet.now)
    fleet.put_into(source)
    told: list[tuple[str, bytes | None]] = []
    device = Device(tmp_path / "tv", fleet.root_json, source)
    device.shelf.on_document("config/fleet.json", lambda name, content: told.append((name, content)))
    async with device:
        await device.until(lambda: len(told) == 1)
        fleet.fleet.put("config/fleet.json", b'{"v":1,"version":2}')
        fleet.fleet.commit(fleet.now)
        fleet.put_into(source)
        await device.until(lambda: len(told) == 2)
        fleet.fleet.remove("config/fleet.json")
        fleet.fleet.commit(fleet.now)
        fleet.put_into(source)
        await device.until(lambda: len(told) == 3)
    assert told == [
        ("config/fleet.json", b'{"v":1,"version":1}'),
        ("config/fleet.json", b'{"v":1,"version":2}'),
        ("config/fleet.json", None),
    ]
    other = fleet.fleet.files["config/device/other.json"].hashes["sha256"]
    assert target_topic(other) not in source.asked


async def test_a_pack_that_does_not_fit_is_refused_with_a_reason_and_the_rest_plays(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    fleet.sign("small", poster=png(filling=random_bytes(50_000)))
    fleet.sign("vast", poster=png(filling=random_bytes(400_000)))
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source, budget_bytes=300_000) as device:
        await device.until(lambda: device.playable() == {"acme/small": 1})
        await device.until(lambda: "does not fit" in device.shelf.status().packs[1].reason)


async def test_a_device_without_root_json_plays_nothing_and_says_so(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fleet.sign()
    fleet.put_into(source)
    async with Device(tmp_path / "tv", tmp_path / "missing.json", source) as device:
        await device.until(lambda: "no root of trust" in device.shelf.status().problem)
        assert device.shelf.catalog.packs == ()
    assert [record.getMessage() for record in caplog.records if "root of trust" in record.getMessage()] != []
    assert source.asked == []


async def test_a_device_that_is_given_to_another_fleet_forgets_the_first(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    fleet.sign()
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
    second = SmallFleet(tmp_path / "second")
    second.sign("autumn")
    elsewhere = MemorySource()
    second.put_into(elsewhere)
    told: list[tuple[str, bytes | None]] = []
    async with Device(tmp_path / "tv", second.root_json, elsewhere) as device:
        device.shelf.on_document("config/fleet.json", lambda name, content: told.append((name, content)))
        await device.until(lambda: device.playable() == {"acme/autumn": 1})
        assert all(pack.name != "acme/spring" for event in device.catalogs() for pack in event.catalog.packs)
        device.shelf.refresh()
        await device.until(lambda: told == [("config/fleet.json", None)])


async def test_no_document_counts_as_withdrawn_before_what_is_signed_is_known(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    """The broker keeps the configuration's role away: what a device lives by may be in it."""
    fleet.fleet.put("config/fleet.json", b'{"v":1,"version":1}')
    fleet.fleet.commit(fleet.now)
    fleet.sign()
    fleet.put_into(source)
    for topic in [topic for topic in source.retained if topic.endswith("/config")]:
        del source.retained[topic]
    told: list[tuple[str, bytes | None]] = []
    device = Device(tmp_path / "tv", fleet.root_json, source)
    device.shelf.on_document("config/fleet.json", lambda name, content: told.append((name, content)))
    async with device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        assert told == []
        fleet.put_into(source)
        device.shelf.refresh()
        await device.until(lambda: told == [("config/fleet.json", b'{"v":1,"version":1}')])


async def test_what_gives_way_in_the_middle_of_a_look_stays_a_while_for_who_may_be_opening_it(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    fleet.sign()
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        (old,) = device.shelf.catalog.packs[0].paths.values()
        fleet.sign(poster=png(filling=random_bytes(200_000, "second")))
        (second,) = fleet.packs()
        chunk = chunk_topic(second.assets["poster.png"].chunks[0].sha256)
        source.held.add(chunk)
        fleet.put_into(source)
        await device.until(lambda: chunk in source.asked)
        fleet.sign("summer")
        summer = target_topic(fleet.fleet.files["packs/acme/summer.json"].hashes["sha256"])
        source.held.add(summer)
        fleet.put_into(source)
        await device.until(lambda: summer in source.asked)
        source.let_go(chunk)
        await device.until(lambda: device.playable() == {"acme/spring": 2})
        source.let_go()
        await device.until(lambda: device.playable() == {"acme/spring": 2, "acme/summer": 1})
        assert old.exists()
        await device.shelf._supply.evict()
        assert not old.exists()


async def test_what_the_catalog_shows_by_its_files_alone_goes_only_after_it_has_left_the_catalog(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    """The power went before the record was written, and the next start finds a newer version."""
    fleet.sign()
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.has_recorded(1))
    record = tmp_path / "tv" / "shelf.json"
    written = json.loads(record.read_bytes())
    written["packs"]["packs/acme/spring.json"]["complete"] = None
    record.write_text(json.dumps(written))
    fleet.sign(poster=png(filling=random_bytes(200_000, "second")))
    fleet.put_into(source)
    device = Device(tmp_path / "tv", fleet.root_json, source)
    await device.shelf._load()
    (old,) = device.shelf.catalog.packs[0].paths.values()
    await device.shelf._lookout._refresh()
    assert old.exists()
    await device.shelf._supply.evict()
    assert not old.exists()


async def test_a_clock_in_1970_is_not_believed_and_the_shelf_fills_all_the_same(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fleet.sign()
    fleet.put_into(source)
    clock = [datetime(1970, 1, 1, tzinfo=UTC)]
    async with Device(tmp_path / "tv", fleet.root_json, source, now=lambda: clock[0]) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        assert [event.trusted for event in device.clocks()] == [False, False]
        assert device.clocks()[0].floor == CODE_DATE
        assert device.clocks()[-1].floor == fleet.now.replace(microsecond=0)
        clock[0] = fleet.now
        device.shelf.refresh()
        await device.until(lambda: device.clocks()[-1].trusted)
    assert sum("clock is behind" in record.getMessage() for record in caplog.records) == 1


async def test_a_clock_that_ran_backwards_is_caught_after_a_restart(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.shelf.status().version > 0)
    source.connected = False
    yesterday = fleet.now - timedelta(days=1)
    async with Device(tmp_path / "tv", fleet.root_json, source, now=lambda: yesterday) as device:
        await device.until(lambda: bool(device.clocks()))
        assert device.clocks()[0].trusted is False


async def test_a_clock_in_2099_takes_nothing_from_the_shelf(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    fleet.sign()
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
    far = datetime(2099, 1, 1, tzinfo=UTC)
    async with Device(tmp_path / "tv", fleet.root_json, source, now=lambda: far) as device:
        await device.until(lambda: "not fresh" in device.shelf.status().problem)
        assert device.playable() == {"acme/spring": 1}
        assert device.clocks()[-1].floor == fleet.now.replace(microsecond=0), "2099 poisons nothing"


async def test_a_file_that_the_disk_changed_is_fetched_again(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    fleet.sign()
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        path = device.shelf.catalog.packs[0].paths["poster.png"]
    whole = path.read_bytes()
    path.write_bytes(whole[:1000] + b"\0" + whole[1001:])
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(
            lambda: path.exists() and path.read_bytes() == whole and device.playable() == {"acme/spring": 1}
        )


async def test_a_damaged_record_costs_a_refresh_and_nothing_else(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    fleet.sign()
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
    (tmp_path / "tv" / "shelf.json").write_text('{"v": 1, "packs": [')
    source.asked.clear()
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
    assert not [topic for topic in source.asked if "chunk" in topic]


async def test_the_status_is_json(fleet: SmallFleet, source: MemorySource, tmp_path: Path) -> None:
    fleet.sign()
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: bool(device.playable()))
        assert json.loads(json.dumps(asdict(device.shelf.status()), default=str))["packs"][0]["name"] == "acme/spring"


async def test_a_missing_chunk_is_asked_for_once_a_round(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fleet.sign()
    fleet.put_into(source)
    lost = next(topic for topic in source.retained if "chunk" in topic)
    content = source.retained.pop(lost)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: bool(device.shelf.status().packs) and bool(device.shelf.status().packs[0].reason))
        assert device.shelf.status().packs[0].missing_bytes == len(content)
        assert source.asked.count(lost) == 1
        fleet.fleet.commit(fleet.now)
        source.retained[lost] = content
        fleet.put_into(source)
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        assert source.asked.count(lost) == 2
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == [f"The broker holds nothing on {lost}. Publish the repository again."]


def test_topics_are_named_by_hashes() -> None:
    assert chunk_topic("ab") == "repo/chunk/ab"


async def test_a_full_disk_is_one_line_and_takes_nothing_away(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fleet.sign(poster=png(filling=random_bytes(100_000)))
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        fleet.sign("summer", poster=png(filling=random_bytes(900_000, "large")))
        messages = fleet.messages()
        with full_disk(400_000):
            source.retained.update(messages)
            source.push()
            await device.until(lambda: any("disk is full" in entry.reason for entry in device.shelf.status().packs))
            assert device.playable() == {"acme/spring": 1}
        warned = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
        assert [message.startswith("The disk is full") for message in warned] == [True]
        source.asked.clear()
        fleet.fleet.commit(fleet.now)
        fleet.put_into(source)
        await device.until(lambda: device.playable() == {"acme/spring": 1, "acme/summer": 1})
        again = {topic for topic in source.asked if "chunk" in topic}
        assert 0 < len(again) < len([topic for topic in messages if "chunk" in topic]) - 3, "what was kept stays"
