"""How often a candidate, or what it belongs to, was shown within a window of time. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime

from edge_agent.model.campaign import CapScope, FrequencyCap
from edge_agent.model.catalog import Candidate
from edge_agent.model.device import History


def at_cap(history: History, cap: FrequencyCap, candidate: Candidate, now: datetime) -> bool:
    """Whether as many impressions as the cap allows lie less than its window from `now`.

    One exactly a window ago is no longer in it. One dated ahead of `now` counts like one as long ago, so that setting
    a clock back frees nothing.
    """
    times = _times(history, cap.scope, candidate)
    if len(times) < cap.count:
        return False
    return bisect_left(times, now + cap.per) - bisect_right(times, now - cap.per) >= cap.count


def between(history: History, scope: CapScope, candidate: Candidate, start: datetime, end: datetime) -> int:
    """Count impressions from `start` (inclusive) to `end` (exclusive)."""
    times = _times(history, scope, candidate)
    return bisect_left(times, end) - bisect_left(times, start) if times else 0


def _times(history: History, scope: CapScope, candidate: Candidate) -> Sequence[datetime]:
    campaign = candidate.pack.campaign
    return history.times(scope, campaign.advertiser, campaign.id, candidate.line_item.id, candidate.creative.crid)
