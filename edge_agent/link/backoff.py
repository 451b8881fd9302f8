"""How long to wait before connecting again: exponential backoff with full jitter. Pure."""

from datetime import timedelta
from typing import Final

_MOST_DOUBLINGS: Final = 40
"""Keeps the power of two small however long a broker stays away; far past any sensible maximum."""


def reconnect_delay(failures: int, draw: float, *, minimum: timedelta, maximum: timedelta) -> timedelta:
    """Return a delay, uniform over `draw` in [0, 1), between `minimum` and a ceiling that doubles with each failure.

    `failures` is 1 after the first. The first ceiling is already four times the minimum, so that a whole fleet
    which lost its broker in the same instant does not come back in the same instant. No ceiling is above `maximum`.
    Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 (full jitter).
    """
    if failures < 1 or not 0 <= draw < 1:
        raise RuntimeError(f"reconnect_delay needs failures >= 1 and 0 <= draw < 1, not {failures} and {draw}")
    floor = min(minimum, maximum)
    ceiling = min(maximum, floor * 2 ** min(failures + 1, _MOST_DOUBLINGS)) if floor < maximum else maximum
    return floor + draw * (ceiling - floor)
