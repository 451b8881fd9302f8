from datetime import timedelta

from edge_agent.packs.pauses import backoff, spread

FIRST, LONGEST = timedelta(seconds=2), timedelta(minutes=5)


def test_success_needs_no_pause() -> None:
    assert backoff(0, 0.5, FIRST, LONGEST) is None


def test_pauses_double_up_to_the_longest() -> None:
    pauses = [backoff(failures, 0.5, FIRST, LONGEST) for failures in range(1, 12)]
    assert pauses[:4] == [timedelta(seconds=seconds) for seconds in (2, 4, 8, 16)]
    assert pauses[-1] == LONGEST == backoff(10_000, 0.5, FIRST, LONGEST)


def test_a_fleet_does_not_return_in_step() -> None:
    assert backoff(1, 0.0, FIRST, LONGEST) == FIRST / 2
    assert backoff(1, 0.999, FIRST, LONGEST) == FIRST * 1.499
    assert spread(LONGEST, 0.0) == LONGEST * 0.9
    assert spread(LONGEST, 1.0) == LONGEST * 1.1
