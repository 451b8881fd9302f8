"""What would have been heard at every threshold: hits and false accepts an hour, one phrase at a time. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

MOST_PER_HOUR: Final = 0.5
"""The false accepts an hour at which misses are compared."""


@dataclass(frozen=True, slots=True)
class Roc:
    """One listener, one phrase, one condition.

    `said` holds the best score in each recording of the phrase (-inf where it was not heard at any threshold),
    `wrong` the score of each event in `hours` in which nobody said it.
    """

    said: tuple[float, ...]
    wrong: tuple[float, ...]
    hours: float

    def misses(self, threshold: float) -> float:
        """Return the share of recordings that are not heard at this threshold (a score that is reached counts)."""
        return sum(score < threshold for score in self.said) / len(self.said)

    def per_hour(self, threshold: float) -> float:
        """Return the false accepts an hour at this threshold."""
        return sum(score >= threshold for score in self.wrong) / self.hours

    def threshold(self, most_per_hour: float = MOST_PER_HOUR) -> float:
        """Return the lowest threshold that keeps to so many false accepts an hour: above the next worst event."""
        allowed = int(most_per_hour * self.hours)
        worst_first = sorted(self.wrong, reverse=True)
        return _just_above(worst_first[allowed]) if len(worst_first) > allowed else -inf

    def points(self) -> list[tuple[float, float, float]]:
        """Return (threshold, share of hits, false accepts an hour) wherever one of the false accepts falls."""
        thresholds = sorted({_just_above(score) for score in self.wrong})
        return [(round(each, 4), 1 - self.misses(each), self.per_hour(each)) for each in thresholds]


def joined(rocs: Sequence[Roc]) -> Roc:
    """Return what several pieces of one measurement say together; each piece has recordings and hours of its own."""
    said = tuple(score for roc in rocs for score in roc.said)
    wrong = tuple(score for roc in rocs for score in roc.wrong)
    return Roc(said, wrong, sum(roc.hours for roc in rocs))


def _just_above(score: float) -> float:
    return score + 1e-6
