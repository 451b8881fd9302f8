"""Past impressions by what a frequency cap counts, worked out once for a decision and only as far as it is asked."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from edge_agent.model.campaign import CapScope
from edge_agent.model.catalog import Candidate
from edge_agent.model.device import History, Impression

Key = tuple[str, ...]
"""What is counted, by its whole path: two advertisers may use the same name for a campaign or a creative."""

_OF_IMPRESSION: Final[dict[CapScope, Callable[[Impression], Key]]] = {
    CapScope.CREATIVE: lambda past: (past.advertiser, past.campaign, past.crid),
    CapScope.LINE_ITEM: lambda past: (past.advertiser, past.campaign, past.line_item),
    CapScope.CAMPAIGN: lambda past: (past.advertiser, past.campaign),
    CapScope.ADVERTISER: lambda past: (past.advertiser,),
}


class Tally:
    """Times of past impressions, by scope and key. A scope that no cap asks for costs nothing."""

    def __init__(self, history: History) -> None:
        self._impressions = history.impressions
        self._times: dict[CapScope, dict[Key, list[datetime]]] = {}

    def around(self, scope: CapScope, candidate: Candidate, now: datetime, window: timedelta) -> int:
        """Count impressions less than `window` from `now`; one exactly `window` ago is no longer in it.

        One dated ahead of `now` counts likewise, so that setting a clock back frees nothing.
        """
        times = self._of(scope, candidate)
        return bisect_left(times, now + window) - bisect_right(times, now - window) if times else 0

    def between(self, scope: CapScope, candidate: Candidate, start: datetime, end: datetime) -> int:
        """Count impressions from `start` (inclusive) to `end` (exclusive)."""
        times = self._of(scope, candidate)
        return bisect_left(times, end) - bisect_left(times, start) if times else 0

    def _of(self, scope: CapScope, candidate: Candidate) -> Sequence[datetime]:
        if scope not in self._times:
            self._times[scope] = self._indexed(scope)
        return self._times[scope].get(key_of(scope, candidate), ())

    def _indexed(self, scope: CapScope) -> dict[Key, list[datetime]]:
        key_of_impression = _OF_IMPRESSION[scope]
        found: dict[Key, list[datetime]] = {}
        for impression in self._impressions:
            found.setdefault(key_of_impression(impression), []).append(impression.at)
        return found


def key_of(scope: CapScope, candidate: Candidate) -> Key:
    """Return what the scope counts for this candidate."""
    campaign = candidate.pack.campaign
    match scope:
        case CapScope.CREATIVE:
            return (campaign.advertiser, campaign.id, candidate.creative.crid)
        case CapScope.LINE_ITEM:
            return (campaign.advertiser, campaign.id, candidate.line_item.id)
        case CapScope.CAMPAIGN:
            return (campaign.advertiser, campaign.id)
        case CapScope.ADVERTISER:
            return (campaign.advertiser,)
