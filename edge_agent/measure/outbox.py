"""The durable outbox: a day is closed into it in one transaction, a report leaves it after PUBACK (shell).

A report is in exactly one of three places: still an open day; sealed in the outbox; acknowledged by the broker. A
crash between the broker's acknowledgement and the deletion sends the very same bytes again, which the collector
drops. Reports older than `keep` are given up, so that a device which is never online again holds at most
`reports_per_day` x `keep` days of them.
"""

import asyncio
import contextlib
import logging
import re
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from edge_agent.database import translated
from edge_agent.measure import cells
from edge_agent.measure.clock import Clock, either
from edge_agent.measure.journal import Journal
from edge_agent.measure.randomiser import Draw, PublicCreative
from edge_agent.measure.tables import to_us
from edge_agent.model.errors import LinkError, StorageError
from edge_agent.settings.rooms import MeasureSettings
from edge_agent.troubles import Subject

_log = logging.getLogger(__name__)

Send = Callable[[str, bytes], Awaitable[None]]
"""Publish to a topic below the root with QoS 1; returns after PUBACK, raises LinkError otherwise."""

FIRST_RETRY: Final = timedelta(seconds=1)
LONGEST_RETRY: Final = timedelta(minutes=5)
LATE: Final = timedelta(minutes=1)
CATCH_UP: Final = timedelta(hours=1)
"""Within which what could not be sent in time is sent: one after another, reports would show whose they are."""

_TOPIC: Final = re.compile(r"report/[0-9]+")


class Outbox:
    """Open days, closed days and unsent reports of one device. `run` sends; the rest only writes.

    Nothing is sent before `allow()`. Shares the journal's database and thread.
    """

    def __init__(self, settings: MeasureSettings, journal: Journal, send: Send, *, clock: Clock, draw: Draw) -> None:
        self._settings = settings
        self._connection = journal.connection
        self._rows = journal.rows
        self._legible = journal.legible
        self._path = journal.path
        self._send = send
        self._clock = clock
        self._draw = draw
        self._allowed = False
        self._is_withdrawn = True
        self._changed = asyncio.Event()
        self._link = journal.troubles.about("sending of reports")
        self._disk = journal.troubles.about("outbox")
        self._reading = journal.troubles.about("reading of the outbox")
        self._acknowledged: set[int] = set()
        """Sent, but the disk did not let them be deleted yet."""

    # --- days --------------------------------------------------------------------------------------------------

    def offer(self, day: date, creatives: Iterable[PublicCreative]) -> None:
        """Note that the public catalog of `day` has these creatives; a closed day takes no more."""
        with translated(self._connection, self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                "INSERT OR IGNORE INTO measure_offered SELECT ?, ?, ? "
                "WHERE NOT EXISTS (SELECT 1 FROM measure_days WHERE day = ?)",
                [(day.isoformat(), creative.campaign, creative.crid, day.isoformat()) for creative in creatives],
            )
            # A clock that ran ahead opened days that have not come: they are nobody's.
            self._connection.execute("DELETE FROM measure_offered WHERE day > ?", (day.isoformat(),))
            self._connection.execute("COMMIT")

    def open_days(self, before: date) -> list[tuple[date, list[PublicCreative]]]:
        """Return the days before `before` that wait to be closed, oldest first, with what they offered."""
        rows = self._rows(
            "SELECT * FROM measure_offered WHERE day < ? ORDER BY day, campaign, crid", before.isoformat()
        )
        days: dict[date, list[PublicCreative]] = {}
        for day, creative in self._legible("measure_offered", rows, _offered):
            days.setdefault(day, []).append(creative)
        return list(days.items())

    def close_day(self, day: date, ended_at: datetime, sealed: Sequence[bytes]) -> None:
        """Take the day's sealed reports and mark it closed, both or neither.

        Each gets a random time within `send_spread` after the day's end (or after now, when that is long past),
        and a random shard, so that neither order nor moment says which reports belong together.
        """
        now = self._clock.now()
        first = max(ended_at, now)
        rows = [
            (
                to_us(now),
                to_us(first + self._settings.send_spread * self._draw()),
                f"report/{int(self._draw() * self._settings.shards)}",
                message,
            )
            for message in sealed
        ]
        with translated(self._connection, self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("INSERT INTO measure_days VALUES (?)", (day.isoformat(),))
            self._connection.execute("DELETE FROM measure_offered WHERE day = ?", (day.isoformat(),))
            self._connection.executemany(
                "INSERT INTO measure_outbox (made_us, due_us, topic, sealed) VALUES (?, ?, ?, ?)", rows
            )
            self._connection.execute("COMMIT")
        self._changed.set()

    def allow(self) -> None:
        """Send what waits from now on: the resident agrees to reports.

        What the disk did not let be withdrawn goes first: it was made under an agreement that is over.
        """
        if not self._is_withdrawn:
            self.withdraw()
        self._allowed = True
        self._changed.set()

    def withdraw(self) -> None:
        """Send nothing from now on, and delete unsent reports and open days: the resident does not agree."""
        self._allowed = self._is_withdrawn = False
        self._changed.set()
        with translated(self._connection, self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("DELETE FROM measure_outbox")
            self._connection.execute("DELETE FROM measure_offered")
            self._connection.execute("COMMIT")
        self._is_withdrawn = True

    def prune(self, now: datetime) -> None:
        """Give up what is older than `keep`."""
        oldest = now - self._settings.keep
        with translated(self._connection, self._path):
            dropped = self._connection.execute("DELETE FROM measure_outbox WHERE made_us < ?", (to_us(oldest),))
            for table in ("measure_offered", "measure_days"):
                self._connection.execute(f"DELETE FROM {table} WHERE day < ?", (oldest.date().isoformat(),))  # noqa: S608
        if dropped.rowcount:
            _log.warning("%d reports could not be sent for too long and were given up.", dropped.rowcount)

    def unsent(self) -> int:
        """Return how many reports wait. Raises StorageError when that cannot be read."""
        ((count,),) = self._rows("SELECT count(*) FROM measure_outbox")
        return int(count) - len(self._acknowledged)

    # --- sending -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Send what is due, one at a time, for ever. Failures wait longer each time, up to five minutes."""
        retry = FIRST_RETRY
        while True:
            self._changed.clear()
            now = self._clock.now()
            self._correct(now)
            entry = self._next() if self._allowed else None
            if entry is None:
                # Nobody tells of a disk that can be read again.
                again = now + LONGEST_RETRY if self._reading.lasts else None
                await either(self._clock, again, self._changed)
                continue
            number, due, topic, sealed = entry
            if due > now:
                await either(self._clock, due, self._changed)
                continue
            if now - due > LATE and retry == FIRST_RETRY and self._spread(now):
                continue
            try:
                await self._send(topic, sealed)
            except LinkError as error:
                self._link.begin(error)
                # Half of the wait is random, so that a fleet does not come back all at once.
                await either(self._clock, self._clock.now() + retry * (0.5 + self._draw() / 2), self._changed)
                retry = min(retry * 2, LONGEST_RETRY)
                continue
            self._link.end()
            retry = FIRST_RETRY
            self._delete(number)

    def _next(self) -> tuple[int, datetime, str, bytes] | None:
        """Return the report that is to be sent first; none where there is none, or the disk lets none be read.

        One that is none would be none for ever, and goes.
        """
        with self._logged(self._reading):
            while rows := self._unacknowledged():
                for row in rows:
                    try:
                        return _report(row)
                    except ValueError as error:
                        _log.warning("A report in measure_outbox cannot be read (%s) and is given up.", error)
                        self._delete(row["id"])
        return None

    def _unacknowledged(self) -> list[sqlite3.Row]:
        rows = self._rows(  # of one more than are acknowledged, one at least is not
            "SELECT id, due_us, topic, sealed FROM measure_outbox ORDER BY due_us, id LIMIT ?",
            len(self._acknowledged) + 1,
        )
        return [row for row in rows if row["id"] not in self._acknowledged]

    def _correct(self, now: datetime) -> None:
        """Draw the times of reports anew that were made by a clock that ran ahead, or they would wait for years.

        So are times that are none.
        """
        with self._logged(self._disk), translated(self._connection, self._path):
            ahead = self._connection.execute(
                "SELECT id FROM measure_outbox WHERE made_us > ? OR due_us NOT BETWEEN 0 AND ?",
                (to_us(now), to_us(now + self._settings.send_spread)),
            ).fetchall()
            for row in ahead:
                due = now + self._settings.send_spread * self._draw()
                self._connection.execute(
                    "UPDATE measure_outbox SET made_us = ?, due_us = ? WHERE id = ?",
                    (to_us(now), to_us(due), row["id"]),
                )

    def _spread(self, now: datetime) -> bool:
        """Draw the times of what is late anew (the device was off, or the broker away); False if the disk refuses."""
        within = min(self._settings.send_spread, CATCH_UP)
        with self._logged(self._disk), translated(self._connection, self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            late = self._connection.execute(
                "SELECT id FROM measure_outbox WHERE due_us < ?", (to_us(now),)
            ).fetchall()
            self._connection.executemany(
                "UPDATE measure_outbox SET due_us = ? WHERE id = ?",
                [(to_us(now + within * self._draw()), row["id"]) for row in late],
            )
            self._connection.execute("COMMIT")
        return not self._disk.lasts

    def _delete(self, number: int) -> None:
        self._acknowledged.add(number)
        with self._logged(self._disk), translated(self._connection, self._path):
            for sent in sorted(self._acknowledged):
                self._connection.execute("DELETE FROM measure_outbox WHERE id = ?", (sent,))
                self._acknowledged.discard(sent)

    @contextlib.contextmanager
    def _logged(self, subject: Subject) -> Iterator[None]:
        try:
            yield
        except StorageError as error:
            subject.begin(error)
        else:
            subject.end()


def _offered(row: sqlite3.Row) -> tuple[date, PublicCreative]:
    return date.fromisoformat(cells.text(row, "day")), PublicCreative(
        cells.text(row, "campaign"), cells.text(row, "crid")
    )


def _report(row: sqlite3.Row) -> tuple[int, datetime, str, bytes]:
    topic = cells.text(row, "topic")
    if not _TOPIC.fullmatch(topic):
        raise ValueError("topic is none of a report")
    return row["id"], cells.time(row, "due_us"), topic, cells.blob(row, "sealed")
