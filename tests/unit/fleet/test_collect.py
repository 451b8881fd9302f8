"""The collector against real brokers: durable sessions, kill -9, shared work, and a whole path from a home's day."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import aiomqtt
import pytest

from edge_agent.fleet.reports.collect import collect
from edge_agent.fleet.reports.key_pair import new_report_key
from edge_agent.fleet.reports.opening import Tally
from edge_agent.fleet.reports.store import STORE_NAME, ReportStore
from edge_agent.fleet.reports.subscription import CollectorSettings
from edge_agent.measure.journal import Journal
from edge_agent.measure.report_key import read_report_key
from edge_agent.measure.reporter import Reporter
from edge_agent.measure.sealer import seal
from edge_agent.model.device import Consent
from edge_agent.model.errors import FormatError, LinkError
from edge_agent.model.report import ImpressionReport, Reached
from edge_agent.settings.rooms import MeasureSettings
from tests.brokers import MOSQUITTO, Mosquitto, RunningBroker, free_port
from tests.proxies import ACCEPTS_311_ONLY, HANGS_UP, UNSUPPORTED_VERSION, Proxy, RefusedVersion
from tests.unit.measure.plays import SetClock, catalog, play, record, settled

Protocol = Literal["5.0", "3.1.1"]

NOW = datetime.now(UTC)
durable = pytest.mark.skipif(
    MOSQUITTO is None, reason="the embedded broker keeps no session of a client that is away and has no user name"
)


class Fleet:
    """A fleet folder with a key, and a broker."""

    def __init__(self, directory: Path, broker: RunningBroker, root: str) -> None:
        self.directory, self.broker, self.root = directory, broker, root
        self.public, private = new_report_key()
        (directory / "keys").mkdir(parents=True)
        (directory / "keys" / "report-key.private.json").write_bytes(private)

    def settings(self, name: str | None = None, share: str | None = None) -> CollectorSettings:
        # Brokers know sessions by name, and tests share a broker.
        own = f"{self.root.rpartition('/')[2]}-{name or 'main'}"
        return CollectorSettings(self.broker.host, self.broker.port, self.directory, self.root, own, share)

    def sealed(self, count: int) -> list[bytes]:
        key = read_report_key(self.public)
        one = ImpressionReport(
            day=NOW.date(), campaign="coffee", crid="morning", epsilon=2.0, answer=Reached.IMPRESSION
        )
        return [seal(one, key) for _ in range(count)]

    def collect(self) -> Tally:
        return collect(self.settings(), threading.Event(), once=True)

    async def publish(self, messages: Sequence[bytes]) -> None:
        async with aiomqtt.Client(self.broker.host, self.broker.port) as client:
            for number, message in enumerate(messages):
                await client.publish(f"{self.root}/report/{number % 16}", message, qos=1)

    def counted(self) -> int:
        store = ReportStore(self.directory / STORE_NAME)
        try:
            return sum(counter.reports for counter in store.counters())
        finally:
            store.close()


@pytest.fixture
def fleet(tmp_path: Path, broker: RunningBroker, root: str) -> Fleet:
    return Fleet(tmp_path / "fleet", broker, root)


@contextmanager
def running(settings: CollectorSettings) -> Iterator[list[Tally]]:
    """Run a collector in a thread until the block ends; its tally is in the list afterwards."""
    stop, ready, tallies = threading.Event(), threading.Event(), []
    thread = threading.Thread(target=lambda: tallies.append(collect(settings, stop, ready=ready.set)))
    thread.start()
    try:
        assert ready.wait(20)
        yield tallies
    finally:
        stop.set()
        thread.join(20)


@durable
async def test_what_was_sent_while_the_collector_was_away_is_counted(fleet: Fleet) -> None:
    assert await asyncio.to_thread(fleet.collect) == Tally()
    messages = fleet.sealed(50)
    await fleet.publish([*messages, messages[0], b"garbage"])
    collected = await asyncio.to_thread(cli, "collect", *where(fleet), "--once", "--json")
    assert json.loads(collected) == {"accepted": 50, "duplicates": 1, "refused": 1}
    assert await asyncio.to_thread(fleet.collect) == Tally()
    assert fleet.counted() == 50


@durable
@pytest.mark.parametrize(
    ("before", "after"), [("3.1.1", "5.0"), ("5.0", "3.1.1")], ids=["3.1.1-then-5.0", "5.0-then-3.1.1"]
)
async def test_what_waits_at_the_broker_survives_a_change_of_mqtts_version(
    fleet: Fleet, before: Protocol, after: Protocol
) -> None:
    def collect_over(protocol: Protocol) -> Tally:
        return collect(replace(fleet.settings(), protocol=protocol), threading.Event(), once=True)

    assert await asyncio.to_thread(collect_over, before) == Tally()
    await fleet.publish(fleet.sealed(5))
    assert await asyncio.to_thread(collect_over, after) == Tally(accepted=5)


@pytest.mark.parametrize(
    "answer",
    [ACCEPTS_311_ONLY, UNSUPPORTED_VERSION, HANGS_UP],
    ids=["return-code-1", "reason-code-0x84", "hangs-up"],
)
async def test_a_broker_that_refuses_5_is_collected_from_in_3_1_1(fleet: Fleet, answer: bytes) -> None:
    async with Proxy(fleet.broker, refuses=RefusedVersion(5, answer)) as proxy:
        settings = replace(fleet.settings(), port=proxy.port)
        assert await asyncio.to_thread(collect, settings, threading.Event(), once=True) == Tally()
        assert set(proxy.levels) == {5, 4}


_COLLECTOR = textwrap.dedent("""
    import sys, threading
    from pathlib import Path
    from edge_agent.fleet.reports.collect import collect
    from edge_agent.fleet.reports.subscription import CollectorSettings
    host, port, directory, root, name = sys.argv[1:6]
    settings = CollectorSettings(host, int(port), Path(directory), root, name)
    collect(settings, threading.Event(), ready=lambda: print("ready", flush=True))
""")


@durable
async def test_a_collector_that_is_killed_loses_nothing_and_counts_nothing_twice(fleet: Fleet) -> None:
    settings = fleet.settings()
    arguments = [settings.host, str(settings.port), str(settings.fleet_dir), settings.root, settings.name]
    await asyncio.to_thread(fleet.collect)
    messages = fleet.sealed(300)
    for third in range(3):
        victim = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _COLLECTOR, *arguments, stdout=subprocess.PIPE
        )
        assert victim.stdout is not None
        assert await victim.stdout.readline() == b"ready\n"
        # PUBACKs come from the broker, so the collector is somewhere in its batches when this returns.
        await fleet.publish(messages[third * 100 : third * 100 + 100])
        victim.send_signal(signal.SIGKILL)
        await victim.wait()
    await asyncio.to_thread(fleet.collect)
    assert fleet.counted() == 300


@durable
async def test_a_broker_that_restarts_is_connected_to_again(
    tmp_path: Path, own_broker: RunningBroker, root: str
) -> None:
    fleet = Fleet(tmp_path / "fleet", own_broker, root)
    stop, subscriptions = threading.Event(), threading.Semaphore(0)
    collecting = asyncio.create_task(asyncio.to_thread(collect, fleet.settings(), stop, ready=subscriptions.release))
    try:
        assert await asyncio.to_thread(subscriptions.acquire, timeout=20)
        await fleet.publish(fleet.sealed(5))
        await asyncio.to_thread(own_broker.restart)
        assert await asyncio.to_thread(subscriptions.acquire, timeout=60)
        await fleet.publish(fleet.sealed(5))
    finally:
        stop.set()
        await collecting
    await asyncio.to_thread(fleet.collect)
    assert fleet.counted() == 10


@pytest.mark.skipif(MOSQUITTO is None, reason="the embedded broker has no shared subscriptions")
async def test_two_collectors_of_a_group_divide_the_work(fleet: Fleet) -> None:
    with running(fleet.settings("a", "group")) as first, running(fleet.settings("b", "group")) as second:
        await fleet.publish(fleet.sealed(60))
        async with asyncio.timeout(20):
            while await asyncio.to_thread(fleet.counted) < 60:  # noqa: ASYNC110  another thread's file says when
                await asyncio.sleep(0.05)
    assert first[0].accepted + second[0].accepted == 60
    assert min(first[0].accepted, second[0].accepted) > 0


def test_no_broker_is_one_sentence_with_a_next_step(tmp_path: Path, broker: RunningBroker, root: str) -> None:
    fleet = Fleet(tmp_path / "fleet", broker, root)
    nobody = CollectorSettings("127.0.0.1", free_port(), fleet.directory)
    with pytest.raises(LinkError, match="cannot be reached") as caught:
        collect(nobody, threading.Event(), once=True)
    assert caught.value.next_step


@pytest.mark.skipif(MOSQUITTO is None, reason="the embedded broker asks nobody for a password")
def test_a_broker_that_refuses_says_so(tmp_path: Path, root: str) -> None:
    with Mosquitto(anonymous=False) as strict:
        fleet = Fleet(tmp_path / "fleet", strict, root)
        with pytest.raises(LinkError, match="refuses") as caught:
            fleet.collect()
    assert "password" in caught.value.next_step


def test_no_key_is_said_before_anything_is_taken_from_the_broker(tmp_path: Path, broker: RunningBroker) -> None:
    with pytest.raises(FormatError, match="no private report key"):
        collect(CollectorSettings(broker.host, broker.port, tmp_path), threading.Event(), once=True)


# --- the whole path ----------------------------------------------------------------------------------------------


async def test_from_a_day_at_home_to_the_operators_table(fleet: Fleet, tmp_path: Path) -> None:
    with running(fleet.settings()) as tallies:
        for number in range(4):
            await a_day_at_home(fleet, tmp_path / f"home-{number}.db")
        async with asyncio.timeout(20):
            while await asyncio.to_thread(fleet.counted) < 12:  # noqa: ASYNC110  another thread's file says when
                await asyncio.sleep(0.05)
    assert tallies == [Tally(accepted=12)]
    table = json.loads(await asyncio.to_thread(cli, "report", "--fleet-dir", str(fleet.directory), "--json"))
    by_creative = {line["crid"]: line for line in table["lines"]}
    expected = {None: 12, "morning": 4, "evening": 4, "talk": 4}
    assert {crid: line["reports"] for crid, line in by_creative.items()} == expected
    assert by_creative["morning"]["day"] == NOW.date().isoformat()
    assert not by_creative["morning"]["conclusive"]
    text = await asyncio.to_thread(cli, "report", "--fleet-dir", str(fleet.directory))
    assert "too few homes" in " ".join(text.split())


async def a_day_at_home(fleet: Fleet, database: Path) -> None:
    """One play, midnight, and every report acknowledged by the real broker."""
    noon = NOW.replace(hour=12)
    async with aiomqtt.Client(fleet.broker.host, fleet.broker.port) as client:

        async def send(topic: str, payload: bytes) -> None:
            await client.publish(f"{fleet.root}/{topic}", payload, qos=1)

        clock, journal = SetClock(noon), Journal(database)
        settings = MeasureSettings(database=database, send_spread=timedelta(0))
        reporter = Reporter(settings, journal, send, clock=clock)
        reporter.consent_changed(Consent(placements=True, reports=True))
        reporter.key_changed(fleet.public)
        reporter.catalog_changed(catalog())
        reporting = asyncio.create_task(reporter.run())
        await settled()
        record(journal, play("1", noon + timedelta(minutes=1)))
        clock.set(noon + timedelta(days=1))
        await settled()
        async with asyncio.timeout(20):
            while reporter.unsent():  # noqa: ASYNC110  PUBACKs come from a real broker
                await asyncio.sleep(0.01)
        reporting.cancel()
        await asyncio.gather(reporting, return_exceptions=True)
        journal.close()


_CLI = textwrap.dedent("""
    import typer
    from edge_agent.cli.fleet_reports import register
    fleet = typer.Typer()
    register(fleet)
    fleet()
""")


def cli(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _CLI, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert done.returncode == 0, done.stderr
    assert socket.gethostname() not in done.stdout
    return done.stdout


def where(fleet: Fleet) -> list[str]:
    settings = fleet.settings()
    return [
        *("--broker", f"{settings.host}:{settings.port}", "--fleet-dir", str(fleet.directory)),
        *("--root", fleet.root, "--name", settings.name),
    ]


def test_an_empty_fleet_says_what_to_do(tmp_path: Path) -> None:
    assert json.loads(cli("report", "--fleet-dir", str(tmp_path), "--json")) == {"v": 1, "lines": []}
