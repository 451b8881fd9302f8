"""The one SQLite database: how it is opened. Each room that keeps something brings its own tables.

WAL, so that readers never wait; synchronous=FULL, so that what was committed survives a power cut
(https://www.sqlite.org/pragma.html#pragma_synchronous).
"""

import contextlib
import logging
import os
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from edge_agent.model.errors import StorageError

_log = logging.getLogger(__name__)

_TO_READ: Final = "Check the disk; a damaged database is moved aside when the agent starts."
_TO_WRITE: Final = "Free some space or check the disk."


PATIENT: Final = timedelta(seconds=10)
IMPATIENT: Final = timedelta(milliseconds=50)
"""How long the agent waits for another program that has the database locked: nothing else goes on meanwhile."""


def open_database(
    path: Path, schema: str, *, whole: bool = False, patience: timedelta = PATIENT
) -> sqlite3.Connection:
    """Open (and create) the database at `path`, and run `schema`, which must be idempotent.

    The connection may be used from one thread at a time and commits each statement by itself unless a
    transaction is begun with `with connection:` after `BEGIN`. A damaged file is moved aside (kept, named
    `*.damaged`) and a new one begun, since a device that cannot start helps nobody. `whole` looks at every page
    first: for the one program that has the file open for as long as it runs, and opens it before all else, since
    a page that is damaged further inside would end it at the first read, at each start. `patience` is how long it
    waits, once open, while another program has the file locked. Raises StorageError when the disk cannot be written
    at all.

    Root may be the first to open it (`edge-agent consent` before the service ever ran): a new file then belongs to
    whom the folder belongs to, since the agent must be able to write it. SQLite does the same for its own files.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _belong_to_the_folder(path)
        try:
            return _connect(path, schema, patience, whole=whole)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            _set_aside(path, error)
            _belong_to_the_folder(path)
            return _connect(path, schema, patience)
    except (sqlite3.DatabaseError, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise StorageError(
            f"The database {path} cannot be opened: {why}.", "Free some space, or check the disk and who owns it."
        ) from error


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open the existing database at `path` for another program than the agent, which may run or not.

    Changes nothing and makes no file: while nobody has it open there is no write-ahead log, and without one the file
    alone is all there is to read; otherwise the agent's own files beside it serve. Raises sqlite3.Error.
    """
    log = path.with_name(f"{path.name}-wal")
    mode = "mode=ro" if log.exists() else "mode=ro&immutable=1"
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True, timeout=10)
    connection.row_factory = sqlite3.Row
    return connection


@contextlib.contextmanager
def translated(
    connection: sqlite3.Connection, path: Path, *, reading: bool = False, what: str = "", next_step: str = ""
) -> Iterator[None]:
    """Raise StorageError where the disk refuses, or what is on it is damaged; undo a transaction that was begun.

    The error speaks of `what`, otherwise of the database, and gives `next_step`, otherwise the agent's own.
    """
    try:
        yield
    except (sqlite3.DatabaseError, OSError) as error:
        _roll_back(connection)
        if isinstance(error, (sqlite3.ProgrammingError, sqlite3.IntegrityError)):
            raise
        done, advice = ("read", _TO_READ) if reading else ("written", _TO_WRITE)
        raise StorageError(
            f"{what or f'The database {path}'} cannot be {done}: {error}.", next_step or advice
        ) from error
    except BaseException:
        _roll_back(connection)
        raise


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _set_aside(path: Path, why: sqlite3.DatabaseError) -> None:
    """Move what is damaged out of the way, with SQLite's files beside it: its log is no log of the next one."""
    aside = path.with_name(f"{path.name}.damaged")
    path.replace(aside)
    for suffix in ("-wal", "-shm"):
        beside, kept = path.with_name(f"{path.name}{suffix}"), aside.with_name(f"{aside.name}{suffix}")
        kept.unlink(missing_ok=True)  # of an earlier damage
        with contextlib.suppress(FileNotFoundError):
            beside.replace(kept)
    _log.warning("The database %s was damaged (%s) and is kept as %s; a new one is begun.", path, why, aside)


def _belong_to_the_folder(path: Path) -> None:
    if os.geteuid() != 0 or path.exists():
        return
    folder = path.parent.stat()
    try:
        with path.open("xb") as new:
            os.fchown(new.fileno(), folder.st_uid, folder.st_gid)
    except FileExistsError:
        return  # another process was quicker, and does the same


def _connect(path: Path, schema: str, patience: timedelta, *, whole: bool = False) -> sqlite3.Connection:
    timeout_s = PATIENT.total_seconds()
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=timeout_s)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.executescript(schema)
        if whole:
            _look_at_every_page(connection)
        connection.execute(f"PRAGMA busy_timeout={patience // timedelta(milliseconds=1)}")
    except BaseException:
        connection.close()
        raise
    return connection


def _look_at_every_page(connection: sqlite3.Connection) -> None:
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise sqlite3.DatabaseError(" ".join(found.split()))
