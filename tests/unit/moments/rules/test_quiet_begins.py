"""When quiet hours begin: found to the second by looking again when it is said to, on every kind of night."""

from datetime import UTC, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest

from edge_agent.model.campaign import Daypart
from edge_agent.model.device import PlacementPolicy, ResidentLimits, Surroundings
from edge_agent.moments.permission import is_quiet, look_for_quiet
from tests.shelf import BERLIN, surroundings

ZONES = {
    "Berlin": BERLIN,
    "Kolkata": ZoneInfo("Asia/Kolkata"),
    "Kathmandu": ZoneInfo("Asia/Kathmandu"),
    "half an hour of summer": ZoneInfo("Australia/Lord_Howe"),
    "St. John's": ZoneInfo("America/St_Johns"),
}
AFTERNOONS = {
    "an ordinary day": datetime(2026, 11, 18, 12, 0, 1, tzinfo=UTC),
    "before Berlin loses an hour": datetime(2026, 3, 28, 20, 7, tzinfo=UTC),
    "before Berlin repeats an hour": datetime(2026, 10, 24, 20, 7, tzinfo=UTC),
    "inside the hour that Berlin repeats": datetime(2026, 10, 25, 0, 43, tzinfo=UTC),
    "before Lord Howe repeats half an hour": datetime(2026, 4, 4, 8, 7, tzinfo=UTC),
    "before St. John's loses an hour": datetime(2026, 3, 7, 20, 7, tzinfo=UTC),
}
HOURS = {
    "the night": ("22:00", "07:00"),
    "the lost and repeated hour": ("02:00", "03:00"),
    "inside it": ("02:30", "02:45"),
    "into it": ("01:30", "02:30"),
    "one minute, on no quarter": ("02:41", "02:42"),
    "with seconds": ("23:59:30", "00:00:10"),
    "a whole day": ("00:00", "00:00"),
}


def around(zone: ZoneInfo, *hours: Daypart) -> Surroundings:
    return surroundings(zone=zone, limits=ResidentLimits(quiet_hours=hours))


@pytest.mark.parametrize("zone", ZONES.values(), ids=ZONES)
@pytest.mark.parametrize("afternoon", AFTERNOONS.values(), ids=AFTERNOONS)
@pytest.mark.parametrize("hours", HOURS.values(), ids=HOURS)
def test_whoever_looks_when_told_to_finds_the_very_first_quiet_moment(
    zone: ZoneInfo, afternoon: datetime, hours: tuple[str, str]
) -> None:
    home = around(zone, Daypart.model_validate({"start": hours[0], "end": hours[1]}))
    found = afternoon
    while not is_quiet(home, found):
        looked = look_for_quiet(home, found)
        assert looked is not None
        assert found < looked <= min(found + timedelta(minutes=15), afternoon + timedelta(days=8))
        found = looked
    steps = (afternoon + timedelta(seconds=30 * number) for number in count())
    first = next(at.replace(second=at.second // 30 * 30) for at in steps if is_quiet(home, at))
    assert found == max(first, afternoon)


def test_a_day_that_is_not_quiet_is_looked_at_and_let_pass() -> None:
    home = around(BERLIN, Daypart.model_validate({"start": "22:00", "end": "07:00", "weekdays": [6]}))
    at = datetime(2026, 11, 18, 21, 59, tzinfo=BERLIN)
    looked = look_for_quiet(home, at)
    assert looked == datetime(2026, 11, 18, 22, 0, tzinfo=BERLIN)
    assert not is_quiet(home, looked)


def test_where_no_hours_are_quiet_nobody_looks() -> None:
    assert look_for_quiet(around(BERLIN), datetime(2026, 11, 18, 12, 0, tzinfo=UTC)) is None


def test_the_operators_hours_are_quiet_too() -> None:
    night = Daypart.model_validate({"start": "22:00", "end": "07:00"})
    home = surroundings(zone=BERLIN, policy=PlacementPolicy(quiet_hours=(night,)))
    assert look_for_quiet(home, datetime(2026, 11, 18, 21, 59, tzinfo=BERLIN)) == datetime(
        2026, 11, 18, 22, 0, tzinfo=BERLIN
    )
