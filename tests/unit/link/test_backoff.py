from datetime import timedelta

import pytest

from edge_agent.link.backoff import reconnect_delay

SECOND, MINUTES = timedelta(seconds=1), timedelta(minutes=5)
ALMOST_ONE = 1 - 2**-53


@pytest.mark.parametrize(
    ("failures", "ceiling_s"), [(1, 4), (2, 8), (3, 16), (7, 256), (8, 300), (9, 300), (10**9, 300)]
)
def test_the_ceiling_doubles_up_to_the_maximum(failures: int, ceiling_s: int) -> None:
    delay = reconnect_delay(failures, ALMOST_ONE, minimum=SECOND, maximum=MINUTES)
    assert delay.total_seconds() == pytest.approx(ceiling_s)


@pytest.mark.parametrize("failures", [1, 2, 50])
def test_the_luckiest_device_waits_the_minimum(failures: int) -> None:
    assert reconnect_delay(failures, 0.0, minimum=SECOND, maximum=MINUTES) == SECOND


def test_a_fleet_that_lost_its_broker_in_one_instant_comes_back_spread_out() -> None:
    draws = [device / 1000 for device in range(1000)]
    delays = sorted(reconnect_delay(1, draw, minimum=SECOND, maximum=MINUTES).total_seconds() for draw in draws)
    busiest = max(sum(1 for delay in delays if start <= delay < start + 0.1) for start in delays)
    assert busiest <= 40  # of a thousand, in the worst tenth of a second


def test_a_maximum_below_the_minimum_is_obeyed() -> None:
    assert reconnect_delay(3, 0.5, minimum=MINUTES, maximum=SECOND) == SECOND


@pytest.mark.parametrize(("failures", "draw"), [(0, 0.5), (1, 1.0), (1, -0.1)])
def test_a_caller_that_counts_wrongly_is_told(failures: int, draw: float) -> None:
    with pytest.raises(RuntimeError):
        reconnect_delay(failures, draw, minimum=SECOND, maximum=MINUTES)
