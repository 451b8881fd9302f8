"""Local days meet without a gap, also in the nights when the clocks change."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.measure.days import EARLIEST, ends_at, is_believable, local_day, starts_at

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Shanghai",
    "Asia/Beirut",  # skips midnight itself
    "America/Havana",  # repeats the hour after midnight
    "Australia/Lord_Howe",  # changes by half an hour
    "Pacific/Chatham",
]


@given(day=st.dates(date(2025, 1, 2), date(2037, 12, 30)), zone=st.sampled_from(ZONES))
def test_a_days_first_and_last_instants_belong_to_it_and_the_next_ones_do_not(day: date, zone: str) -> None:
    where, tick = ZoneInfo(zone), timedelta(microseconds=1)
    start, end = starts_at(day, where), ends_at(day, where)
    assert local_day(start, where) == day
    assert local_day(end - tick, where) == day
    assert local_day(start - tick, where) == day - timedelta(days=1)
    assert local_day(end, where) == day + timedelta(days=1)


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        (date(2026, 3, 29), "Europe/Berlin", 23),
        (date(2026, 10, 25), "Europe/Berlin", 25),
        (date(2026, 3, 29), "Asia/Beirut", 23),
        (date(2026, 11, 1), "America/Havana", 25),
        (date(2026, 11, 21), "Asia/Shanghai", 24),
    ],
)
def test_the_days_on_which_clocks_change_are_as_long_as_they_are(day: date, zone: str, hours: int) -> None:
    where = ZoneInfo(zone)
    assert ends_at(day, where) - starts_at(day, where) == timedelta(hours=hours)


def test_a_clock_that_was_never_set_is_not_believed() -> None:
    assert not is_believable(datetime(1970, 1, 1, tzinfo=UTC))
    assert not is_believable(EARLIEST - timedelta(microseconds=1))
    assert is_believable(EARLIEST)
