"""The resident's own choices, kept on the device and nowhere else (shell: SQLite)."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from edge_agent.database import IMPATIENT, open_database, open_to_read, translated
from edge_agent.model.device import Consent, ResidentLimits
from edge_agent.model.errors import StorageError

_log = logging.getLogger(__name__)

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS resident (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    consent TEXT NOT NULL,
    limits TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS muted (only INTEGER PRIMARY KEY CHECK (only = 1)) STRICT;
"""


def read_resident(database: Path) -> tuple[Consent, ResidentLimits]:
    """Return what is on record in `database`, for other programs: nothing is written, made or locked.

    Raises StorageError when there is a database that cannot be read.
    """
    try:
        database.stat()
        with closing(open_to_read(database)) as connection:
            if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'resident'").fetchone() is None:
                return Consent(), ResidentLimits()
            return _load(connection, database)
    except FileNotFoundError:
        return Consent(), ResidentLimits()
    except (OSError, sqlite3.Error) as error:
        raise StorageError(
            f"The resident's choices in {database} cannot be read: {error}.",
            "Run this as the agent's user: sudo -u edge-agent edge-agent consent show",
        ) from error


def _load(connection: sqlite3.Connection, database: Path) -> tuple[Consent, ResidentLimits]:
    # As blobs, since SQLite's own reading of a text ends at what is no UTF-8.
    row = connection.execute("SELECT CAST(consent AS BLOB), CAST(limits AS BLOB) FROM resident").fetchone()
    if row is None:
        return Consent(), ResidentLimits()
    try:
        return Consent.model_validate_json(row[0]), ResidentLimits.model_validate_json(row[1])
    except ValidationError:
        _log.warning(
            "The row of the table resident in %s cannot be read and counts as never given. "
            "Ask the resident anew: edge-agent consent.",
            database,
        )
        return Consent(), ResidentLimits()


class ResidentStore:
    """Consent and limits in the one database. What cannot be read counts as never given: empty means no."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._connection = open_database(database, _SCHEMA, patience=IMPATIENT)

    def load(self) -> tuple[Consent, ResidentLimits]:
        """Return what the resident decided, or no consent and no limits.

        Raises StorageError when that cannot be read.
        """
        with translated(self._connection, self._database, reading=True):
            return _load(self._connection, self._database)

    def save(self, consent: Consent, limits: ResidentLimits) -> None:
        """Make a choice durable before returning. Raises StorageError when the disk refuses."""
        self._write(
            "INSERT INTO resident VALUES (1, ?, ?) "
            "ON CONFLICT (only) DO UPDATE SET consent = excluded.consent, limits = excluded.limits",
            consent.model_dump_json(),
            limits.model_dump_json(),
        )

    def is_muted(self) -> bool:
        """Return whether the resident muted the microphone and has not unmuted it since.

        Raises StorageError when that cannot be read.
        """
        with translated(self._connection, self._database, reading=True):
            return self._connection.execute("SELECT 1 FROM muted").fetchone() is not None

    def save_muted(self, *, on: bool) -> None:
        """Remember that the microphone is muted, or not, over restarts. Raises StorageError when the disk refuses."""
        self._write("INSERT OR IGNORE INTO muted VALUES (1)" if on else "DELETE FROM muted")

    def _write(self, sql: str, *values: str) -> None:
        advice = "Free some space or check the disk; the choice holds until then."
        with translated(self._connection, self._database, what="The resident's choice", next_step=advice):
            self._connection.execute(sql, values)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()
