"""Find where each phone lies in a recording: of known words (forced alignment), or of any.

Viterbi's search through the one network of states that the words allow: each
word in any of its pronunciations, with or without silence before, between and
after words. The network that scores the frames is our own, so whoever speaks
needs no timing marks. Where nobody wrote down what is said, `transcribe` asks
for the best string of any phones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.voice.training.features import SUBSAMPLING
from edge_agent.voice.training.graph import PHONE_STAYS, SILENCE_STAYS
from edge_agent.voice.training.mfcc import FRAME_LENGTH_S, FRAME_SHIFT_S
from edge_agent.voice.training.phones import PDFS, SILENCE, Segment

Pronunciations = Sequence[Sequence[str]]
"""The ways in which one word may be said, as phones."""

_IMPOSSIBLE: Final = -1e9
_SILENCE_NEXT: Final = 0.5
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
    path = _followed_back(came_from, int(best.argmax()))
    found = tuple(phones[state] for state in path)
    return Aligned(found, _shortfall(scores, heard[np.arange(len(heard)), path], found))


def transcribe(scores: NDArray[np.floating], pdfs: Sequence[str] = PDFS) -> Aligned | None:
    """Return the best string of any phones for log probabilities (frames, `pdfs`); None where there is no frame.

    One phone follows another with the probabilities that the graph gives to the loop of `[unk]`.
    """
    if not len(scores):
        return None
    stays = np.full(len(pdfs), PHONE_STAYS)
    stays[pdfs.index(SILENCE)] = SILENCE_STAYS
    chosen = np.full(len(pdfs), (1 - _SILENCE_NEXT) / (len(pdfs) - 1))
    chosen[pdfs.index(SILENCE)] = _SILENCE_NEXT
    enters = np.log((1 - PHONE_STAYS) * chosen)
    best = np.asarray(scores[0], np.float64) + enters
    came_from = np.zeros(scores.shape, np.intp)
    for frame in range(1, len(scores)):
        before = int(best.argmax())
        stayed, entered = best + np.log(stays), best[before] + enters
        came_from[frame] = np.where(stayed >= entered, np.arange(len(pdfs)), before)
        best = np.maximum(stayed, entered) + scores[frame]
    path = _followed_back(came_from, int(best.argmax()))
    found = tuple(pdfs[pdf] for pdf in path)
    return Aligned(found, _shortfall(scores, np.asarray(scores)[np.arange(len(scores)), path], found))


def _followed_back(came_from: NDArray[np.intp], last: int) -> list[int]:
    path = [last]
    for frame in range(len(came_from) - 1, 0, -1):
        path.append(int(came_from[frame, path[-1]]))
    return path[::-1]


def _shortfall(scores: NDArray[np.floating], taken: NDArray[np.floating], found: Sequence[str]) -> float:
    """Say how much the frames of speech fall short of their best phones; nothing where all is silence."""
    spoken = np.array([phone != SILENCE for phone in found])
    return float((np.max(scores, axis=1) - taken)[spoken].mean()) if spoken.any() else 0.0


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
