"""Reading the journal: what `explain` and the engine's start need of it (shell: reads files)."""

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from edge_agent.database import open_to_read, translated
from edge_agent.measure.tables import from_us, to_us
from edge_agent.model.device import History, Impression
from edge_agent.model.errors import StorageError
from edge_agent.model.formats import Format
from edge_agent.model.identity import DecisionId, PlayId
from edge_agent.model.play import CloseCause, PlayEvent, PlayEventKind, ProofOfPlay

_PROOFS = """
    SELECT p.*, e.kind, e.at_us, e.t_ms, e.detail FROM measure_plays p
    LEFT JOIN measure_events e ON e.play_id = p.play_id
"""
_IMPRESSIONS = """
    SELECT p.*, min(e.at_us) AS shown_us FROM measure_plays p
    JOIN measure_events e ON e.play_id = p.play_id AND e.kind = 'impression'
    WHERE p.counted GROUP BY p.play_id HAVING shown_us >= ? ORDER BY shown_us, p.play_id
"""


class JournalReader:
    """What is on record. `open_readonly` is for other programs, while the agent writes."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.connection = connection

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
            return self.connection.execute(sql, values).fetchall()

    def history(self, since: datetime) -> History:
        """Return the impressions that hooks proved at or after `since`, oldest first.

        A dialogue counts once: its later turns are the same impression.
        """
        rows = self.rows(_IMPRESSIONS, to_us(since))
        return History(
            tuple(
                Impression(
                    play_id=PlayId(row["play_id"]),
                    at=from_us(row["shown_us"]),
                    ended_at=None if row["ended_us"] is None else from_us(row["ended_us"]),
                    crid=row["crid"],
                    line_item=row["line_item"],
                    campaign=row["campaign"],
                    advertiser=row["advertiser"],
                    format=Format(row["format"]),
                )
                for row in rows
            )
        )

    def erased_at(self) -> datetime | None:
        """Return when the resident last erased what was on record; nothing from before it can be counted."""
        rows = self.rows("SELECT at_us FROM measure_erased")
        return from_us(rows[0]["at_us"]) if rows else None

    def proofs(self, limit: int) -> list[ProofOfPlay]:
        """Return the newest `limit` plays, newest first."""
        newest = "p.play_id IN (SELECT play_id FROM measure_plays ORDER BY started_us DESC, rowid DESC LIMIT ?)"
        rows = self.rows(f"{_PROOFS} WHERE {newest} ORDER BY p.started_us, p.rowid, e.seq", limit)
        return list(_proofs(rows))[::-1]

    def proofs_between(self, start: datetime, end: datetime) -> list[ProofOfPlay]:
        """Return the plays that started from `start` (inclusive) to `end` (exclusive), oldest first."""
        rows = self.rows(
            f"{_PROOFS} WHERE p.started_us >= ? AND p.started_us < ? ORDER BY p.started_us, p.rowid, e.seq",
            to_us(start),
            to_us(end),
        )
        return list(_proofs(rows))

    def decisions(self, limit: int) -> list[dict[str, Any]]:
        """Return the newest `limit` decisions as JSON-ready documents (`decision_document`), newest first."""
        rows = self.rows("SELECT document FROM measure_decisions ORDER BY seq DESC LIMIT ?", limit)
        return [json.loads(zlib.decompress(row["document"])) for row in rows]


def _proofs(rows: Iterable[sqlite3.Row]) -> Iterator[ProofOfPlay]:
    """Group joined rows, in which a play's events follow each other, into proofs."""
    play: sqlite3.Row | None = None
    events: list[PlayEvent] = []
    for row in rows:
        if play is not None and row["play_id"] != play["play_id"]:
            yield _proof(play, events)
            events = []
        play = row
        if row["kind"] is not None:
            kind = PlayEventKind(row["kind"])
            events.append(PlayEvent(PlayId(row["play_id"]), kind, from_us(row["at_us"]), row["t_ms"], row["detail"]))
    if play is not None:
        yield _proof(play, events)


def _proof(play: sqlite3.Row, events: list[PlayEvent]) -> ProofOfPlay:
    return ProofOfPlay(
        play_id=PlayId(play["play_id"]),
        crid=play["crid"],
        line_item=play["line_item"],
        campaign=play["campaign"],
        advertiser=play["advertiser"],
        format=play["format"],
        moment=play["moment"],
        started_at=from_us(play["started_us"]),
        ended_at=None if play["ended_us"] is None else from_us(play["ended_us"]),
        events=tuple(events),
        decision_id=DecisionId(play["decision_id"]),
        close_cause=None if play["close_cause"] is None else CloseCause(play["close_cause"]),
    )
