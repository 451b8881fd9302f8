"""Instants as they cross boundaries: aware, and such that every time zone has a date for them."""

from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime

EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(9999, 12, 31, tzinfo=UTC)


def _on_every_calendar(value: datetime) -> datetime:
    if not EARLIEST <= value <= LATEST:
        raise ValueError("a time must be in 1900 or later, and no later than 9999-12-31T00:00:00Z")
    return value


Instant = Annotated[AwareDatetime, AfterValidator(_on_every_calendar)]
"""An aware `datetime`. At the very ends of the calendar, telling it in another zone would be an OverflowError."""
