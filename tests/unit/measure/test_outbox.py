"""The outbox: nothing lost, nothing without consent, nothing for ever."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.measure.journal import Journal
from edge_agent.measure.outbox import CATCH_UP, LONGEST_RETRY, Outbox
from edge_agent.measure.randomiser import PublicCreative
from edge_agent.model.errors import LinkError, StorageError
from edge_agent.settings.rooms import MeasureSettings
from tests.unit.measure.plays import SetClock, settled

DAY = date(2026, 11, 20)
MIDNIGHT = datetime(2026, 11, 21, tzinfo=UTC)
SPREAD = timedelta(hours=6)


class Wire:
    """The far side of `send`: keeps what it was given, and refuses while it is down."""

    def __init__(self) -> None:
        self.got: list[tuple[str, bytes]] = []
        self.tries = 0
        self.down = False

    async def send(self, topic: str, payload: bytes) -> None:
        self.tries += 1
        await asyncio.sleep(0)
        if self.down:
            raise LinkError("The broker is away.", "Wait.")
        self.got.append((topic, payload))

    @property
    def payloads(self) -> list[bytes]:
        return [payload for _, payload in self.got]


class Draws:
    """A fixed, evenly spread sequence in [0, 1)."""

    def __init__(self) -> None:
        self._number = 0

    def __call__(self) -> float:
        self._number += 1
        return self._number * 0.6180339887 % 1


class Room:
    """An outbox with everything that it needs."""

    def __init__(self, path: Path, now: datetime = MIDNIGHT) -> None:
        self.settings = MeasureSettings(database=path / "agent.db", send_spread=SPREAD, shards=8)
        self.clock = SetClock(now)
        self.wire = Wire()
        self.journal = Journal(self.settings.database)
        self.outbox = Outbox(self.settings, self.journal, self.wire.send, clock=self.clock, draw=Draws())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.outbox.run())
        try:
            await settled()
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def at(self, now: datetime) -> None:
        """Let the time go by as a device sees it that stays on."""
        while (minute_later := self.clock.now() + timedelta(minutes=1)) < now:
            await self.jump_to(minute_later)
        await self.jump_to(now)

    async def jump_to(self, now: datetime) -> None:
        self.clock.set(now)
        await settled()


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def messages(count: int) -> list[bytes]:
    return [b"%04d" % number for number in range(count)]


async def test_everything_is_sent_within_the_spread_at_different_times_and_shards(room: Room) -> None:
    room.outbox.close_day(DAY, MIDNIGHT, messages(40))
    room.outbox.allow()
    async with room.running():
        assert room.wire.got == []
        sent_at = []
        while len(room.wire.got) < 40:
            (due,) = room.clock.waiting_for()
            sent_at.append(due)
            await room.at(due)
    assert MIDNIGHT <= min(sent_at) < max(sent_at) <= MIDNIGHT + SPREAD
    assert len(set(sent_at)) == 40
    assert room.wire.payloads != messages(40)
    assert sorted(room.wire.payloads) == messages(40)
    assert {topic for topic, _ in room.wire.got} == {f"report/{shard}" for shard in range(8)}
    assert room.outbox.unsent() == 0


async def test_a_day_that_is_closed_late_is_spread_from_now_on(room: Room) -> None:
    room.clock.set(late := MIDNIGHT + timedelta(days=3))
    room.outbox.close_day(DAY, MIDNIGHT, messages(10))
    room.outbox.allow()
    async with room.running():
        assert room.wire.got == []
        assert room.clock.waiting_for()[0] > late


async def test_what_was_not_acknowledged_is_sent_again_after_a_restart(room: Room, tmp_path: Path) -> None:
    room.outbox.close_day(DAY, MIDNIGHT, messages(5))
    room.outbox.allow()
    room.wire.down = True
    async with room.running():
        await room.at(room.clock.waiting_for()[0])
        assert room.wire.tries == 1
    room.journal.close()
    again = Room(tmp_path, MIDNIGHT + timedelta(days=1))
    again.outbox.allow()
    async with again.running():
        await again.at(again.clock.now() + CATCH_UP)
        assert sorted(again.wire.payloads) == messages(5)
    assert again.outbox.unsent() == 0


async def test_a_broker_that_is_away_is_tried_ever_more_seldom_and_logged_once(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    room.outbox.close_day(DAY, MIDNIGHT, messages(1000))
    room.outbox.allow()
    room.wire.down = True
    waits = []
    async with room.running():
        await room.at(room.clock.waiting_for()[0])
        for _ in range(20):
            (due,) = room.clock.waiting_for()
            waits.append(due - room.clock.now())
            await room.at(due)
        assert room.wire.tries == 21
        assert waits[0] <= timedelta(seconds=1)
        assert LONGEST_RETRY / 2 <= max(waits) <= LONGEST_RETRY
        assert len(caplog.records) == 1
        assert room.outbox.unsent() == 1000
        room.wire.down = False
        await room.at(MIDNIGHT + SPREAD + CATCH_UP)
    # "a thousand offline plays lost in six hours": not one.
    assert sorted(room.wire.payloads) == messages(1000)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


async def test_nothing_is_sent_before_consent_is_known(room: Room) -> None:
    room.outbox.close_day(DAY, MIDNIGHT, messages(3))
    async with room.running():
        await room.at(MIDNIGHT + SPREAD)
        assert room.wire.tries == 0
        room.outbox.allow()
        await settled()
        await room.at(room.clock.now() + CATCH_UP)
        assert len(room.wire.got) == 3


async def test_withdrawing_deletes_what_is_unsent_and_every_open_day(room: Room) -> None:
    room.outbox.offer(DAY, [PublicCreative("a", "x")])
    room.outbox.close_day(DAY - timedelta(days=1), MIDNIGHT, messages(3))
    room.outbox.allow()
    async with room.running():
        room.outbox.withdraw()
        await room.at(MIDNIGHT + timedelta(days=2))
        room.outbox.allow()
        await room.at(MIDNIGHT + timedelta(days=4))
    assert room.wire.tries == 0
    assert room.outbox.open_days(before=date(2027, 1, 1)) == []


async def test_reports_of_a_clock_that_ran_ahead_do_not_wait_for_years(room: Room) -> None:
    room.clock.set(MIDNIGHT + timedelta(days=2000))
    room.outbox.close_day(DAY, MIDNIGHT, messages(3))
    room.outbox.allow()
    room.clock.set(MIDNIGHT)
    async with room.running():
        assert room.clock.waiting_for()[0] <= MIDNIGHT + SPREAD
        await room.at(MIDNIGHT + SPREAD)
        assert sorted(room.wire.payloads) == messages(3)


async def test_a_step_backwards_is_noticed_though_no_event_tells_of_it(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.measure.clock.LOOK_AGAIN", timedelta(milliseconds=5))
    room.clock.set(MIDNIGHT + timedelta(days=2000))
    room.outbox.close_day(DAY, MIDNIGHT, messages(1))
    room.outbox.allow()
    async with room.running():
        room.clock.set(MIDNIGHT)
        async with asyncio.timeout(20):
            while min(room.clock.waiting_for(), default=room.clock.now() + 2 * SPREAD) > MIDNIGHT + SPREAD:  # noqa: ASYNC110
                await asyncio.sleep(0)
        await room.at(MIDNIGHT + SPREAD)
        assert room.wire.payloads == messages(1)


def test_a_day_is_closed_with_its_reports_or_not_at_all(room: Room) -> None:
    room.outbox.offer(DAY, [PublicCreative("a", "x")])
    with pytest.raises(sqlite3.ProgrammingError):
        room.outbox.close_day(DAY, MIDNIGHT, [b"good", object()])  # type: ignore[list-item]
    assert room.outbox.unsent() == 0
    assert room.outbox.open_days(before=date(2027, 1, 1)) == [(DAY, [PublicCreative("a", "x")])]


def test_a_closed_day_takes_no_more_and_days_to_come_are_nobodys(room: Room) -> None:
    ahead = DAY + timedelta(days=400)
    room.outbox.offer(ahead, [PublicCreative("a", "x")])
    room.outbox.offer(DAY, [PublicCreative("a", "x"), PublicCreative("a", "y")])
    room.outbox.offer(DAY, [PublicCreative("b", "z")])
    offered = [PublicCreative("a", "x"), PublicCreative("a", "y"), PublicCreative("b", "z")]
    assert room.outbox.open_days(before=date(2099, 1, 1)) == [(DAY, offered)]
    assert room.outbox.open_days(before=DAY) == []
    room.outbox.close_day(DAY, MIDNIGHT, [])
    room.outbox.offer(DAY, [PublicCreative("a", "x")])
    assert room.outbox.open_days(before=date(2099, 1, 1)) == []


def test_what_could_not_be_sent_for_too_long_is_given_up_and_said(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    room.outbox.close_day(DAY, MIDNIGHT, messages(4))
    room.outbox.prune(MIDNIGHT + room.settings.keep)
    assert room.outbox.unsent() == 4
    room.outbox.prune(MIDNIGHT + room.settings.keep + timedelta(microseconds=1))
    assert room.outbox.unsent() == 0
    assert "4 reports" in caplog.text


async def test_reports_that_cannot_be_read_wait_until_they_can(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    room.outbox.close_day(DAY, MIDNIGHT, messages(3))
    room.outbox.allow()
    room.journal.connection.execute("ALTER TABLE measure_outbox RENAME TO away")
    async with room.running():
        await room.at(MIDNIGHT + SPREAD)
        with pytest.raises(StorageError, match="cannot be read"):
            room.outbox.unsent()
        assert "reading of the outbox" in room.journal.troubles.lasting
        told = len(caplog.records)
        await room.at(MIDNIGHT + SPREAD + LONGEST_RETRY)
        assert len(caplog.records) == told, "told of once"
        assert room.wire.got == []
        room.journal.connection.execute("ALTER TABLE away RENAME TO measure_outbox")
        await room.at(MIDNIGHT + SPREAD + 2 * LONGEST_RETRY + CATCH_UP)
        assert sorted(room.wire.payloads) == sorted(messages(3))
        assert not room.journal.troubles.lasting


@pytest.mark.parametrize(
    ("assignment", "is_sent"),
    [
        ("made_us = 'soon'", True),
        ("due_us = 'soon'", True),
        ("due_us = x'00ff'", True),
        ("due_us = 9223372036854775807", True),
        ("due_us = -9223372036854775807", True),
        ("topic = 'report/#'", False),
        ("topic = CAST(x'7265706f72742fff' AS TEXT)", False),
        ("topic = x'00ff'", False),
        ("sealed = 'no blob'", False),
    ],
    ids=str,
)
async def test_a_report_that_cannot_be_read_keeps_no_other_from_being_sent(
    room: Room, caplog: pytest.LogCaptureFixture, assignment: str, is_sent: bool
) -> None:
    room.outbox.close_day(DAY, MIDNIGHT, messages(4))
    room.journal.connection.execute(f"UPDATE measure_outbox SET {assignment} WHERE id IN (1, 2)")  # noqa: S608  from above
    room.outbox.allow()
    async with room.running():
        await room.at(MIDNIGHT + SPREAD)
        await room.at(MIDNIGHT + 2 * SPREAD)
        assert sorted(room.wire.payloads) == messages(4)[0 if is_sent else 2 :]
        assert room.outbox.unsent() == 0, "what can never be sent does not wait for ever"
    assert ["measure_outbox" in record.getMessage() for record in caplog.records] == [True, True] * (not is_sent)


def test_what_a_day_offered_is_known_but_for_what_cannot_be_read(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    room.outbox.offer(DAY, [PublicCreative("a", crid) for crid in "vwxyz"])
    for bad in (
        "day = 'yester' WHERE crid = 'w'",
        "crid = x'ff' WHERE crid = 'x'",
        "campaign = x'ff' WHERE crid = 'y'",
    ):
        room.journal.connection.execute(f"UPDATE measure_offered SET {bad}")  # noqa: S608  from the line above
    days = room.outbox.open_days(before=date(2099, 1, 1))
    assert days == [(DAY, [PublicCreative("a", "v"), PublicCreative("a", "z")])]
    (told,) = [record.getMessage() for record in caplog.records]
    assert "measure_offered" in told


@pytest.mark.parametrize("away", ["switched off", "without its broker", "asleep"])
async def test_what_is_late_is_not_sent_all_at_once(room: Room, tmp_path: Path, away: str) -> None:
    """Whoever opens reports, and knows no connections, would know whose they are: those of one burst."""
    room.outbox.allow()
    room.outbox.close_day(DAY, MIDNIGHT, messages(64))
    morning = MIDNIGHT + SPREAD + timedelta(hours=2)
    if away == "switched off":
        room.journal.close()
        room = Room(tmp_path, morning)
        room.outbox.allow()
    async with room.running():
        room.wire.down = away == "without its broker"
        await (room.jump_to if away == "asleep" else room.at)(morning)
        room.wire.down = False
        sent = []
        for minute in range(1, 2 * CATCH_UP // timedelta(minutes=1)):
            await room.at(morning + minute * timedelta(minutes=1))
            sent.append(len(room.wire.got))
    assert sent[-1] == 64, "and nothing is left behind"
    assert max(later - before for before, later in zip([0, *sent], sent, strict=False)) <= 8


async def test_a_disk_that_refuses_other_times_holds_nothing_up(room: Room) -> None:
    room.outbox.allow()
    room.outbox.close_day(DAY, MIDNIGHT, messages(4))
    with closing(sqlite3.connect(room.settings.database, isolation_level=None)) as another:
        another.execute("BEGIN IMMEDIATE")
        async with room.running():
            await room.jump_to(MIDNIGHT + 2 * SPREAD)
    assert len(room.wire.got) == 4
