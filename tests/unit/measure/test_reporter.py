"""The reporter: days close once, in the device's zone, with nothing of a person in what leaves."""

import asyncio
import logging
import os
import re
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from edge_agent.fleet.reports.key_pair import OpeningKey, new_report_key, read_private_key
from edge_agent.measure.journal import Journal
from edge_agent.measure.outbox import LONGEST_RETRY
from edge_agent.measure.randomiser import Draw
from edge_agent.measure.report_key import Kem
from edge_agent.measure.reporter import Reporter
from edge_agent.measure.sealer import PLAIN_BYTES, open_sealed, sealed_bytes, suite
from edge_agent.model.device import Consent
from edge_agent.model.report import ImpressionReport, Reached
from edge_agent.settings.rooms import MeasureSettings
from tests.unit.measure.plays import DONE, NOON, SetClock, catalog, pack, play, record, settled
from tests.unit.measure.test_outbox import Draws, Wire

PUBLIC, PRIVATE = new_report_key(Kem.CLASSIC)
KEY: OpeningKey = read_private_key(PRIVATE)
YES = Consent(placements=True, reports=True, at=datetime(2026, 1, 1, tzinfo=UTC))
NO = Consent(placements=True, reports=False, at=NOON)


def truthful() -> float:
    """Return the draw with which the randomiser tells the truth and everything is due at once."""
    return 0.0


class Home:
    """A reporter with everything that it needs."""

    def __init__(
        self, path: Path, now: datetime = NOON, zone: tzinfo = UTC, draw: Draw = truthful, **settings: object
    ) -> None:
        self.settings = MeasureSettings.model_validate({"database": path / "agent.db", **settings})
        self.clock = SetClock(now)
        self.wire = Wire()
        self.journal = Journal(self.settings.database)
        self.reporter = Reporter(self.settings, self.journal, self.wire.send, clock=self.clock, draw=draw, zone=zone)

    def ready(self) -> "Home":
        self.reporter.consent_changed(YES)
        self.reporter.key_changed(PUBLIC)
        self.reporter.catalog_changed(catalog())
        return self

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.reporter.run())
        try:
            await settled()
            yield
            assert not task.done(), "the reporter ended by itself"
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def at(self, now: datetime) -> None:
        self.clock.set(now)
        await settled()

    def reports(self) -> list[ImpressionReport]:
        return [open_sealed(payload, KEY.kem, KEY.key) for payload in self.wire.payloads]

    def answers(self) -> dict[tuple[str, str], Reached]:
        found = {(report.day.isoformat(), report.crid): report.answer for report in self.reports()}
        assert len(found) == len(self.wire.got), "a creative was reported twice for one day"
        return found


def tomorrow(days: int = 1) -> datetime:
    return NOON.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=days)


async def test_each_creative_of_the_catalog_is_answered_once_a_day_whatever_happened(tmp_path: Path) -> None:
    home = Home(tmp_path).ready()
    async with home.running():
        record(home.journal, play())
        await home.at(tomorrow() - timedelta(microseconds=1))
        assert home.wire.got == []
        await home.at(tomorrow())
        await home.at(tomorrow(2))
    assert home.answers() == {
        ("2026-11-21", "morning"): Reached.COMPLETE,
        ("2026-11-21", "evening"): Reached.NOTHING,
        ("2026-11-21", "talk"): Reached.NOTHING,
        ("2026-11-22", "morning"): Reached.NOTHING,
        ("2026-11-22", "evening"): Reached.NOTHING,
        ("2026-11-22", "talk"): Reached.NOTHING,
    }


async def test_no_consent_makes_nothing_and_no_word_about_consent_is_no(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.reporter.key_changed(PUBLIC)
    home.reporter.catalog_changed(catalog())
    async with home.running():
        record(home.journal, play())
        await home.at(tomorrow())
        home.reporter.consent_changed(NO)
        await home.at(tomorrow(3))
        home.reporter.consent_changed(YES.model_copy(update={"at": tomorrow(3)}))
        await settled()
    assert (home.wire.got, home.reporter.unsent()) == ([], 0)


async def test_withdrawing_deletes_what_is_unsent_before_the_call_returns(tmp_path: Path) -> None:
    home = Home(tmp_path, draw=Draws()).ready()
    async with home.running():
        await home.at(tomorrow())
        assert home.reporter.unsent() == 3
        home.reporter.consent_changed(NO)
        assert home.reporter.unsent() == 0
        await home.at(tomorrow(2))
    assert home.wire.got == []


async def test_plays_from_before_consent_are_never_told(tmp_path: Path) -> None:
    home = Home(tmp_path).ready()
    home.reporter.consent_changed(Consent(placements=True, reports=True, at=NOON + timedelta(minutes=1)))
    async with home.running():
        record(home.journal, play())
        await home.at(tomorrow())
    assert set(home.answers().values()) == {Reached.NOTHING}


async def test_days_wait_for_a_key_and_a_bad_key_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home = Home(tmp_path)
    home.reporter.consent_changed(YES)
    home.reporter.catalog_changed(catalog())
    async with home.running():
        record(home.journal, play())
        await home.at(tomorrow(2))
        home.reporter.key_changed(b"nonsense")
        home.reporter.key_changed(b"nonsense")
        await settled()
        assert (home.wire.got, len(caplog.records)) == ([], 1)
        home.reporter.key_changed(PUBLIC)
        await settled()
    assert home.answers()["2026-11-21", "morning"] is Reached.COMPLETE


async def test_a_device_that_was_off_at_midnight_reports_when_it_is_on_again(tmp_path: Path) -> None:
    home = Home(tmp_path).ready()
    async with home.running():
        record(home.journal, play())
    home.journal.close()
    later = Home(tmp_path, now=NOON + timedelta(days=5)).ready()
    async with later.running():
        pass
    assert later.answers() == {
        ("2026-11-21", "morning"): Reached.COMPLETE,
        ("2026-11-21", "evening"): Reached.NOTHING,
        ("2026-11-21", "talk"): Reached.NOTHING,
    }


async def test_a_pack_that_was_revoked_during_the_day_is_still_answered(tmp_path: Path) -> None:
    home = Home(tmp_path).ready()
    async with home.running():
        record(home.journal, play())
        home.reporter.catalog_changed(catalog(pack("tea", ("green",))))
        await settled()
        await home.at(tomorrow())
    campaigns = Counter(report.campaign for report in home.reports())
    assert campaigns == {"coffee": 3, "tea": 2}


async def test_a_catalog_of_thousands_costs_no_more_than_the_days_budget(tmp_path: Path) -> None:
    home = Home(tmp_path, draw=Draws(), reports_per_day=10, send_spread=0)
    home.reporter.consent_changed(YES)
    home.reporter.key_changed(PUBLIC)
    home.reporter.catalog_changed(catalog(pack("huge", [f"c{number}" for number in range(2000)])))
    async with home.running():
        await home.at(tomorrow())
    assert len(home.reports()) == 10
    assert sum(report.epsilon for report in home.reports()) == 10 * home.settings.epsilon


# --- clocks ------------------------------------------------------------------------------------------------------


async def test_a_clock_in_1970_opens_and_closes_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path, now=datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC)).ready()
    async with home.running():
        await home.at(datetime(1970, 1, 3, tzinfo=UTC))
        await home.at(NOON)
        record(home.journal, play())
        await home.at(tomorrow())
    assert {day for day, _ in home.answers()} == {"2026-11-21"}


async def test_a_clock_that_falls_to_1970_keeps_the_open_day_and_the_journal(tmp_path: Path) -> None:
    home = Home(tmp_path).ready()
    async with home.running():
        record(home.journal, play())
        await home.at(datetime(1970, 1, 1, tzinfo=UTC))
        await home.at(tomorrow())
    assert home.answers()["2026-11-21", "morning"] is Reached.COMPLETE


async def test_a_clock_that_runs_backwards_never_reports_a_day_twice(tmp_path: Path) -> None:
    home = Home(tmp_path).ready()
    async with home.running():
        record(home.journal, play())
        await home.at(tomorrow())
        await home.at(NOON)
        record(home.journal, play("2", NOON + timedelta(minutes=1), "evening"))
        await home.at(tomorrow())
        await home.at(tomorrow(2))
    assert home.answers()["2026-11-21", "evening"] is Reached.NOTHING
    assert {day for day, _ in home.answers()} == {"2026-11-21", "2026-11-22"}


async def test_a_clock_that_jumps_years_ahead_makes_no_reports_about_the_years(tmp_path: Path) -> None:
    home = Home(tmp_path, keep=timedelta(days=36500)).ready()
    async with home.running():
        await home.at(NOON + timedelta(days=3000))
        await home.at(NOON + timedelta(hours=1))
        await home.at(tomorrow(2))
    assert {day for day, _ in home.answers()} == {"2026-11-21"}


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Asia/Beirut", date(2026, 3, 29), 23),
    ],
)
async def test_the_day_on_which_clocks_change_has_all_its_plays_and_no_others(
    tmp_path: Path, zone: str, day: date, hours: int
) -> None:
    where = ZoneInfo(zone)
    start = datetime.combine(day, datetime.min.time(), where).astimezone(UTC)
    end = start + timedelta(hours=hours)
    home = Home(tmp_path, now=start, zone=where).ready()
    async with home.running():
        record(home.journal, play("before", start - timedelta(seconds=1), "evening"))
        record(home.journal, play("last", end - timedelta(microseconds=1), "morning"))
        record(home.journal, play("after", end, "evening"))
        await home.at(end - timedelta(microseconds=1))
        assert home.wire.got == []
        await home.at(end)
    iso = day.isoformat()
    assert home.answers() == {
        (iso, "morning"): Reached.COMPLETE,
        (iso, "evening"): Reached.NOTHING,
        (iso, "talk"): Reached.NOTHING,
    }


# --- disks -------------------------------------------------------------------------------------------------------


async def test_a_full_disk_at_midnight_is_said_once_and_the_day_is_closed_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    home = Home(tmp_path, draw=Draws(), send_spread=3600).ready()
    home.reporter.catalog_changed(catalog(pack("coffee", [f"c{number}" for number in range(60)])))
    async with home.running():
        home.journal.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages = home.journal.connection.execute("PRAGMA page_count").fetchone()[0]
        home.journal.connection.execute(f"PRAGMA max_page_count = {pages}")
        await home.at(tomorrow())
        await home.at(tomorrow() + timedelta(minutes=5))
        assert home.reporter.unsent() == 0
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        home.journal.connection.execute("PRAGMA max_page_count = 100000")
        await home.at(tomorrow() + timedelta(minutes=10))
        assert home.reporter.unsent() + len(home.wire.got) == 61
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


async def test_a_withdrawal_that_the_disk_refuses_sends_nothing_and_is_made_good(tmp_path: Path) -> None:
    home = Home(tmp_path, draw=Draws()).ready()
    async with home.running():
        await home.at(tomorrow())
        home.journal.connection.execute("PRAGMA query_only = ON")  # as when a card is remounted read-only
        home.reporter.consent_changed(NO)
        await settled()
        await home.at(tomorrow() + timedelta(minutes=5))
        assert (home.reporter.unsent(), home.wire.tries) == (3, 0)
        home.journal.connection.execute("PRAGMA query_only = OFF")
        await home.at(tomorrow() + timedelta(minutes=10))
        assert home.reporter.unsent() == 0
        await home.at(tomorrow(2))
    assert home.wire.tries == 0


async def test_who_agrees_again_before_the_disk_forgot_tells_nothing_of_before(tmp_path: Path) -> None:
    home = Home(tmp_path, draw=Draws()).ready()
    async with home.running():
        await home.at(tomorrow())
        assert home.reporter.unsent() == 3
        home.journal.connection.execute("PRAGMA query_only = ON")
        home.reporter.consent_changed(NO)
        home.reporter.consent_changed(YES)
        await settled()
        home.journal.connection.execute("PRAGMA query_only = OFF")
        await home.at(tomorrow() + timedelta(minutes=10))
        assert home.reporter.unsent() == 0
        await home.at(tomorrow() + timedelta(hours=12))
    assert home.wire.tries == 0


# --- what leaves -------------------------------------------------------------------------------------------------


async def test_no_identifier_and_no_time_of_day_in_any_outgoing_byte(tmp_path: Path) -> None:
    home = Home(tmp_path, now=NOON, draw=Draws(), send_spread=0).ready()
    async with home.running():
        for number in range(5):
            record(home.journal, play(f"secret{number}", NOON + timedelta(seconds=number)))
        await home.at(tomorrow())
    assert len(home.wire.got) == 3
    host = socket.gethostname().encode()
    for topic, payload in home.wire.got:
        assert re.fullmatch(r"report/\d{1,4}", topic)
        assert len(payload) == sealed_bytes(KEY.kem)
        plain = suite(KEY.kem).decrypt(payload, KEY.key, b"edge-agent impression report v1")
        assert len(plain) == PLAIN_BYTES
        # Everything that is in it, byte by byte: nothing else would match.
        assert re.fullmatch(
            rb'\{"v":1,"day":"2026-11-21","campaign":"coffee","crid":"(morning|evening|talk)",'
            rb'"epsilon":2\.0,"answer":"(nothing|impression|complete|followed_up)"\} *',
            plain,
        )
        for secret in (b"secret", b"decision", b"slot", b"spring", host, str(os.getpid()).encode(), b"12:00", b"T"):
            assert secret not in plain


async def test_every_sealed_message_of_a_fleet_is_equally_long(tmp_path: Path) -> None:
    lengths = set()
    for number, crids in enumerate((["a"], ["x" * 64, "y" * 64], ["medium-sized.name"])):
        path = tmp_path / str(number)
        path.mkdir()
        home = Home(path, draw=Draws(), send_spread=0)
        home.reporter.consent_changed(YES)
        home.reporter.key_changed(PUBLIC)
        home.reporter.catalog_changed(catalog(pack("c" * (1 + 30 * number), crids)))
        async with home.running():
            record(home.journal, play())
            await home.at(tomorrow())
        lengths |= {len(payload) for payload in home.wire.payloads}
        home.journal.close()
    assert lengths == {sealed_bytes(Kem.CLASSIC)}


async def test_a_clock_that_jumps_ahead_forgets_nothing_and_one_that_goes_on_does(tmp_path: Path) -> None:
    home = Home(tmp_path, keep=timedelta(days=90)).ready()
    record(home.journal, play(), DONE)
    async with home.running():
        await home.at(NOON + timedelta(days=3650))
        home.clock.set(NOON + timedelta(hours=1))
        home.reporter.catalog_changed(catalog())  # or a quarter of an hour later: no event tells of a step backwards
        await settled()
        assert len(home.journal.proofs(10)) == 1
        for days in (366, 367, 368):
            await home.at(NOON + timedelta(days=days))
        assert home.journal.proofs(10) == []


@pytest.mark.parametrize("table", ["measure_events", "measure_offered"])
async def test_a_day_that_cannot_be_read_is_closed_when_it_can(tmp_path: Path, table: str) -> None:
    home = Home(tmp_path).ready()
    async with home.running():
        record(home.journal, play())
        home.journal.connection.execute("PRAGMA foreign_keys=OFF")
        home.journal.connection.execute(f"ALTER TABLE {table} RENAME TO away")
        await home.at(tomorrow())
        assert "end of the reporting day" in home.journal.troubles.lasting
        home.journal.connection.execute(f"ALTER TABLE away RENAME TO {table}")
        await home.at(tomorrow() + LONGEST_RETRY)
        assert home.answers()["2026-11-21", "morning"] is Reached.COMPLETE
        assert not home.journal.troubles.lasting
