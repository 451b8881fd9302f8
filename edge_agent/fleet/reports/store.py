"""What the collector keeps: counters, and digests of messages it has seen (shell: SQLite).

An answer is not kept beside the message it came in: nobody who later gets both this file and the broker's log can
tell whose answer was what without the private key.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from edge_agent.database import open_database, translated
from edge_agent.model.report import ImpressionReport, Reached

STORE_NAME: Final = "reports.sqlite"
"""The file in a fleet's folder."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS seen (digest BLOB PRIMARY KEY, day TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counters (
    day TEXT NOT NULL, campaign TEXT NOT NULL, crid TEXT NOT NULL, epsilon REAL NOT NULL, answer TEXT NOT NULL,
    reports INTEGER NOT NULL,
    PRIMARY KEY (day, campaign, crid, epsilon, answer)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Counter:
    """How many reports gave this answer to this question."""

    day: date
    campaign: str
    crid: str
    epsilon: float
    answer: Reached
    reports: int


class ReportStore:
    """The collector's file. Several processes may share it; a message counts once for all of them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = open_database(path, _SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def add(self, opened: Iterable[tuple[bytes, ImpressionReport]]) -> int:
        """Count reports by their message's digest, all or none; return how many were new."""
        new = 0
        with translated(self._connection, self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            for digest, report in opened:
                inserted = self._connection.execute(
                    "INSERT OR IGNORE INTO seen VALUES (?, ?)", (digest, report.day.isoformat())
                )
                if not inserted.rowcount:
                    continue
                new += 1
                self._connection.execute(
                    "INSERT INTO counters VALUES (?, ?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET reports = reports + 1",
                    (report.day.isoformat(), report.campaign, report.crid, report.epsilon, report.answer.value),
                )
            self._connection.execute("COMMIT")
        return new

    def forget_seen_before(self, day: date) -> None:
        """Forget the digests of messages about days before `day`, which are refused by then. Counters stay."""
        with translated(self._connection, self._path):
            self._connection.execute("DELETE FROM seen WHERE day < ?", (day.isoformat(),))

    def counters(self) -> list[Counter]:
        """Return every counter, by campaign, creative and day. Raises StorageError when they cannot be read."""
        what, advice = f"The counted reports in {self._path}", "Check the disk, or put a copy of it in its place."
        with translated(self._connection, self._path, reading=True, what=what, next_step=advice):
            rows = self._connection.execute("SELECT * FROM counters ORDER BY campaign, crid, day, epsilon, answer")
            return [_counter(row) for row in rows]


def _counter(row: sqlite3.Row) -> Counter:
    try:
        day, answer = date.fromisoformat(row["day"]), Reached(row["answer"])
    except (TypeError, ValueError) as error:
        raise sqlite3.DataError(str(error)) from error
    return Counter(day, row["campaign"], row["crid"], row["epsilon"], answer, row["reports"])
