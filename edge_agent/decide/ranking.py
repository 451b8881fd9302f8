"""Which of several eligible candidates: priority, then urgency of pacing, then a lot by share of voice. Pure.

The lot is drawn between line items by their weight, and only then between the creatives of the winner, so that a
line item with many creatives is not heard more often than was booked. It remembers nothing: a line item that had no
chance at noon, for its hours or its caps, takes nothing from others in the evening to catch up. Catching up is what
even pacing is for.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from edge_agent.decide.plan import behind
from edge_agent.decide.question import Question
from edge_agent.model.catalog import Candidate
from edge_agent.model.wording import Said, Wording

Booking = tuple[str, str, str]
"""Advertiser, campaign and line item: what voice is shared between."""

_PRIORITY: Final = Wording("outranked.priority", "A line item of higher priority was chosen ({winner} before {own}).")
_SAME_ITEM: Final = Wording("outranked.same_item", "Another creative of the same line item was chosen.")
_URGENCY: Final = Wording("outranked.urgency", "A line item that is further behind its plan was chosen.")
_LOT: Final = Wording(
    "outranked.lot", "Another line item was drawn by lot; the chance of this one was {weight} in {total}."
)


@dataclass(frozen=True, slots=True)
class Ranking:
    """The winner, and how it won: the weights of the bookings in the lot, and their total."""

    winner: Candidate
    weights: dict[Booking, int]
    total: int

    def why_not(self, loser: Candidate) -> Said:
        """Say in one plain sentence why this eligible candidate was not chosen."""
        own, winners = loser.line_item.priority, self.winner.line_item.priority
        if own < winners:
            return _PRIORITY(winner=winners, own=own)
        item = _booking(loser)
        if item == _booking(self.winner):
            return _SAME_ITEM()
        if item not in self.weights:
            return _URGENCY()
        return _LOT(weight=self.weights[item], total=self.total)


def rank(eligible: Sequence[Candidate], question: Question, draw: float) -> Ranking:
    """Choose one of at least one eligible candidates. `draw` is uniform in [0, 1)."""
    top = max(candidate.line_item.priority for candidate in eligible)
    by_item: dict[Booking, list[Candidate]] = {}
    for candidate in eligible:
        if candidate.line_item.priority == top:
            by_item.setdefault(_booking(candidate), []).append(candidate)
    late = {item: behind(candidates[0], question) for item, candidates in by_item.items()}
    latest = max(late.values())
    weights = {item: by_item[item][0].line_item.weight for item in by_item if late[item] == latest}
    item, rest = _drawn(weights, draw)
    creatives = by_item[item]
    winner = creatives[int(rest * len(creatives))]
    return Ranking(winner, weights, sum(weights.values()))


def _drawn(weights: dict[Booking, int], draw: float) -> tuple[Booking, float]:
    """Return the line item whose part of [0, 1) holds the draw, and where in that part it lies, again in [0, 1)."""
    ends = list(accumulate(weights.values()))
    at = draw * ends[-1]
    index = bisect_right(ends, at)  # in range: a float below 1 times a whole number rounds to below that number
    item = list(weights)[index]
    return item, (at - (ends[index] - weights[item])) / weights[item]


def _booking(candidate: Candidate) -> Booking:
    campaign = candidate.pack.campaign
    return (campaign.advertiser, campaign.id, candidate.line_item.id)
