"""The exact local record of plays and decisions, in SQLite (shell: writes files). Nothing in it leaves the device.

A write is on the disk when the call returns. While the disk is full or failing, the first write that fails raises
StorageError and later ones are held in memory, in order and bounded, until one succeeds; what is on the disk stays.
"""

import contextlib
import json
import logging
import sqlite3
import zlib
from collections import deque
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from edge_agent.database import IMPATIENT, open_database, translated
from edge_agent.measure import cells
from edge_agent.measure.decision_document import decision_document
from edge_agent.measure.journal_reader import JournalReader
from edge_agent.measure.tables import SCHEMA, to_us
from edge_agent.model.campaign import HISTORY_KEPT
from edge_agent.model.decision import Decision
from edge_agent.model.errors import StorageError
from edge_agent.model.identity import PlayId
from edge_agent.model.play import CloseCause, Play, PlayEvent
from edge_agent.troubles import Troubles

_log = logging.getLogger(__name__)

KEEP_DECISIONS: Final = 5_000
KEEP_DECISION_BYTES: Final = 16 * 2**20
HOLD_WRITES: Final = 5_000

_STEADY: Final = timedelta(days=1)

_Write = tuple[str, tuple[object, ...]]


class Journal(JournalReader):
    """Plays, their events and decisions. Used from one thread; `Outbox` shares its connection."""

    def __init__(self, path: Path, *, keep_decisions: int = KEEP_DECISIONS, troubles: Troubles | None = None) -> None:
        super().__init__(path, open_database(path, SCHEMA, whole=True, patience=IMPATIENT))
        self._keep_decisions = keep_decisions
        self._held: deque[_Write] = deque()
        self.troubles = troubles or Troubles()
        self._trouble = self.troubles.about("journal")
        self._decision_bytes = self._held_decision_bytes()
        # A power cut ended whatever was playing: its last proven event is the end that is known. A disk that is
        # full already keeps nobody from starting; the write is held like any other.
        with contextlib.suppress(StorageError):
            self._write(
                "UPDATE measure_plays SET ended_us = coalesce((SELECT max(at_us) FROM measure_events e "
                "WHERE e.play_id = measure_plays.play_id), started_us) WHERE ended_us IS NULL"
            )

    def close(self) -> None:
        """Close the database. What is held in memory is tried once more."""
        with contextlib.suppress(StorageError):
            self._flush()
        self.connection.close()

    # --- writing -----------------------------------------------------------------------------------------------

    def record_play(self, play: Play) -> None:
        """Note that `play` was asked for. It counts for nothing before its hook proves an impression."""
        campaign, creative = play.candidate.campaign, play.candidate.creative
        first_turn = not play.turn or play.turn == creative.turns[0].id
        self._write(
            "INSERT OR IGNORE INTO measure_plays VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
            play.id,
            play.decision_id,
            creative.crid,
            play.candidate.line_item.id,
            campaign.id,
            campaign.advertiser,
            creative.format.value,
            play.slot.moment.kind.value,
            int(first_turn),
            to_us(play.started_at),
        )

    def record_event(self, event: PlayEvent) -> None:
        """Note one event. Events of plays that are unknown (or were erased) are dropped."""
        self._write(
            "INSERT INTO measure_events (play_id, kind, at_us, t_ms, detail) "
            "SELECT play_id, ?, ?, ?, ? FROM measure_plays WHERE play_id = ?",
            event.kind.value,
            to_us(event.at),
            event.t_ms,
            event.detail,
            event.play_id,
        )
        if event.kind.is_final:
            self._write(
                "UPDATE measure_plays SET ended_us = ? WHERE play_id = ? AND ended_us IS NULL",
                to_us(event.at),
                event.play_id,
            )

    def record_close(self, play_id: PlayId, cause: CloseCause) -> None:
        """Note why a play was closed; the first cause stays."""
        self._write(
            "UPDATE measure_plays SET close_cause = ? WHERE play_id = ? AND close_cause IS NULL", cause, play_id
        )

    def record_decision(self, decision: Decision) -> None:
        """Keep the decision with every rejection; the oldest go when there are too many or they take too much."""
        document = zlib.compress(json.dumps(decision_document(decision)).encode(), 1)
        self._decision_bytes += len(document)
        self._write("INSERT INTO measure_decisions (at_us, document) VALUES (?, ?)", to_us(decision.at), document)
        self._write(
            "DELETE FROM measure_decisions WHERE seq <= (SELECT max(seq) FROM measure_decisions) - ?",
            self._keep_decisions,
        )
        if self._decision_bytes > KEEP_DECISION_BYTES:
            self._decision_bytes = self._held_decision_bytes()  # less what went for its number or its age
            if self._decision_bytes > KEEP_DECISION_BYTES:
                self._halve_decisions()

    def erased_at(self, now: datetime) -> datetime | None:
        """Return when the resident last erased what was on record; nothing from before it can be counted.

        Where that cannot be read any more it was `now`, and stays so: damage must not let more placements through.
        """
        rows = self.rows("SELECT at_us FROM measure_erased")
        try:
            return next((cells.time(row, "at_us") for row in rows), None)
        except ValueError as error:
            self.tell("measure_erased", error, "It counts as erased just now.")
            with contextlib.suppress(StorageError):
                self._write("INSERT OR REPLACE INTO measure_erased VALUES (1, ?)", to_us(now))
            return now

    def confirmed_time(self, now: datetime) -> datetime | None:
        """Return the last time that was looked at, if that is a day ago or more; it is what `prune` should go by.

        A clock that jumps ahead would have everything forgotten as too old; so it must first show a day more. None
        says that nothing should be forgotten yet.
        """
        rows = self.rows("SELECT at_us FROM measure_looked")
        looked_at = next(self.legible("measure_looked", rows, lambda row: cells.time(row, "at_us")), None)
        if looked_at is not None and timedelta(0) <= now - looked_at < _STEADY:
            return None
        self._write("INSERT OR REPLACE INTO measure_looked VALUES (1, ?)", to_us(now))
        return looked_at if looked_at is not None and looked_at < now else None

    def prune(self, now: datetime, keep: timedelta) -> None:
        """Forget decisions that are older than `keep`, and plays that neither a cap nor a late report may count."""
        self._write("DELETE FROM measure_plays WHERE started_us < ?", to_us(now - max(keep, HISTORY_KEPT)))
        self._write("DELETE FROM measure_decisions WHERE at_us < ?", to_us(now - keep))

    def erase(self, now: datetime) -> None:
        """Erase every play, event, decision and unsent report, from the files too (the right of erasure).

        What stays is `now`: that something was erased then, so that nobody counts from nothing (`erased_at`). Raises
        StorageError when the disk refuses; then it must be asked for again.
        """
        self._held.clear()
        _erase(self.connection, self.path, now)
        self._decision_bytes = 0

    @property
    def failing(self) -> bool:
        """Whether the disk refuses writes now, and they are held in memory."""
        return self._trouble.lasts

    # --- the disk ----------------------------------------------------------------------------------------------

    def _write(self, sql: str, *values: object) -> None:
        if len(self._held) < HOLD_WRITES:
            self._held.append((sql, values))
        try:
            self._flush()
        except StorageError as error:
            if self._trouble.begin(error):
                raise
        else:
            self._trouble.end()

    def _flush(self) -> None:
        with translated(self.connection, self.path):
            while self._held:
                sql, values = self._held[0]
                self.connection.execute(sql, values)
                self._held.popleft()

    def _halve_decisions(self) -> None:
        self._write(
            "DELETE FROM measure_decisions WHERE seq <= (SELECT (min(seq) + max(seq)) / 2 FROM measure_decisions)"
        )
        self._decision_bytes = self._held_decision_bytes()

    def _held_decision_bytes(self) -> int:
        ((held_bytes,),) = self.rows("SELECT coalesce(sum(length(document)), 0) FROM measure_decisions")
        return int(held_bytes)


def erase_journal(path: Path, now: datetime) -> None:
    """Erase the journal at `path` from another program, whether or not the agent runs. Raises StorageError."""
    with contextlib.closing(open_database(path, SCHEMA)) as connection:
        _erase(connection, path, now)


def _erase(connection: sqlite3.Connection, path: Path, now: datetime) -> None:
    """Which days were reported is kept: it says nothing of what happened, and keeps a day from being told twice."""
    with translated(connection, path):
        connection.execute("BEGIN IMMEDIATE")
        for table in ("events", "plays", "decisions", "offered", "outbox"):
            connection.execute(f"DELETE FROM measure_{table}")  # noqa: S608  names from the line above
        connection.execute("INSERT OR REPLACE INTO measure_erased VALUES (1, ?)", (to_us(now),))
        connection.execute("COMMIT")
        # Deleted pages were overwritten (secure_delete); the write-ahead log still holds their old contents.
        busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        for damaged in path.parent.glob(f"{path.name}.damaged*"):
            damaged.unlink()
    if busy:
        raise StorageError(
            f"Everything was erased, but another program still reads the log of {path}.",
            "Close it and erase again.",
        )
