"""Where the sounds of a phrase are, and how likely each of them was. Pure.

The phrase is laid over the moments so that all of it together is as likely as can be (Viterbi 1967): sounds in their
order, each of one moment at least, in any of the ways to say each word, silence between words where there is some,
and anything before and after.
"""

from collections.abc import Sequence
from typing import Final

Ways = Sequence[Sequence[int]]
"""How a word may be said: the outputs that stand for its sounds, each way in their order."""

_SILENCE: Final = 0
"""The output that stands for it in our networks."""

_ANYTHING: Final = 0.5
"""By how much what is no sound of the phrase is less likely than the likeliest sound there."""

_NEVER: Final = float("-inf")


def sounds_in(
    posteriors: Sequence[Sequence[float]], log_priors: Sequence[float], words: Sequence[Ways]
) -> tuple[float, ...]:
    """Return the mean log posterior of each sound of the phrase over its moments, first sound first.

    `posteriors` are (moments, sounds). Nothing where there are fewer moments than sounds.
    """
    states = _states(words)
    likelihoods = [[value - prior for value, prior in zip(row, log_priors, strict=True)] for row in posteriors]
    path = _best_path(states, likelihoods)
    sums: dict[int, tuple[float, int]] = {}
    for row, state in zip(posteriors, path, strict=False):
        output, _, counts, _ = states[state]
        if counts:
            total, moments = sums.get(state, (0.0, 0))
            sums[state] = total + row[output], moments + 1
    return tuple(total / moments for total, moments in sums.values())


_State = tuple[int, tuple[int, ...], bool, bool]
"""The output (-1 for anything), the states before it, whether it is a sound of the phrase, whether it may be last."""


def _states(words: Sequence[Ways]) -> list[_State]:
    states: list[_State] = [(-1, (), False, False)]
    ends: tuple[int, ...] = (0,)
    for number, ways in enumerate(words):
        if number:
            states.append((_SILENCE, ends, False, False))
            ends = (*ends, len(states) - 1)
        last: list[int] = []
        for way in ways:
            before = ends
            for place, output in enumerate(way):
                states.append((output, before, True, number == len(words) - 1 and place == len(way) - 1))
                before = (len(states) - 1,)
            last += before
        ends = tuple(last)
    states.append((-1, ends, False, True))
    return states


def _best_path(states: Sequence[_State], likelihoods: Sequence[Sequence[float]]) -> list[int]:
    """Return the state at each moment; empty where the phrase does not fit in."""
    if not likelihoods:
        return []
    anything = [max(row) - _ANYTHING for row in likelihoods]
    first = likelihoods[0]
    # What comes after the anything of before may come first, too.
    scores = [first[output] if 0 in before else _NEVER for output, before, _, _ in states]
    scores[0] = anything[0]
    came_from: list[list[int]] = []
    for row, garbage in zip(likelihoods[1:], anything[1:], strict=True):
        reached, sources = [], []
        for number, (output, before, _, _) in enumerate(states):
            best, source = scores[number], number
            for other in before:
                if scores[other] > best:
                    best, source = scores[other], other
            reached.append(best + (garbage if output < 0 else row[output]))
            sources.append(source)
        scores = reached
        came_from.append(sources)
    score, state = max((scores[number], number) for number, each in enumerate(states) if each[3])
    if score == _NEVER:
        return []
    path = [state]
    for sources in reversed(came_from):
        path.append(sources[path[-1]])
    return path[::-1]
