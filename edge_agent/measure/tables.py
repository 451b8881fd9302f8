"""The room's tables, and how times are kept in them (integer microseconds since 1970, UTC)."""

from datetime import UTC, datetime, timedelta

SCHEMA = """
PRAGMA secure_delete = ON;
CREATE TABLE IF NOT EXISTS measure_plays (
    play_id TEXT PRIMARY KEY,
    decision_id TEXT NOT NULL,
    crid TEXT NOT NULL,
    line_item TEXT NOT NULL,
    campaign TEXT NOT NULL,
    advertiser TEXT NOT NULL,
    format TEXT NOT NULL,
    moment TEXT NOT NULL,
    counted INTEGER NOT NULL,
    started_us INTEGER NOT NULL,
    ended_us INTEGER,
    close_cause TEXT
);
CREATE INDEX IF NOT EXISTS measure_plays_started ON measure_plays (started_us);
CREATE TABLE IF NOT EXISTS measure_events (
    seq INTEGER PRIMARY KEY,
    play_id TEXT NOT NULL REFERENCES measure_plays ON DELETE CASCADE,
    kind TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    t_ms INTEGER NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS measure_events_play ON measure_events (play_id);
CREATE TABLE IF NOT EXISTS measure_decisions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at_us INTEGER NOT NULL,
    document BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS measure_offered (
    day TEXT NOT NULL,
    campaign TEXT NOT NULL,
    crid TEXT NOT NULL,
    PRIMARY KEY (day, campaign, crid)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS measure_days (
    day TEXT PRIMARY KEY
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS measure_looked (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    at_us INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS measure_erased (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    at_us INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS measure_outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    made_us INTEGER NOT NULL,
    due_us INTEGER NOT NULL,
    topic TEXT NOT NULL,
    sealed BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS measure_outbox_due ON measure_outbox (due_us);
CREATE INDEX IF NOT EXISTS measure_outbox_made ON measure_outbox (made_us);
"""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_us(at: datetime) -> int:
    """Return an aware time as microseconds since 1970; exact, unlike a float."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def from_us(us: int) -> datetime:
    """Return the time that `to_us` was given, in UTC."""
    return _EPOCH + timedelta(microseconds=us)
