"""Local calendar days as spans of time (pure). DST days are 23 or 25 hours long; the spans meet without a gap."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo

EARLIEST = datetime(2025, 1, 1, tzinfo=UTC)
"""No device with this software lived before; a clock that says so has not been set (a Pi wakes up in 1970)."""


def is_believable(now: datetime) -> bool:
    """Whether a clock that shows `now` may open and close days."""
    return now >= EARLIEST


def local_day(at: datetime, zone: tzinfo) -> date:
    """Return the calendar day at `at` (aware) in `zone`."""
    return at.astimezone(zone).date()


def starts_at(day: date, zone: tzinfo) -> datetime:
    """Return the first instant of `day` in `zone`, in UTC.

    Where the clocks skip midnight itself, Python reads 00:00 with the offset before the gap (PEP 495), which is the
    instant of the change and so the day's first.
    """
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def ends_at(day: date, zone: tzinfo) -> datetime:
    """Return the first instant that no longer belongs to `day`, in UTC."""
    return starts_at(day + timedelta(days=1), zone)
