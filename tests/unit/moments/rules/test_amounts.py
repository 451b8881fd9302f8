"""Spacing and caps: exactly at the limit, one below, a millisecond less, and on days of 23 and 25 hours."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from edge_agent.model.decision import PermissionRule, Refusal
from edge_agent.model.device import History, PlacementPolicy, ResidentLimits
from edge_agent.moments.permission import permit
from tests.shelf import BERLIN, NOON, history, impression, moment, surroundings

HOUR = timedelta(hours=1)
MILLISECOND = timedelta(milliseconds=1)


def refused(
    past: History,
    now: datetime = NOON,
    *,
    spacing: timedelta = timedelta(0),
    per_hour: int = 1000,
    per_day: int = 1000,
    limits: ResidentLimits | None = None,
    erased_at: datetime | None = None,
) -> tuple[PermissionRule, str] | None:
    policy = PlacementPolicy(min_spacing=spacing, max_per_hour=per_hour, max_per_day=per_day)
    around = surroundings(history=past, policy=policy, limits=limits or ResidentLimits())
    outcome = permit(moment(at=now), replace(around, erased_at=erased_at), now)
    return (outcome.rule, outcome.detail) if isinstance(outcome, Refusal) else None


# --- spacing -----------------------------------------------------------------------------------------------------


def test_spacing_counts_from_the_end_of_the_last_placement() -> None:
    spacing = timedelta(minutes=10)
    past = History((impression(NOON - timedelta(minutes=15), NOON - spacing),))
    assert refused(past, spacing=spacing) is None
    assert refused(past, NOON - MILLISECOND, spacing=spacing) == (
        PermissionRule.MIN_SPACING,
        "The last placement ended a short while ago; the next may come at 13:00.",
    )


def test_a_placement_whose_end_is_unknown_ended_when_it_began() -> None:
    past = History((impression(NOON - timedelta(minutes=10)),))
    assert refused(past, spacing=timedelta(minutes=10)) is None
    assert refused(past, spacing=timedelta(minutes=10) + MILLISECOND) is not None


def test_setting_the_clock_back_frees_nothing_and_a_wrong_year_blocks_nothing() -> None:
    spacing = timedelta(minutes=10)
    assert refused(history(NOON + timedelta(minutes=5)), spacing=spacing) is not None
    assert refused(history(NOON + timedelta(days=3650)), spacing=spacing) is None
    assert refused(history(NOON - timedelta(minutes=5), NOON + timedelta(days=3650)), spacing=spacing) is not None
    assert refused(history(NOON + timedelta(minutes=5)), per_hour=1) is not None
    assert refused(history(NOON + timedelta(days=3650)), per_hour=1, per_day=1) is None


def test_erasing_what_was_shown_lets_nothing_more_through() -> None:
    """Otherwise whoever erases now and then would never meet a limit."""
    reached = (PermissionRule.DAILY_CAP, "What was placed today was erased, so today's limit counts as reached.")
    day = timedelta(days=1)
    assert refused(History(), erased_at=NOON) == reached
    assert refused(History(), erased_at=NOON - day + MILLISECOND) == reached
    assert refused(History(), erased_at=NOON - day) is None
    assert refused(History(), erased_at=NOON + timedelta(minutes=1)) == reached, "the clock was set back"
    assert refused(History(), erased_at=NOON + timedelta(days=3650)) is None, "a clock in the wrong year"
    long_day = datetime(2026, 10, 25, 22, 59, tzinfo=UTC)  # 23:59 in Berlin, on the day that has 25 hours
    assert refused(History(), long_day, erased_at=long_day - timedelta(hours=24, minutes=30)) == reached


def test_no_spacing_is_no_spacing() -> None:
    assert refused(history(NOON), spacing=timedelta(0)) is None


# --- the hour ----------------------------------------------------------------------------------------------------


def test_one_below_the_hourly_cap_opens_and_at_the_cap_does_not() -> None:
    past = history(NOON - timedelta(minutes=50), NOON - timedelta(minutes=20))
    assert refused(past, per_hour=3) is None
    assert refused(past, per_hour=2) == (
        PermissionRule.HOURLY_CAP,
        "The limit of 2 an hour is reached; the next may come at 13:10.",
    )


def test_exactly_an_hour_ago_is_over_and_a_millisecond_less_is_not() -> None:
    assert refused(history(NOON - HOUR), per_hour=1) is None
    assert refused(history(NOON - HOUR + MILLISECOND), per_hour=1) is not None


def test_an_hour_is_an_hour_on_the_night_that_repeats_one() -> None:
    """02:30 comes twice; sixty minutes after the first is the second, whatever zone the journal wrote it in."""
    first = datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN)
    second = first.replace(fold=1)
    assert second.astimezone(UTC) - first.astimezone(UTC) == HOUR
    assert refused(history(first), second, per_hour=1) is None
    assert refused(history(first), second - timedelta(minutes=1), per_hour=1) is not None
    assert refused(history(first), second, spacing=HOUR) is None
    assert refused(history(first), second, spacing=HOUR + MILLISECOND) is not None


# --- the day -----------------------------------------------------------------------------------------------------


def test_a_day_is_the_calendar_day_of_the_device() -> None:
    evening = datetime(2026, 11, 17, 23, 59, 59, 999000, tzinfo=BERLIN)
    midnight = datetime(2026, 11, 18, 0, 0, tzinfo=BERLIN)
    assert refused(history(evening), midnight, per_day=1) is None
    assert refused(history(midnight), midnight + timedelta(hours=23, minutes=59), per_day=1) == (
        PermissionRule.DAILY_CAP,
        "The limit of 1 a day is reached; the next may come tomorrow.",
    )


def test_one_below_the_daily_cap_opens_and_at_the_cap_does_not() -> None:
    past = history(NOON - timedelta(hours=3), NOON - timedelta(hours=2))
    assert refused(past, per_day=3) is None
    assert refused(past, per_day=2) is not None


@pytest.mark.parametrize(("day", "length"), [((2026, 3, 29), 23), ((2026, 10, 25), 25)])
def test_days_of_23_and_25_hours(day: tuple[int, int, int], length: int) -> None:
    begins = datetime(*day, tzinfo=BERLIN).astimezone(UTC)
    ends = begins + timedelta(hours=length)
    assert refused(history(begins), ends - MILLISECOND, per_day=1) is not None
    assert refused(history(begins), ends, per_day=1) is None
    assert refused(history(begins - MILLISECOND), begins, per_day=1) is None


# --- whose limit -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("operator", "resident", "at_two"), [(3, 2, True), (2, 3, True), (3, None, False)])
def test_the_tighter_of_both_limits_wins(operator: int, resident: int | None, at_two: bool) -> None:
    past = history(NOON - timedelta(minutes=9), NOON - timedelta(minutes=8))
    hourly = refused(past, per_hour=operator, limits=ResidentLimits(max_per_hour=resident))
    daily = refused(past, per_day=operator, limits=ResidentLimits(max_per_day=resident))
    assert (hourly is not None) is at_two
    assert (daily is not None) is at_two


def test_zero_means_none_at_all() -> None:
    assert refused(History(), per_hour=0) == (
        PermissionRule.HOURLY_CAP,
        "No placements are allowed: the limit per hour is 0.",
    )
    assert refused(History(), limits=ResidentLimits(max_per_day=0)) == (
        PermissionRule.DAILY_CAP,
        "No placements are allowed: the limit per day is 0.",
    )


def test_history_is_counted_whatever_order_it_was_written_in() -> None:
    out_of_order = history(NOON - timedelta(minutes=1), NOON - timedelta(minutes=50))
    assert refused(out_of_order, per_hour=2) is not None
    assert refused(out_of_order, spacing=timedelta(minutes=5)) is not None
