"""Past impressions inside a span of time, found by bisection. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta

from edge_agent.model.device import History, Impression


def around(history: History, now: datetime, window: timedelta) -> Sequence[Impression]:
    """Return impressions less than `window` from `now`, oldest first; one exactly `window` ago is no longer in it.

    Those dated after `now` were written before the clock was set back; less than a window ahead they still count,
    so that setting a clock back frees nothing. Further ahead they were written by a clock that was wrong.
    """
    past = history.impressions
    first = bisect_right(past, now - window, key=_at)
    return past[first : bisect_left(past, now + window, key=_at)]


def between(history: History, start: datetime, end: datetime) -> Sequence[Impression]:
    """Return impressions from `start` (inclusive) to `end` (exclusive), oldest first."""
    past = history.impressions
    return past[bisect_left(past, start, key=_at) : bisect_left(past, end, key=_at)]


def _at(impression: Impression) -> datetime:
    return impression.at
