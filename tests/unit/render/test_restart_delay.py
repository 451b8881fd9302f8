"""Waits double up to their limit, and begin again after a steady life."""

from datetime import timedelta

from edge_agent.render.restart_delay import restart_delay

LEAST, MOST = timedelta(seconds=1), timedelta(seconds=5)


def test_waits_double_up_to_the_limit() -> None:
    waits: list[timedelta] = []
    for _ in range(5):
        waits.append(restart_delay(waits[-1] if waits else None, timedelta(0), LEAST, MOST))
    assert [wait.total_seconds() for wait in waits] == [1, 2, 4, 5, 5]


def test_a_minute_of_life_forgives() -> None:
    minute = timedelta(minutes=1)
    assert restart_delay(MOST, minute, LEAST, MOST) == LEAST
    assert restart_delay(MOST, minute - timedelta(milliseconds=1), LEAST, MOST) == MOST
