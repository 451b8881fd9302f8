"""kill -9 at 360 random instants, and writes torn by a power cut: nothing corrupt, nothing lost, nothing twice."""

import asyncio
import random
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.fleet.publishing.broker import BrokerAddress
from edge_agent.fleet.publishing.mirror_folder import choose
from edge_agent.fleet.publishing.mirroring import write_folder
from edge_agent.fleet.publishing.send import send
from edge_agent.fleet.signing.chunk_folder import listed_chunks, reading
from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.fleet.signing.signed_packs import sign_pack
from edge_agent.measure.journal import Journal
from edge_agent.model.errors import IncompleteError
from edge_agent.packs.formats.manifest import Chunk, placed
from edge_agent.packs.keeping.store import BlobStore
from edge_agent.packs.shelf import Shelf
from edge_agent.settings.layers import Settings
from edge_agent.wiring.trial import MOST_TIMES, ConfigTrial
from tests.brokers import RunningBroker
from tests.fleets import Device, MemorySource, SmallFleet, on_broker, png, random_bytes, silent
from tests.listed import every_part, list_chunks
from tests.mirrors import Authority, ThreadedMirror, slow
from tests.power_cuts.victims import Job, Victims
from tests.unit.measure.plays import NOON, SHOWN, play, record

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SYNCS, MIRRORED, PUBLICATIONS, CONFIGURATIONS, PLAYS = 160, 40, 60, 60, 40
BEGINNING = NOON - timedelta(days=365)


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    with Victims() as nursery:
        yield nursery


class Remains:
    """What a killed device left on its disk, as its next start finds it."""

    def __init__(self, directory: Path, root: bytes) -> None:
        self._store = BlobStore(directory)
        self._shelf = Shelf(self._store, "tv", 2**30)
        self._shelf.load(root)

    def complete_version(self) -> int:
        """Return the version that would play, every byte of it checked; 0 when there is none."""
        for entry in self._shelf.entries.values():
            if entry.complete is not None:
                assert all(self._store.is_sound(asset) for asset in entry.complete.assets.values())
                return entry.complete.version
        return 0

    def parts(self, fleet: SmallFleet) -> set[str]:
        """Return the chunks and lists of chunks of the signed pack that are verified and here, whole or in part."""
        (manifest,) = fleet.packs()
        lists, chunks = every_part(fleet, manifest)
        missing = {part for part in lists if self._store.document(part) is None}
        for asset in manifest.assets.values():
            places = placed(listed_chunks(asset, reading(fleet.fleet), manifest.shelf_name))
            missing |= {chunk.sha256 for _, chunk in self._store.missing_chunks(asset, places)}
        return (lists | chunks) - missing


def test_killed_while_packs_arrive_and_old_ones_are_evicted(
    victims: Victims, tmp_path: Path, broker: RunningBroker, root: str
) -> None:
    draw, fleet = random.Random(4), SmallFleet(tmp_path / "operator")
    address, directory, ledger = BrokerAddress(broker.host, broker.port, root), tmp_path / "tv", tmp_path / "ledger"
    shared = random_bytes(600_000, "in every version")
    job: Job = {
        "work": "sync",
        "directory": str(directory),
        "root_json": str(fleet.root_json),
        "ledger": str(ledger),
    }
    job |= {"host": broker.host, "port": broker.port, "root": root, "budget": 4_500_000}
    published = complete = 0
    here: set[str] = set()
    for _ in range(SYNCS):
        if complete == published:
            published += 1
            fleet.sign(poster=png(filling=shared + random_bytes(1_400_000, str(published))))
            if published % 2:
                list_chunks(fleet)
            asyncio.run(send(fleet.fleet, address, silent))
        ledger.write_bytes(b"")
        victims.kill(job, after_s=draw.uniform(0, 0.6))
        arrived = ledger.read_text().split()
        assert not here.intersection(arrived), "a verified chunk was fetched again"
        assert len(arrived) == len(set(arrived)), "a chunk was fetched twice"
        remains = Remains(directory, fleet.root_json.read_bytes())
        assert complete <= remains.complete_version() <= published
        complete = remains.complete_version()
        here = remains.parts(fleet)
    assert complete > 1, "the kills left no time for anything"


def test_killed_while_a_mirror_answers(victims: Victims, tmp_path: Path, broker: RunningBroker, root: str) -> None:
    draw, fleet = random.Random(8), SmallFleet(tmp_path / "operator")
    address, directory = BrokerAddress(broker.host, broker.port, root), tmp_path / "tv"
    choose(fleet.fleet.directory, folder=tmp_path / "cdn", assets_on="mirror")
    published = complete = in_the_middle = 0
    here: set[str] = set()
    with ThreadedMirror(tmp_path / "cdn", Authority(tmp_path / "authority"), slow) as mirror:
        job: Job = {
            "work": "sync",
            "directory": str(directory),
            "root_json": str(fleet.root_json),
            "ledger": str(tmp_path / "ledger"),
            "mirrors": [mirror.url],
            "mirror_ca_file": str(mirror.authority.ca_file),
        }
        job |= {"host": broker.host, "port": broker.port, "root": root, "budget": 9_000_000}
        for _ in range(MIRRORED):
            if complete == published:
                published += 1
                fleet.sign(poster=png(filling=random_bytes(3_000_000, f"mirrored {published}")))
                write_folder(fleet.fleet, silent)
                asyncio.run(send(fleet.fleet, address, silent))
            mirror.asked.clear()
            victims.kill(job, after_s=draw.uniform(0.1, 1.0))
            (newest,) = fleet.packs()
            spans = [asked.span() for asked in list(mirror.asked)]
            places = newest.assets["poster.png"].placed_chunks()
            asked = {chunk.sha256 for at, chunk in places if any(start <= at < end for start, end in spans)}
            assert not here & asked, "a verified chunk was asked for again"
            remains = Remains(directory, fleet.root_json.read_bytes())
            assert complete <= remains.complete_version() <= published
            complete = remains.complete_version()
            here = remains.parts(fleet)
            in_the_middle += complete < published and len(here) > 0
    assert complete > 1, "the kills left no time for anything"
    assert in_the_middle > 1, "no kill was in the middle of a download"


def test_killed_while_it_publishes(victims: Victims, tmp_path: Path, broker: RunningBroker, root: str) -> None:
    draw, fleet = random.Random(5), SmallFleet(tmp_path / "operator")
    fleet.sign(poster=png(filling=random_bytes(400_000)))
    folder, ledger = tmp_path / "operator" / "folders" / "acme" / "spring", tmp_path / "ledger"
    job: Job = {
        "work": "publish",
        "fleet": str(fleet.fleet.directory),
        "folder": str(folder),
        "ledger": str(ledger),
    }
    job |= {"host": broker.host, "port": broker.port, "root": root}
    address = BrokerAddress(broker.host, broker.port, root)

    async def follow() -> None:
        async with on_broker(tmp_path, fleet, broker, root) as device:
            for number in range(PUBLICATIONS):
                await asyncio.to_thread(victims.kill, job, draw.uniform(0, 0.5))
                if number % 10 == 9:  # the operator starts again from what is in the folder
                    again = FleetRepository.open(fleet.fleet.directory)
                    signed = sign_pack(again, folder, datetime.now(UTC), silent)
                    await send(again, address, silent)
                    await device.until(lambda version=signed.version: device.playable() == {"acme/spring": version})  # type: ignore[misc]

    asyncio.run(follow())
    finished = [int(line) for line in ledger.read_text().split()]
    assert finished == sorted(set(finished)), "a version was published twice"
    assert finished, "the kills left no time for anything"


def test_killed_while_configuration_changes(victims: Victims, tmp_path: Path) -> None:
    draw, ledger, config = random.Random(6), tmp_path / "ledger", tmp_path / "agent.toml"
    config.write_text('profile = "virtual-speaker"\ndevice_id = "kitchen"\n', "utf-8")
    job: Job = {"work": "configure", "config": str(config), "ledger": str(ledger), "version": 0}

    async def live_by(_settings: Settings) -> None:
        """Nothing needs to change."""

    applied = offered = 0
    for _ in range(CONFIGURATIONS):
        ledger.write_bytes(b"")
        victims.kill(job, after_s=draw.uniform(0, 0.4))
        noted = [line.split() for line in ledger.read_text().splitlines()]
        applied = max([applied, *(int(version) for what, version in noted if what == "applied")])
        offered = max([offered, applied, *(int(version) for what, version in noted if what == "offered")])
        assert {what for what, _ in noted} <= {"offered", "applied"}, "one cut is no proof against a configuration"
        lived_by = ConfigTrial(config, live_by).settings.placements.max_per_day
        assert lived_by in ({applied, offered} if applied else {offered, 8}), "neither the last good one nor the new"
        # Never twice the same, which a slow disk might have cut short too often; the next tests do that.
        applied, job["version"] = max(applied, lived_by if lived_by <= offered else 0), offered
    assert applied > CONFIGURATIONS // 2, "the kills left no time for anything"


def test_a_configuration_that_kills_the_agent_is_given_up_after_a_few_tries(victims: Victims, tmp_path: Path) -> None:
    ledger, config = tmp_path / "ledger", tmp_path / "agent.toml"
    config.write_text('profile = "virtual-speaker"\ndevice_id = "kitchen"\n', "utf-8")
    job: Job = {"work": "configure", "config": str(config), "ledger": str(ledger), "version": 0, "deadly": 3}
    for _ in range(MOST_TIMES):
        victims.let_die(job)
        job["version"] = 2
    assert ledger.read_text().split("\n")[:5] == ["offered 1", "applied 1", "offered 2", "applied 2", "offered 3"]
    assert ledger.read_text().count("offered 3") == MOST_TIMES
    victims.let_die(job | {"deadly": 4})
    assert ledger.read_text().split("\n")[-4:] == ["offered 3", "rolled_back 3", "offered 4", ""]


def test_a_configuration_that_is_killed_along_with_the_agent_is_tried_again(victims: Victims, tmp_path: Path) -> None:
    ledger, config = tmp_path / "ledger", tmp_path / "agent.toml"
    config.write_text('profile = "virtual-speaker"\ndevice_id = "kitchen"\n', "utf-8")
    job: Job = {"work": "configure", "config": str(config), "ledger": str(ledger), "version": 0, "deadly": 1}
    for _ in range(MOST_TIMES - 1):
        victims.let_die(job)
    victims.let_die(job | {"deadly": 2})
    lines = ledger.read_text().split("\n")
    assert lines == ["offered 1"] * MOST_TIMES + ["applied 1", "offered 2", ""]


def test_killed_while_it_plays(victims: Victims, tmp_path: Path) -> None:
    draw, ledger, database = random.Random(7), tmp_path / "ledger", tmp_path / "agent.db"
    job: Job = {"work": "play", "database": str(database), "ledger": str(ledger), "number": 0}
    for _ in range(PLAYS):
        victims.kill(job, after_s=draw.uniform(0, 0.3))
        promised = ledger.read_text().split() if ledger.exists() else []
        journal = Journal(database)
        kept = {impression.play_id for impression in journal.history(BEGINNING).impressions}
        journal.close()
        assert set(promised) <= kept, "a play was lost"
        job["number"] = len(promised) + 1
    assert len(promised) > PLAYS, "the kills left no time for anything"


# What a power cut leaves that a kill does not: of what was not flushed, any part


def test_torn_chunks_are_fetched_again_and_nothing_else(tmp_path: Path) -> None:
    draw = random.Random(8)
    fleet = SmallFleet(tmp_path / "operator")
    fleet.sign(poster=png(filling=random_bytes(1_500_000)))
    (pack,) = fleet.packs()
    poster = pack.assets["poster.png"]
    places = list(poster.placed_chunks())
    for number in range(20):
        store = BlobStore(tmp_path / f"tv-{number}")
        store.open()
        for offset, chunk in places:
            store.keep_chunks(poster, [(offset, fleet.fleet.chunk_path(chunk.sha256).read_bytes())])
        partial = store.directory / "partial" / poster.sha256
        content = bytearray(partial.read_bytes())
        torn_at = draw.randrange(len(content))
        match number % 3:
            case 0:
                del content[torn_at:]
            case 1:
                content[torn_at : torn_at + 4096] = bytes(len(content[torn_at : torn_at + 4096]))
            case _:
                content[torn_at:] = bytes(len(content) - torn_at)
        partial.write_bytes(content)
        spoilt = {
            (offset, chunk)
            for offset, chunk in places
            if content[offset : offset + chunk.length] != _true(fleet, chunk)
        }
        assert set(store.missing_chunks(poster)) == spoilt != set()
        with pytest.raises(IncompleteError):
            store.finish_asset(poster)
        assert store.asset_path(poster) is None


def _true(fleet: SmallFleet, chunk: Chunk) -> bytes:
    return fleet.fleet.chunk_path(chunk.sha256).read_bytes()


async def test_a_torn_record_document_or_metadata_costs_a_refresh_and_no_pack(tmp_path: Path) -> None:
    draw, fleet, source = random.Random(9), SmallFleet(tmp_path / "operator"), MemorySource()
    fleet.sign()
    fleet.put_into(source)
    directory = tmp_path / "tv"
    async with Device(directory, fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
    whole = tmp_path / "whole"
    shutil.copytree(directory, whole, ignore=shutil.ignore_patterns("tmp*"))  # a write under way
    files = sorted(path.relative_to(whole) for path in whole.rglob("*") if path.is_file())
    for number, path in enumerate(files):
        directory = tmp_path / f"tv-{number}"
        shutil.copytree(whole, directory)
        content = (whole / path).read_bytes()
        (directory / path).write_bytes(content[: draw.randrange(len(content))])
        async with Device(directory, fleet.root_json, source) as device:
            await device.until(lambda: device.playable() == {"acme/spring": 1})


def test_a_torn_journal_keeps_every_play_that_was_flushed(tmp_path: Path) -> None:
    """SQLite's log is cut or spoilt anywhere after what was there at some moment; up to there nothing is lost."""
    draw, database = random.Random(10), tmp_path / "agent.db"
    log = tmp_path / "agent.db-wal"
    journal = Journal(database)
    for number in range(10):
        record(journal, play(str(number), NOON + timedelta(seconds=number)), SHOWN)
    flushed = log.stat().st_size
    for number in range(10, 20):
        record(journal, play(str(number), NOON + timedelta(seconds=number)), SHOWN)
    written = log.read_bytes()
    for number in range(30):
        torn = bytearray(written)
        at = draw.randrange(flushed, len(torn))
        if number % 2:
            del torn[at:]
        else:
            torn[at : at + 512] = bytes(len(torn[at : at + 512]))
        folder = tmp_path / f"cut-{number}"
        folder.mkdir()
        shutil.copy(database, folder / database.name)
        (folder / log.name).write_bytes(torn)
        found = Journal(folder / database.name)
        kept = sorted(int(one.play_id.removeprefix("play-")) for one in found.history(BEGINNING).impressions)
        assert found.connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        found.close()
        assert kept == list(range(len(kept))), "a play is missing in the middle"
        assert len(kept) >= 10, "a flushed play was lost"
    journal.close()
