"""How easily a phrase is mistaken for something else, as a score that a person can act on. Pure.

What counts is the share of a phrase that is found, sound by sound, somewhere inside what else may be said. Sounds
may differ a little (`sounds`), be missing or be too many; before and after the phrase there may be anything, since a
phrase hides inside longer words. It is looked for in

1. each other phrase that the device listens for, both ways round;
2. speech of common words, in any order (`common_speech`);

and a phrase of few sounds is found by chance, so that its length has a score of its own. The score of a phrase is
its highest reason's. docs/voice.md says how well it agrees with what is really confused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final, Literal

from edge_agent.voice.phrases.common_speech import CommonSpeech
from edge_agent.voice.phrases.sounds import Phones, Pronunciations, SoundSystem

TOO_CLOSE: Final = 70
"""From here on a phrase is refused: most of the time it is heard where the other was said."""

RISKY: Final = 45
"""From here on a person should think again."""

FEWEST_SYLLABLES: Final = 2
FEWEST_PHONES: Final = 5
_LENGTH_SCORES: Final = {5: 60, 6: 44, 7: 35, 8: 25, 9: 15, 10: 5}
"""By how many sounds a phrase has; one of more than ten has enough."""

_STEEPNESS: Final = 5
"""A score is 100 times the share to this power, which makes it about the share of times that the two are confused."""

_MOST_PRONUNCIATIONS: Final = 12
_MOST_SEARCHES: Final = 6


@dataclass(frozen=True, slots=True)
class Spoken:
    """A phrase, its words, and how each of them may be pronounced."""

    text: str
    words: tuple[str, ...]
    said: tuple[Pronunciations, ...]

    @property
    def ways(self) -> Pronunciations:
        """Every way to say the whole."""
        return ways_to_say(self.said)


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that a phrase may be mistaken for (`what`), and how close it is."""

    kind: Literal["phrase", "speech", "length"]
    score: int
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said about one phrase. `reasons` come worst first."""

    phrase: str
    phones: Pronunciations
    syllables: int
    reasons: tuple[Reason, ...]

    @property
    def score(self) -> int:
        """0: like nothing else; 100: the very sounds of something else."""
        return max((reason.score for reason in self.reasons), default=0)

    @property
    def is_too_short(self) -> bool:
        """Whether so few sounds are found by chance in anything."""
        return self.syllables < FEWEST_SYLLABLES or min(map(len, self.phones)) < FEWEST_PHONES

    @property
    def is_refused(self) -> bool:
        """Whether it must not ship unless a person insists."""
        return self.is_too_short or self.score >= TOO_CLOSE

    @property
    def advice(self) -> str:
        """What a person should do."""
        worst = max(self.reasons, key=lambda reason: reason.score, default=None)
        if self.is_too_short:
            return f"Too short: use at least {FEWEST_SYLLABLES} syllables and {FEWEST_PHONES} sounds."
        if worst is None or worst.score < RISKY:
            return "Good."
        word = "Too close" if worst.score >= TOO_CLOSE else "Risky"
        if worst.kind == "length":
            return f"{word}: few sounds are found by chance; add a word."
        return f'{word}: sounds like "{worst.what}"; change or add a word.'


def ways_to_say(words: Sequence[Pronunciations]) -> Pronunciations:
    """Return how the words in a row may be pronounced, at most a dozen ways, the usual ones first."""
    ways: list[Phones] = []
    for choice in product(*words):
        ways.append(tuple(phone for word in choice for phone in word))
        if len(ways) == _MOST_PRONUNCIATIONS:
            break
    return tuple(dict.fromkeys(ways))


def share(phrase: Phones, said: Phones, sounds: SoundSystem, *, from_start: bool = False) -> float:
    """Return how much of `phrase` is found inside `said`, 0 … 1; what is before and after it counts for nothing.

    With `from_start` it must begin where `said` does: a phrase of one word only counts where speech begins.
    """
    column = [0.0]
    for heard in said:
        column.append(column[-1] + sounds.weight(heard) if from_start else 0.0)
    for phone in phrase:
        missing = sounds.weight(phone)
        fresh = [column[0] + missing]
        for place, heard in enumerate(said):
            changed = column[place] + sounds.distance(phone, heard) * max(missing, sounds.weight(heard))
            fresh.append(min(changed, column[place + 1] + missing, fresh[place] + sounds.weight(heard)))
        column = fresh
    return max(0.0, 1.0 - min(column) / sounds.whole(phrase))


def _shared(one: Sequence[Pronunciations], other: Sequence[Pronunciations], sounds: SoundSystem) -> float:
    """Return the greater share of two phrases, by their words: the one in the other, or the other in the one."""
    mine, theirs = ways_to_say(one), ways_to_say(other)
    return max(
        max(
            share(here, there, sounds, from_start=len(one) == 1),
            share(there, here, sounds, from_start=len(other) == 1),
        )
        for here in mine
        for there in theirs
    )


def judge(
    phrase: Spoken,
    others: Iterable[Spoken],
    speech: CommonSpeech,
    sounds: SoundSystem,
) -> Verdict:
    """Compare `phrase` with `others`, look for it in `speech` that lacks one of its words, and count its sounds."""
    reasons = [
        Reason("phrase", score(_shared(phrase.said, other.said, sounds)), other.text)
        for other in others
        if other.words != phrase.words
    ]
    ways = phrase.ways
    searches = list(product(ways, dict.fromkeys(phrase.words)))[:_MOST_SEARCHES]
    most, said = max(speech.closest(way, _parts(word), from_start=len(phrase.words) == 1) for way, word in searches)
    reasons.append(Reason("speech", score(most), said))
    shortest = min(map(len, ways))
    by_length = 100 if shortest < FEWEST_PHONES else _LENGTH_SCORES.get(shortest, 0)
    reasons.append(Reason("length", by_length, f"{shortest} sounds"))
    reasons.sort(key=lambda reason: -reason.score)
    syllables = min(sum(sounds.is_vowel(phone) for phone in way) for way in ways)
    return Verdict(phrase.text, ways, syllables, tuple(reason for reason in reasons if reason.score))


def _parts(word: str) -> list[str]:
    """Return the word and, where a script has no spaces, its parts: said in a row they are the word itself."""
    if word.isascii():
        return [word]
    return [word[start:end] for start in range(len(word)) for end in range(start + 1, len(word) + 1)]


def score(shared: float) -> int:
    """Return 0 … 100 for a share of 0 … 1."""
    return round(100 * shared**_STEEPNESS)
