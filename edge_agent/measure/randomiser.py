"""k-ary randomised response over `Reached`, and the estimator that undoes it for a whole fleet (pure).

Each report tells the truth with probability p = e^ε / (e^ε + k - 1) and otherwise one of the k - 1 other answers,
each with probability q = 1 / (e^ε + k - 1). Whatever really happened, no answer is more than e^ε times likelier
than it would have been otherwise: ε-local differential privacy for one creative on one day. The budget adds up:
over n creatives a day it is at most n·ε for whoever can tell which reports come from one home, which takes the
broker and the collector together (docs/privacy.md).

Source: Kairouz, Bonawitz, Ramage, "Discrete Distribution Estimation under Local Privacy", ICML 2016, section 2.
Intervals: Wilson's with continuity correction on the observed share; sums by square-and-add (Zou, Donner,
Stat. Med. 27, 2008).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from math import exp, hypot, sqrt

from edge_agent.model.report import ImpressionReport, Reached

Draw = Callable[[], float]
"""Uniform in [0, 1), from a cryptographic source: a guessable draw undoes the randomisation."""

ANSWERS = tuple(Reached)
Z_95 = 1.959963984540054
"""The normal quantile of a two-sided 95 % interval."""


@dataclass(frozen=True, slots=True, order=True)
class PublicCreative:
    """A creative as the public catalog names it: the question of a report."""

    campaign: str
    crid: str


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many of `homes` reporting homes, with a 95 % interval. `value` is unbiased and so may leave [0, homes]."""

    homes: int
    value: float
    low: float
    high: float

    @property
    def share_uncertain(self) -> float:
        """The interval's width as a share of the homes: 0 is exact, 1 says nothing."""
        return 1.0 if self.homes == 0 else (self.high - self.low) / self.homes


def probabilities(epsilon: float) -> tuple[float, float]:
    """Return (p, q): how likely the truth is, and each single other answer."""
    weight = exp(epsilon)
    total = weight + len(ANSWERS) - 1
    return weight / total, 1 / total


def randomise(truth: Reached, epsilon: float, draw: float) -> Reached:
    """Return the answer to give; `draw` is uniform in [0, 1) and used for this answer alone."""
    p, q = probabilities(epsilon)
    if draw < p:
        return truth
    others = [answer for answer in ANSWERS if answer is not truth]
    return others[min(int((draw - p) / q), len(others) - 1)]


def make_reports(
    day: date,
    offered: Iterable[PublicCreative],
    reached: Mapping[PublicCreative, Reached],
    *,
    epsilon: float,
    at_most: int,
    draw: Draw,
) -> tuple[ImpressionReport, ...]:
    """Return one report for each creative that was in the public catalog on `day`, in random order.

    When there are more than `at_most`, that many are drawn at random, without regard to what happened. What was
    reached of a creative that is not in `offered` is never told.
    """
    shuffled = sorted(((draw(), creative) for creative in sorted(set(offered))), key=lambda pair: pair[0])
    return tuple(
        ImpressionReport(
            day=day,
            campaign=creative.campaign,
            crid=creative.crid,
            epsilon=epsilon,
            answer=randomise(reached.get(creative, Reached.NOTHING), epsilon, draw()),
        )
        for _, creative in shuffled[:at_most]
    )


def estimate(counts: Mapping[Reached, int], among: frozenset[Reached], epsilon: float) -> Estimate:
    """Estimate how many homes' true answer is in `among`, from the randomised answers of homes with equal ε.

    P(answer ∈ S) = |S|·q + P(truth ∈ S)·(p - q), which is solved for P(truth ∈ S). The homes and their truths are
    fixed and only the draws are random, so the binomial interval covers at least 95 %.
    """
    homes = sum(counts.values())
    if homes == 0:
        return Estimate(0, 0.0, 0.0, 0.0)
    p, q = probabilities(epsilon)
    observed = sum(counts.get(answer, 0) for answer in among) / homes
    low, high = _wilson(observed, homes)

    def undo(share: float) -> float:
        return homes * (share - len(among) * q) / (p - q)

    return Estimate(homes, undo(observed), _within(undo(low), homes), _within(undo(high), homes))


def add(estimates: Iterable[Estimate]) -> Estimate:
    """Add independent estimates. Homes that occur in several (days, creatives) are counted once in each."""
    parts = tuple(estimates)
    homes, value = sum(part.homes for part in parts), sum(part.value for part in parts)
    # An interval was cut at what is possible and its estimate was not, so a distance may come out below zero.
    below = hypot(*(max(0.0, part.value - part.low) for part in parts))
    above = hypot(*(max(0.0, part.high - part.value) for part in parts))
    return Estimate(homes, value, _within(value - below, homes), _within(value + above, homes))


def _wilson(share: float, n: int) -> tuple[float, float]:
    """Return Wilson's score interval with continuity correction (Newcombe, Stat. Med. 17, 1998, method 4).

    Without the correction it covers only 87 % in homes as few as one to ten.
    """
    z2, middle, wide = Z_95**2, 2 * n * share, 2 * (n + Z_95**2)
    low = middle + z2 - 1 - Z_95 * sqrt(max(0.0, z2 - 2 - 1 / n + 4 * share * (n * (1 - share) + 1)))
    high = middle + z2 + 1 + Z_95 * sqrt(max(0.0, z2 + 2 - 1 / n + 4 * share * (n * (1 - share) - 1)))
    return (0.0 if share == 0 else low / wide), (1.0 if share == 1 else high / wide)


def _within(value: float, homes: int) -> float:
    return min(max(value, 0.0), float(homes))
