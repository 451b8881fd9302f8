"""From what the recogniser believes to what was said: detections of whole phrases. Pure.

Vosk announces a result 0.5 to 0.8 s after speech has ended. To be quicker, the phrase is looked for in the partial
results too: once one has stood unchanged for long enough (`patience`), it is put to the test (the caller decodes the
utterance so far as if it had ended, in every likely reading), and what passes is a detection at once.

The score of a phrase is by how much the likeliest reading that holds it is likelier than the likeliest one that does
not: the natural logarithm of a likelihood ratio. Vosk's own confidence comes from the same readings, but is 1.0 for
most of what is true and for much of what is not; docs/voice-measured.md has the figures. Where the sounds of the
phrase can be looked at one by one (`sounds`), what they say is added to it.

A detection must pass all of these, in this order:

1. its words follow each other without a gap longer than `LONGEST_GAP_S`;
2. a phrase of one word begins the speech, after a pause or nearer by than others who go on talking (`foreground`): a
   word in the middle of a sentence is not meant for us;
3. its duration is one that a mouth can produce;
4. it begins after the detection before it; the same phrase not before `REFRACTORY_S` has passed;
5. it was not over before anyone listened for it;
6. its score reaches the threshold (`thresholds`).
"""

import math
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from edge_agent.voice.grammar import Grammar
from edge_agent.voice.libvosk import Reading, Word
from edge_agent.voice.patience import HOPELESS_SCORE, SETTLE_PREFIX_S, SETTLE_S, Patience
from edge_agent.voice.sounds import MOST_POINTS

TAIL_S: Final = 0.1
"""How much must have been heard after a phrase before its test counts: "computerised" begins with "computer".

Measured on recordings of people: a fifth fewer false accepts than without, for 80 ms of latency.
"""

WINDOW_LETTER_S: Final = 0.12
WINDOW_EXTRA_S: Final = 0.8
"""How much audio is tested: a slow speaker's phrase and what comes around it. What else was said in the same breath
adds nothing to the score (docs/voice-measured.md), and in babble it made tests take up to a second."""

LONGEST_GAP_S: Final = 0.7
PAUSE_S: Final = 0.3
REFRACTORY_S: Final = 0.5
OVERLAP_S: Final = 0.1
"""How exact the recogniser's times are: a phrase may seem to begin this long before the last one has ended."""
SHORTEST_LETTER_S: Final = 0.025
LONGEST_LETTER_S: Final = 0.25
LONGEST_EXTRA_S: Final = 0.8


BEYOND_THE_BEAM: Final = 4.0
"""The score where every likely reading holds the phrase: the lattice beam of our models, which others lie beyond."""


@dataclass(frozen=True, slots=True)
class Detection:
    """A phrase of the grammar was said. Seconds of audio since the stream began; the score as the module says."""

    phrase: str
    start_s: float
    end_s: float
    score: float

    @property
    def confidence(self) -> float:
        """0 … 1: how likely it was the phrase, if it is as likely as not before anyone has listened."""
        return 1 / (1 + math.exp(-self.score))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A phrase that stands in a reading and passes every rule but that its score must be enough."""

    phrase: tuple[str, ...]
    start_s: float
    end_s: float
    reading: Reading

    def overlaps(self, other: "Candidate") -> bool:
        """Say whether both are at about the same place."""
        return self.start_s < other.end_s and other.start_s < self.end_s


Verdict = Callable[[Detection], bool]
"""Whether the score of a phrase that passed every other rule is enough."""

StandsOut = Callable[[float, float], bool]
"""Whether what is said between these times is nearer by than what goes on around it."""

SecondLook = Callable[[tuple[str, ...], Detection], float]
"""What to add to the score of a phrase, given its words and where it is, for its sounds."""

LEAST_WORTH_A_LOOK: Final = HOPELESS_SCORE - MOST_POINTS
"""What scores less can never be enough, however good its sounds are."""


def letters_in(words: tuple[str, ...]) -> int:
    """Return how long a phrase is by its letters; an ideograph counts as two."""
    return sum(1 if char.isascii() or char.islower() else 2 for word in words for char in word)


def plausible_duration_s(words: tuple[str, ...]) -> tuple[float, float]:
    """Return the shortest and longest duration of a phrase, judged by its letters."""
    letters = letters_in(words)
    return letters * SHORTEST_LETTER_S, letters * LONGEST_LETTER_S + LONGEST_EXTRA_S


class Spotter:
    """Follows one stream of audio. Give it every partial and every final result, in order.

    `last` is the detection before this grammar was taken up, and `since_s` when that was, for a stream that is
    decoded again from a little earlier; `longer_known` are the phrases that were listened for before it too.
    """

    def __init__(
        self,
        grammar: Grammar,
        verdict: Verdict,
        *,
        last: Detection | None = None,
        since_s: float = 0.0,
        longer_known: Container[str] = (),
    ) -> None:
        self._phrases = grammar.phrases
        self._longest_first = sorted(grammar.phrases, key=len, reverse=True)
        self._verdict = verdict
        self._last = last
        self._since_s = since_s
        self._longer_known = longer_known
        self._patience = Patience()

    @property
    def last(self) -> Detection | None:
        """The last detection: what was said before its end has been answered."""
        return self._last

    def worth_testing(self, words: tuple[str, ...], now_s: float) -> bool:
        """Take a partial result; return whether a phrase in it is to be put to the test now (`patience`)."""
        standing = self._in_partial(words)
        return self._patience.is_due(standing, now_s, SETTLE_S if standing is None else self._settling_s(standing))

    def candidates(
        self, readings: Sequence[Reading], stands_out: StandsOut, before_s: float = math.inf
    ) -> list[Candidate]:
        """Return the phrases that pass all rules but the last, best reading first, each wherever it does.

        In a test, `before_s` is when a phrase must have ended. A reading that holds no phrase changes nothing.
        """
        found: list[Candidate] = []
        for reading in readings:
            words = reading.words
            for start in range(len(words)):
                for phrase in self._longest_first:
                    said = words[start : start + len(phrase)]
                    if _texts(said) != phrase:
                        continue
                    if said[-1].end_s > before_s:
                        break  # being said still: a shorter phrase that it begins with is not what is said
                    each = Candidate(phrase, said[0].start_s, said[-1].end_s, reading)
                    known = any(other.phrase == phrase and each.overlaps(other) for other in found)
                    if not known and self._passes(phrase, said, words[:start], stands_out):
                        found.append(each)
        return found

    def judge(
        self,
        candidates: Sequence[Candidate],
        readings: Sequence[Reading],
        second_look: SecondLook | None = None,
        *,
        doubt: float = 0.0,
    ) -> Detection | None:
        """Return the first of these candidates whose score among all `readings` is enough, though less by `doubt`."""
        best: dict[tuple[str, ...], float] = {}
        for each in candidates:
            score = score_of(each.phrase, each.reading, readings)
            best[each.phrase] = max(score, best.get(each.phrase, -math.inf))
            detection = Detection(self._phrases[each.phrase], each.start_s, each.end_s, score)
            if second_look is not None and score >= LEAST_WORTH_A_LOOK:
                detection = replace(detection, score=score + second_look(each.phrase, detection))
            if self._verdict(replace(detection, score=detection.score - doubt)):
                self.end_utterance()
                self._last = detection
                return detection
        for phrase, score in best.items():
            self._patience.failed(phrase, score)
        return None

    def window_s(self, words: tuple[str, ...]) -> float | None:
        """Return how much of the newest audio a test of these words needs; None where they hold no phrase."""
        phrase = self._in_partial(words)
        return None if phrase is None else letters_in(phrase) * WINDOW_LETTER_S + WINDOW_EXTRA_S

    def end_utterance(self) -> None:
        """Forget the partial results: the next ones are of another utterance."""
        self._patience.forget()

    def _settling_s(self, standing: tuple[str, ...]) -> float:
        has_longer = any(len(other) > len(standing) and other[: len(standing)] == standing for other in self._phrases)
        return SETTLE_PREFIX_S if has_longer else SETTLE_S

    def _in_partial(self, words: tuple[str, ...]) -> tuple[str, ...] | None:
        return next((phrase for phrase in self._longest_first if holds(words, phrase)), None)

    def _passes(
        self, phrase: tuple[str, ...], said: tuple[Word, ...], before: tuple[Word, ...], stands_out: StandsOut
    ) -> bool:
        shortest, longest = plausible_duration_s(phrase)
        gaps = [later.start_s - earlier.end_s for earlier, later in pairwise(said)]
        start_s = said[0].start_s
        return (
            all(gap <= LONGEST_GAP_S for gap in gaps)
            and shortest <= said[-1].end_s - start_s - sum(gaps) <= longest
            and self._is_new(phrase, start_s)
            and (said[-1].end_s >= self._since_s or self._phrases[phrase] in self._longer_known)
            and (
                len(said) > 1
                or not before
                or start_s - before[-1].end_s >= PAUSE_S
                or stands_out(start_s, said[-1].end_s)
            )
        )

    def _is_new(self, phrase: tuple[str, ...], start_s: float) -> bool:
        if self._last is None:
            return True
        same = self._last.phrase == self._phrases[phrase]
        return start_s >= self._last.end_s + (REFRACTORY_S if same else -OVERLAP_S)


def holds(words: tuple[str, ...], phrase: tuple[str, ...]) -> bool:
    """Say whether the words of a phrase follow one another in `words`."""
    return any(words[start : start + len(phrase)] == phrase for start in range(len(words) - len(phrase) + 1))


def score_of(phrase: tuple[str, ...], reading: Reading, readings: Sequence[Reading]) -> float:
    """Return the score of a phrase that stands in `reading`, one of all `readings`."""
    for other in readings:
        if not holds(_texts(other.words), phrase):
            return reading.log_likelihood - other.log_likelihood
    return BEYOND_THE_BEAM + reading.log_likelihood - readings[0].log_likelihood


def _texts(words: tuple[Word, ...]) -> tuple[str, ...]:
    return tuple(word.text for word in words)
