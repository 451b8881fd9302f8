"""Reading the journal: what `explain` and the engine's start need of it (shell: reads files)."""

import json
import logging
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from edge_agent.database import open_to_read, translated
from edge_agent.measure import cells
from edge_agent.measure.tables import to_us
from edge_agent.model.device import History, Impression
from edge_agent.model.errors import StorageError
from edge_agent.model.identity import DecisionId, PlayId
from edge_agent.model.play import CloseCause, PlayEvent, PlayEventKind, ProofOfPlay

_log = logging.getLogger(__name__)

Row = TypeVar("Row")
Meaning = TypeVar("Meaning")

_PROOFS: Final = """
    SELECT p.*, e.kind, e.at_us, e.t_ms, e.detail FROM measure_plays p
    LEFT JOIN measure_events e ON e.play_id = p.play_id
"""
_IMPRESSIONS: Final = """
    SELECT p.*, min(e.at_us) AS shown_us FROM measure_plays p
    JOIN measure_events e ON e.play_id = p.play_id AND e.kind = 'impression'
    WHERE p.counted IS NOT 0 GROUP BY p.play_id HAVING shown_us >= ? ORDER BY shown_us, p.play_id
"""


class JournalReader:
    """What is on record. `open_readonly` is for other programs, while the agent writes."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.connection = connection
        self._told: set[str] = set()

    @classmethod
    def open_readonly(cls, path: Path) -> Self:
        """Open an existing journal, changing nothing. Raises StorageError when it cannot be read or is none."""
        try:
            connection = open_to_read(path)
            connection.execute("SELECT 1 FROM measure_plays, measure_decisions LIMIT 1").fetchone()
        except sqlite3.Error as error:
            raise StorageError(
                f"The journal {path} cannot be read: {error}.",
                "Start the agent once, check the path, and run this as a user who may read it.",
            ) from error
        return cls(path, connection)

    def close(self) -> None:
        """Close the database."""
        self.connection.close()

    def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        """Return every row of a query. Raises StorageError when the disk, or what is on it, cannot be read."""
        with translated(self.connection, self.path, reading=True):
            try:
                return self.connection.execute(sql, values).fetchall()
            except sqlite3.OperationalError as error:
                if "UTF-8" not in str(error):
                    raise
            self.connection.text_factory = cells.as_text  # slower than SQLite's own, so only since it is needed
            return self.connection.execute(sql, values).fetchall()

    def legible(self, table: str, rows: Iterable[Row], meaning: Callable[[Row], Meaning]) -> Iterator[Meaning]:
        """Yield what each row of `table` means. One that means nothing is left out; of a table that is told once.

        `meaning` raises ValueError for such a row.
        """
        for row in rows:
            try:
                meant = meaning(row)
            except ValueError as error:
                self.tell(table, error, "Such rows are left out.")
            else:
                yield meant

    def tell(self, table: str, error: ValueError, consequence: str) -> None:
        """Say that a row of `table` cannot be read, and what comes of it: once a table."""
        if table not in self._told:
            self._told.add(table)
            _log.warning(
                "A row of %s in %s cannot be read (%s). %s Check the disk.", table, self.path, error, consequence
            )

    def history(self, since: datetime) -> History:
        """Return the impressions that hooks proved at or after `since`, oldest first.

        A dialogue counts once: its later turns are the same impression. Where part of a play cannot be read, the rest
        counts: its time alone for the limits of the whole device. Damage must not let more placements through.
        """
        rows = self.rows(_IMPRESSIONS, to_us(since))
        shown = tuple(self.legible("measure_plays", rows, self._impression))
        return History(tuple(impression for impression in shown if impression.at >= since))

    def proofs(self, limit: int) -> list[ProofOfPlay]:
        """Return the `limit` plays that were recorded last, newest first, whatever the clock said then."""
        newest = "p.rowid IN (SELECT rowid FROM measure_plays ORDER BY rowid DESC LIMIT ?)"
        rows = self.rows(f"{_PROOFS} WHERE {newest} ORDER BY p.rowid, e.seq", limit)
        return list(self._proofs(rows))[::-1]

    def proofs_between(self, start: datetime, end: datetime) -> list[ProofOfPlay]:
        """Return the plays that started from `start` (inclusive) to `end` (exclusive), oldest first."""
        rows = self.rows(
            f"{_PROOFS} WHERE p.started_us >= ? AND p.started_us < ? ORDER BY p.started_us, p.rowid, e.seq",
            to_us(start),
            to_us(end),
        )
        return list(self._proofs(rows))

    def proofs_of(self, decisions: Iterable[str]) -> list[ProofOfPlay]:
        """Return the plays that came of the decisions with these ids, in the order in which they were recorded."""
        wanted = "p.decision_id IN (SELECT value FROM json_each(?))"
        rows = self.rows(f"{_PROOFS} WHERE {wanted} ORDER BY p.rowid, e.seq", json.dumps(list(decisions)))
        return list(self._proofs(rows))

    def decisions(self, limit: int) -> list[dict[str, Any]]:
        """Return the newest `limit` decisions as JSON-ready documents (`decision_document`), newest first."""
        rows = self.rows("SELECT document FROM measure_decisions ORDER BY seq DESC LIMIT ?", limit)
        return list(self.legible("measure_decisions", rows, _document))

    def _impression(self, play: sqlite3.Row) -> Impression:
        """Return what of a play can be read, an empty name where one cannot; ValueError where its time cannot."""
        part = partial(self._part, "measure_plays", play)
        shown_at = self._part("measure_events", play, cells.time, "shown_us", None)
        return Impression(
            play_id=PlayId(part(cells.text, "play_id", "")),
            at=shown_at or cells.time(play, "started_us"),
            ended_at=part(cells.time_or_none, "ended_us", None),
            crid=part(cells.text, "crid", ""),
            line_item=part(cells.text, "line_item", ""),
            campaign=part(cells.text, "campaign", ""),
            advertiser=part(cells.text, "advertiser", ""),
        )

    def _part(
        self,
        table: str,
        play: sqlite3.Row,
        read: Callable[[sqlite3.Row, str], Meaning],
        column: str,
        otherwise: Meaning,
    ) -> Meaning:
        try:
            return read(play, column)
        except ValueError as error:
            self.tell(table, error, "What can be read of such plays still counts towards limits.")
            return otherwise

    def _proofs(self, rows: Iterable[sqlite3.Row]) -> Iterator[ProofOfPlay]:
        """Group joined rows, in which a play's events follow each other, into proofs."""
        for _, joined in groupby(rows, key=itemgetter("play_id")):
            of_play = list(joined)
            events = self.legible("measure_events", (row for row in of_play if row["kind"] is not None), _event)
            yield from self.legible("measure_plays", of_play[:1], partial(_proof, events=tuple(events)))


def _event(row: sqlite3.Row) -> PlayEvent:
    return PlayEvent(
        play_id=PlayId(cells.text(row, "play_id")),
        kind=PlayEventKind(row["kind"]),
        at=cells.time(row, "at_us"),
        t_ms=cells.number(row, "t_ms"),
        detail=cells.text(row, "detail"),
    )


def _proof(play: sqlite3.Row, events: tuple[PlayEvent, ...]) -> ProofOfPlay:
    return ProofOfPlay(
        play_id=PlayId(cells.text(play, "play_id")),
        crid=cells.text(play, "crid"),
        line_item=cells.text(play, "line_item"),
        campaign=cells.text(play, "campaign"),
        advertiser=cells.text(play, "advertiser"),
        format=cells.text(play, "format"),
        moment=cells.text(play, "moment"),
        started_at=cells.time(play, "started_us"),
        ended_at=cells.time_or_none(play, "ended_us"),
        events=events,
        decision_id=DecisionId(cells.text(play, "decision_id")),
        close_cause=None if play["close_cause"] is None else CloseCause(play["close_cause"]),
    )


def _document(row: sqlite3.Row) -> dict[str, Any]:
    try:
        document = json.loads(zlib.decompress(cells.blob(row, "document")))
    except (zlib.error, RecursionError) as error:
        raise ValueError("document is none") from error
    if not isinstance(document, dict):
        raise ValueError("document is no object")  # noqa: TRY004  what is stored is bad, not our code
    return document
