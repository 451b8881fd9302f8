"""kill -9 at random instants, between closing a day, sealing, sending and deleting: nothing lost, nothing twice."""

import subprocess
import sys
import textwrap
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

from edge_agent.fleet.reports.key_pair import new_report_key, read_private_key
from edge_agent.fleet.reports.opening import Opener
from edge_agent.fleet.reports.store import ReportStore
from edge_agent.measure.report_key import Kem

DAYS, ROUNDS = 12, 20

_KILLER = textwrap.dedent("""
    # One process imports everything once; each round forks a device, and kills it at a random instant.
    import asyncio, os, random, signal, sys, time
    from datetime import UTC, datetime, timedelta
    from pathlib import Path
    from edge_agent.measure.journal import Journal
    from edge_agent.measure.reporter import Reporter
    from edge_agent.model.device import Consent
    from edge_agent.settings.rooms import MeasureSettings
    from tests.unit.measure.plays import SetClock, catalog, settled

    FIRST = datetime(2026, 11, 1, 12, tzinfo=UTC)

    async def send(topic, payload):
        os.write(1, payload.hex().encode() + b"\\n")  # shorter than PIPE_BUF, so that a line is whole or absent
        await asyncio.sleep(0)

    async def device(database, key, days):
        settings = MeasureSettings(database=database, send_spread=0)
        journal, clock = Journal(database), SetClock(FIRST)
        reporter = Reporter(settings, journal, send, clock=clock)
        reporter.consent_changed(Consent(placements=True, reports=True))
        reporter.key_changed(key)
        reporter.catalog_changed(catalog())
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(reporter.run())
            for day in range(days + 1):
                clock.set(FIRST + timedelta(days=day))
                await settled()
            while reporter.unsent():
                await asyncio.sleep(0)
            running.cancel()

    database, key, days, rounds = Path(sys.argv[1]), sys.argv[2].encode(), int(sys.argv[3]), int(sys.argv[4])

    def begin(database, reports=1):
        child = os.fork()
        if child == 0:
            os.dup2(reports, 1)
            asyncio.run(device(database, key, days))
            os._exit(0)
        return child

    began = time.monotonic()
    os.waitpid(begin(database.with_name("rehearsal.db"), os.open(os.devnull, os.O_WRONLY)), 0)
    undisturbed_s = time.monotonic() - began

    killed = 0
    for number in range(rounds + 1):
        child = begin(database)
        if number < rounds:
            time.sleep(random.uniform(0, undisturbed_s))
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        killed += os.WIFSIGNALED(status)
    print(killed, os.waitstatus_to_exitcode(status), file=sys.stderr)
""")


def test_kill_9_at_random_instants_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    public, private = new_report_key(Kem.CLASSIC)
    done = subprocess.run(
        [sys.executable, "-c", _KILLER, str(tmp_path / "agent.db"), public.decode(), str(DAYS), str(ROUNDS)],
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
    )
    killed, last_exit = done.stderr.split()
    assert int(killed) >= 1
    assert last_exit == "0"

    store = ReportStore(tmp_path / "collector.db")
    opener = Opener(store, lambda: [read_private_key(private)], lambda: date(2026, 11, 21))
    opener.take([bytes.fromhex(line) for line in done.stdout.split()])
    received = Counter[tuple[date, str]]()
    for counter in store.counters():
        received[counter.day, counter.crid] += counter.reports
    store.close()
    days = [date(2026, 11, 1) + timedelta(days=day) for day in range(DAYS)]
    assert received == {(day, crid): 1 for day in days for crid in ("morning", "evening", "talk")}
    assert opener.tally.refused == 0
