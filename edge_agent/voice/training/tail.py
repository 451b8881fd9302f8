"""From the scores of what was heard wrongly to thresholds that keep their promise on talk not heard yet. Pure.

What is known is little: hours of talk in which a phrase is hardly ever taken to be there. So nothing rests on a
single event:

1. The **slope**. Above `FROM` the scores of all phrases fall off exponentially, with one slope
   (docs/voice-measured.md). All of their excesses are one sample of it. That a slope is not known exactly makes rare
   events more likely than its best guess says, so the promise is made with the average over what it may be.
2. The **rates**. How often a phrase is heard above `FROM` is a Poisson count, whose rate is one draw from a gamma
   distribution: what phrases of so many letters have on average, and how much phrases differ, are learnt from all of
   them together (an empirical Bayes estimate). A phrase that was heard seldom is drawn towards the others, and all
   of them towards what holds without a calibration while little was heard.

Source for the gamma-Poisson estimate: Robbins 1956 and Efron, Large-Scale Inference (2010), chapter 1; for the tail
of scores as an exponential, the generalised Pareto distribution with shape 0 (Pickands 1975).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.voice.grammar import as_written, normalise
from edge_agent.voice.spotter import letters_in
from edge_agent.voice.thresholds import UNCALIBRATED, ByLetters, Thresholds

FROM: Final = -2.0
"""Scores from here on are the tail: low enough for ten times as many events as there are above 0, and two units away
from where readings fall out of the lattice beam."""

_PRIOR_EVENTS: Final = 10.0
"""How many events the uncalibrated slope counts for."""

_PRIOR_HOURS: Final = 1.0
"""How many hours with one phrase the expectation without a calibration counts for, over all phrases together and for
each. The model was taught by the voices that talk here: that it never took them for a phrase must not make it
trusting."""

_REACH: Final = 4.0
"""How far above `FROM` thresholds lie, about."""

_SHAPES: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""How alike phrases of as many letters may be: the shape of the gamma distribution of their rates."""


def fit(events: Sequence[tuple[str, float]], phrases: Sequence[str], hours: float, *, made: str) -> Thresholds:
    """Return the thresholds that these events (phrase, score) in `hours` of talk suggest.

    Every phrase of `phrases` was listened for all the time.
    """
    tail = [(phrase, score) for phrase, score in events if score >= FROM]
    decay = _slope([score - FROM for _, score in tail])
    counts = np.array([sum(1 for other, _ in tail if other == phrase) for phrase in phrases], float)
    letters = np.array([letters_in(normalise(phrase)) for phrase in phrases], float)
    ordinary = math.exp(UNCALIBRATED.by_letters.rate_of_none - UNCALIBRATED.decay * FROM)
    by_letters = _by_letters(letters, counts, hours, ordinary)
    usual = np.exp(by_letters.rate_of_none + by_letters.rate_of_each * letters)
    shape = _alikeness(counts, usual * hours)
    # The prior of each phrase: so many events in so many hours. Little talk says little about how alike phrases are.
    expected = (counts + shape + ordinary * _PRIOR_HOURS) / (hours + shape / usual + _PRIOR_HOURS)
    rates = {
        as_written(phrase): round(math.log(each) + decay * FROM, 3)
        for phrase, each in zip(phrases, expected, strict=True)
    }
    by_letters = _by_letters(letters, expected * hours, hours, ordinary)  # nobody is trusted more than who was heard
    at_zero = ByLetters(round(by_letters.rate_of_none + decay * FROM, 3), round(by_letters.rate_of_each, 3))
    return Thresholds(made=made, decay=round(decay, 3), by_letters=at_zero, rates=rates)


def _slope(excesses: Sequence[float]) -> float:
    """Return the slope that, as if known, promises at `_REACH` what the gamma posterior of the slope does."""
    events = len(excesses) + _PRIOR_EVENTS
    total = sum(excesses) + _PRIOR_EVENTS / UNCALIBRATED.decay
    return float(events * math.log1p(_REACH / total) / _REACH)


def _by_letters(
    letters: NDArray[np.float64], counts: NDArray[np.float64], hours: float, ordinary: float
) -> ByLetters:
    """Poisson regression of the rate at `FROM` on the letters (iteratively reweighted least squares).

    A phrase of ordinary length that was heard at the `ordinary` rate for `_PRIOR_HOURS` is counted in. What is
    longer is never expected to be heard more often.
    """
    middle = letters.mean()
    seen = np.append(counts, ordinary * _PRIOR_HOURS)
    exposure = np.append(np.full(len(counts), hours), _PRIOR_HOURS)
    centred = np.append(letters - middle, 0.0)
    weights = np.array([math.log(seen.sum() / exposure.sum()), 0.0])
    for columns in (2, 1):
        design = np.stack([np.ones_like(centred), centred], axis=1)[:, :columns]
        weights = weights[:columns]
        for _ in range(50):
            expected = np.exp(np.clip(design @ weights, -12, 12)) * exposure
            curvature = design.T @ (design * expected[:, None]) + np.eye(columns) * 1e-6
            weights = weights + np.clip(np.linalg.solve(curvature, design.T @ (seen - expected)), -1, 1)
        if columns == 1 or weights[1] <= 0:
            break
    each = float(weights[1]) if len(weights) > 1 else 0.0
    return ByLetters(rate_of_none=float(weights[0]) - each * float(middle), rate_of_each=each)


def _alikeness(counts: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    """Return the shape under which such counts are likeliest: negative binomial, with these means."""

    def likelihood(shape: float) -> float:
        terms = (
            math.lgamma(count + shape)
            - math.lgamma(shape)
            + shape * math.log(shape / (shape + mean))
            + count * math.log(mean / (shape + mean))
            for count, mean in zip(counts.tolist(), expected.tolist(), strict=True)
        )
        return float(sum(terms))

    return max(_SHAPES, key=likelihood)
