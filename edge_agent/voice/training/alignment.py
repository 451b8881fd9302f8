"""Find where each phone of known words lies in a recording (forced alignment).

Viterbi's search through the one network of states that the words allow: each
word in any of its pronunciations, with or without silence before, between and
after words. The network that scores the frames is our own, so whoever speaks
needs no timing marks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.voice.training.features import SUBSAMPLING
from edge_agent.voice.training.mfcc import FRAME_LENGTH_S, FRAME_SHIFT_S
from edge_agent.voice.training.phones import PDFS, SILENCE, Segment

Pronunciations = Sequence[Sequence[str]]
"""The ways in which one word may be said, as phones."""

_IMPOSSIBLE: Final = -1e9
_STEP_S: Final = SUBSAMPLING * FRAME_SHIFT_S
_FIRST_MIDDLE_S: Final = FRAME_LENGTH_S / 2


@dataclass(frozen=True, slots=True)
class Aligned:
    """The phone of every frame, and how much worse it is than the best one there, on average over speech.

    `shortfall` is in nats, at least 0: well under 1 for words that are really there.
    """

    phones: tuple[str, ...]
    shortfall: float

    def segments(self, duration_s: float) -> tuple[Segment, ...]:
        """Return the phones one after another; together they fill `duration_s`."""
        runs = [(phone, len(list(run))) for phone, run in groupby(self.phones)]
        ends = np.cumsum([count for _, count in runs])
        ends_s = [_FIRST_MIDDLE_S + (end - 0.5) * _STEP_S for end in ends[:-1]] + [duration_s]
        starts_s = [0.0, *ends_s[:-1]]
        return tuple(
            Segment(phone, end_s - start_s) for (phone, _), start_s, end_s in zip(runs, starts_s, ends_s, strict=True)
        )


def align(
    scores: NDArray[np.floating], words: Sequence[Pronunciations], pdfs: Sequence[str] = PDFS
) -> Aligned | None:
    """Align log probabilities (frames, `pdfs`) to `words`; None where the recording is too short for them."""
    if not len(scores):
        return None
    phones, steps, first, final = _states(words)
    heard = np.asarray(scores, np.float64)[:, [pdfs.index(phone) for phone in phones]]
    best = np.where(first, heard[0], _IMPOSSIBLE)
    came_from = np.zeros(heard.shape, np.intp)
    for frame in range(1, len(heard)):
        ways = best[:, None] + steps
        came_from[frame] = ways.argmax(0)
        best = ways.max(0) + heard[frame]
    best = np.where(final, best, _IMPOSSIBLE)
    if best.max() <= _IMPOSSIBLE / 2:
        return None
    path = [int(best.argmax())]
    for frame in range(len(heard) - 1, 0, -1):
        path.append(int(came_from[frame, path[-1]]))
    path.reverse()
    found = tuple(phones[state] for state in path)
    shortfalls = np.max(scores, axis=1) - heard[np.arange(len(heard)), path]
    return Aligned(found, float(shortfalls[[phone != SILENCE for phone in found]].mean()))


def _states(
    words: Sequence[Pronunciations],
) -> tuple[list[str], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return each state's phone, the cost (0 or impossible) of each step, and where a path may begin and end."""
    phones: list[str] = []
    steps: list[tuple[int, int]] = []
    first: set[int] = set()

    def state(phone: str, sources: Sequence[int | None]) -> int:
        number = len(phones)
        phones.append(phone)
        steps.append((number, number))
        for source in sources:
            if source is None:
                first.add(number)
            else:
                steps.append((source, number))
        return number

    ends: list[int | None] = [None]
    for word in words:
        ends.append(state(SILENCE, ends))
        said: list[int | None] = []
        for pronunciation in word:
            sources = ends
            for phone in pronunciation:
                sources = [state(phone, sources)]
            said += sources
        ends = said
    ends.append(state(SILENCE, ends))
    costs = np.full((len(phones), len(phones)), _IMPOSSIBLE)
    for source, target in steps:
        costs[source, target] = 0.0
    numbers = np.arange(len(phones))
    return phones, costs, np.isin(numbers, sorted(first)), np.isin(numbers, [end for end in ends if end is not None])
