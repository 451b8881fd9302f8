"""What the cells of a row say (pure). Each raises ValueError, naming the column, for one that says no such thing.

The tables take anything, and what is in them may be anything: bits fall over, and later agents know more words.
"""

import sqlite3
from datetime import datetime

from edge_agent.measure.tables import from_us


def as_text(raw: bytes) -> str:
    """Return text as SQLite keeps it; what is no UTF-8 in it is kept for `text` to find."""
    return raw.decode(errors="surrogateescape")


def text(row: sqlite3.Row, column: str) -> str:
    """Return a text."""
    cell = row[column]
    if not isinstance(cell, str) or any("\ud800" <= char <= "\udfff" for char in cell):
        raise ValueError(f"{column} is no text")
    return cell


def number(row: sqlite3.Row, column: str) -> int:
    """Return a whole number."""
    cell = row[column]
    if not isinstance(cell, int):
        raise ValueError(f"{column} is no whole number")  # noqa: TRY004  what is stored is bad, not our code
    return cell


def blob(row: sqlite3.Row, column: str) -> bytes:
    """Return bytes."""
    cell = row[column]
    if not isinstance(cell, bytes):
        raise ValueError(f"{column} is no blob")  # noqa: TRY004  what is stored is bad, not our code
    return cell


def time(row: sqlite3.Row, column: str) -> datetime:
    """Return a time that `to_us` was given."""
    try:
        return from_us(number(row, column))
    except OverflowError as error:
        raise ValueError(f"{column} is no time") from error


def time_or_none(row: sqlite3.Row, column: str) -> datetime | None:
    """Return such a time, or None where there is none."""
    return None if row[column] is None else time(row, column)
