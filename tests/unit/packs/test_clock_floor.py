from datetime import UTC, datetime, timedelta

import pytest

from edge_agent.packs.trust.clock_floor import (
    CODE_DATE,
    SIGNED_AT,
    TOLERANCE,
    is_believable,
    judge_expiry_at,
    read_signed_at,
    write_signed_at,
)

FLOOR = datetime(2026, 11, 21, 12, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def test_the_code_was_written_in_the_past() -> None:
    assert datetime.now(UTC) > CODE_DATE


@pytest.mark.parametrize(
    ("now", "believed"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), False),
        (FLOOR - TOLERANCE - MILLISECOND, False),
        (FLOOR - TOLERANCE, True),
        (FLOOR, True),
        (datetime(2099, 1, 1, tzinfo=UTC), True),
    ],
)
def test_a_clock_is_believed_from_the_floor_on(now: datetime, believed: bool) -> None:
    assert is_believable(now, FLOOR) is believed


def test_expiry_is_never_judged_before_the_floor() -> None:
    assert judge_expiry_at(datetime(1970, 1, 1, tzinfo=UTC), FLOOR) == FLOOR
    assert judge_expiry_at(FLOOR + MILLISECOND, FLOOR) == FLOOR + MILLISECOND


def test_signing_times_are_read_as_they_are_written() -> None:
    assert read_signed_at({SIGNED_AT: write_signed_at(FLOOR)}, FLOOR) == FLOOR


@pytest.mark.parametrize("claim", [None, 7, "soon", "2026-11-21T12:00:00", "9999-01-01T00:00:00+00:00"])
def test_a_claim_that_makes_no_sense_is_no_claim(claim: object) -> None:
    assert read_signed_at({SIGNED_AT: claim}, FLOOR) is None
