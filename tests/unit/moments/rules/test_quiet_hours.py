"""Quiet hours on the wall clock: both ends, across midnight, on weekdays, and on the nights when clocks change."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel, ValidationError

from edge_agent.model.campaign import Daypart
from edge_agent.model.decision import PermissionRule, Refusal
from edge_agent.model.device import PlacementPolicy, ResidentLimits
from edge_agent.model.moment import Slot
from edge_agent.moments.permission import permit
from tests.shelf import BERLIN, moment, surroundings

KOLKATA = ZoneInfo("Asia/Kolkata")
"""Half an hour off, and without summer time."""


def hours(start: str, end: str, **more: Any) -> Daypart:
    return Daypart.model_validate({"start": start, "end": end, **more})


def answer(at: datetime, *quiet: Daypart, zone: ZoneInfo = BERLIN) -> str | None:
    """Return the refusal's sentence at that time, whoever set the hours; None where a slot opens."""
    answers: set[str | None] = set()
    whose: tuple[dict[str, Any], ...] = (
        {"limits": ResidentLimits(quiet_hours=quiet)},
        {"policy": PlacementPolicy(quiet_hours=quiet, min_spacing=timedelta(0))},
    )
    for settings in whose:
        outcome = permit(moment(at=at), surroundings(zone=zone, **settings), at)
        if isinstance(outcome, Slot):
            answers.add(None)
        else:
            assert outcome.rule is PermissionRule.QUIET_HOURS
            answers.add(outcome.detail)
    assert len(answers) == 1
    return answers.pop()


@pytest.mark.parametrize(
    ("local", "quiet"),
    [
        ("21:59:59.999999", False),
        ("22:00:00", True),
        ("23:59:59.999999", True),
        ("00:00:00", True),
        ("06:59:59.999999", True),
        ("07:00:00", False),
    ],
)
@pytest.mark.parametrize("zone", [BERLIN, KOLKATA])
def test_both_ends_across_midnight(local: str, quiet: bool, zone: ZoneInfo) -> None:
    at = datetime.fromisoformat(f"2026-11-18T{local}").replace(tzinfo=zone)
    assert answer(at, hours("22:00", "07:00"), zone=zone) == ("Quiet hours until 07:00." if quiet else None)


def test_hours_belong_to_the_device_and_not_to_whoever_keeps_the_time() -> None:
    at = datetime(2026, 11, 18, 21, 30, tzinfo=UTC)
    assert answer(at, hours("22:00", "07:00"), zone=BERLIN) == "Quiet hours until 07:00."
    assert answer(at, hours("22:00", "02:00"), zone=KOLKATA) is None


def test_weekdays_are_those_on_which_the_hours_start() -> None:
    friday_night = hours("22:00", "06:00", weekdays=(5,))
    assert answer(datetime(2026, 11, 20, 23, 0, tzinfo=BERLIN), friday_night) == "Quiet hours until 06:00."
    assert answer(datetime(2026, 11, 21, 5, 59, tzinfo=BERLIN), friday_night) == "Quiet hours until 06:00."
    assert answer(datetime(2026, 11, 20, 5, 59, tzinfo=BERLIN), friday_night) is None
    assert answer(datetime(2026, 11, 21, 23, 0, tzinfo=BERLIN), friday_night) is None


def test_hours_that_follow_each_other_are_told_as_one() -> None:
    at = datetime(2026, 11, 18, 21, 0, tzinfo=BERLIN)
    assert answer(at, hours("20:00", "22:00"), hours("21:30", "06:30")) == "Quiet hours until 06:30."


def test_a_quiet_weekend_names_the_day() -> None:
    weekend = hours("00:00", "00:00", weekdays=(6, 7))
    assert answer(datetime(2026, 11, 20, 23, 59, tzinfo=BERLIN), weekend) is None
    assert answer(datetime(2026, 11, 21, 0, 0, tzinfo=BERLIN), weekend) == "Quiet until Monday 00:00."


def test_always_quiet_is_said_so() -> None:
    always = hours("00:00", "00:00")
    assert answer(datetime(2026, 11, 18, 12, 0, tzinfo=BERLIN), always) == "Quiet hours are all day, every day."


def test_the_night_that_loses_an_hour() -> None:
    """2026-03-29, Berlin: 01:59 is followed by 03:00."""
    last = datetime(2026, 3, 29, 0, 59, tzinfo=UTC)
    first = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    skipped = hours("02:00", "03:00")
    assert answer(last, skipped) is None
    assert answer(first, skipped) is None
    assert answer(last, hours("22:00", "02:30")) == "Quiet hours until 02:30."
    assert answer(first, hours("22:00", "02:30")) is None
    assert answer(first, hours("22:00", "07:00")) == "Quiet hours until 07:00."
    assert answer(datetime(2026, 3, 29, 4, 59, tzinfo=UTC), hours("22:00", "07:00")) == "Quiet hours until 07:00."
    assert answer(datetime(2026, 3, 29, 5, 0, tzinfo=UTC), hours("22:00", "07:00")) is None


def test_the_night_that_repeats_an_hour() -> None:
    """2026-10-25, Berlin: 02:59 is followed by 02:00 again."""
    repeated = hours("02:00", "03:00")
    for minutes in (0, 59, 60, 119):
        at = datetime(2026, 10, 25, 0, 0, tzinfo=UTC) + timedelta(minutes=minutes)
        assert answer(at, repeated) == "Quiet hours until 03:00."
    assert answer(datetime(2026, 10, 24, 23, 59, tzinfo=UTC), repeated) is None
    assert answer(datetime(2026, 10, 25, 2, 0, tzinfo=UTC), repeated) is None


def test_without_quiet_hours_no_hour_is_quiet() -> None:
    start = datetime(2026, 11, 16, 0, 0, tzinfo=BERLIN)
    assert all(answer(start + timedelta(hours=hour)) is None for hour in range(24 * 7))


def test_the_tighter_of_both_wins_and_neither_widens_the_other() -> None:
    at = datetime(2026, 11, 18, 21, 0, tzinfo=BERLIN)
    both = surroundings(
        limits=ResidentLimits(quiet_hours=(hours("12:00", "13:00"),)),
        policy=PlacementPolicy(quiet_hours=(hours("20:00", "08:00"),)),
    )
    assert isinstance(permit(moment(at=at), both, at), Refusal)


@pytest.mark.parametrize("whose", [ResidentLimits, PlacementPolicy])
def test_there_are_no_more_hours_than_can_be_looked_at_while_a_press_waits(whose: type[BaseModel]) -> None:
    """Hours a minute long that follow each other all week took seconds to find the end of, at each moment."""
    minutes = [hours(f"{minute // 60:02}:{minute % 60:02}", "00:00") for minute in range(33)]
    assert whose.model_validate({"quiet_hours": minutes[:32]})
    with pytest.raises(ValidationError, match="quiet_hours"):
        whose.model_validate({"quiet_hours": minutes})
    with pytest.raises(ValidationError, match="weekdays"):
        hours("22:00", "07:00", weekdays=[1] * 8)
