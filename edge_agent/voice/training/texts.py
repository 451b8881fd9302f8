"""What the synthetic voices say, and which words the model can be asked for.

A language's folder holds our own lists: `phrases` that people say to devices,
`sentences` of everyday talk, `everyday` words by subject, and `common` words: in
`en` in the order of how often they stand in software documentation, in `zh` the
characters of GB 2312, level 1, shuffled. Words are written with spaces between.

Two lists are in the vocabulary and in no training text: `unspoken`, with which the
benchmark measures what the model makes of a phrase that it was never taught, and,
in `en`, `names`: what people call devices, products, pets, each other and what they
have at home.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from random import Random
from typing import Final

from edge_agent.voice.training.errors import UnknownLanguageError

LANGUAGES: Final = ("en", "zh")
_BY_USE: Final = ("en",)
"""The languages whose common words are in the order of how often they are used."""

_KNOWS_ENGLISH: Final = ("zh",)
"""The languages in which the words of English phrases are known too: commands may be said in either."""

_COMMON_HALF_LIFE_WORDS: Final = 2500
"""After so many words of the common list, the next is drawn half as often."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The lists of one language, without repetitions."""

    phrases: tuple[str, ...]
    sentences: tuple[str, ...]
    everyday: tuple[str, ...]
    common: tuple[str, ...]
    unspoken: tuple[str, ...]
    names: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    by_use: bool = True

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """Every word that a grammar may hold, sorted."""
        said = " ".join([*self.phrases, *self.sentences]).split()
        return tuple(sorted({*said, *self.everyday, *self.common, *self.unspoken, *self.names, *self.foreign}))

    def draw(self, random: Random) -> str:
        """Draw what one utterance says: words of the lists with spaces between, without other punctuation.

        Wake phrases come alone, so short utterances are common; random words next
        to each other teach the sounds rather than the language.
        """
        match random.choices(("phrase", "sentence", "everyday", "words"), (12, 8, 30, 50))[0]:
            case "phrase":
                return random.choice(self.phrases)
            case "sentence":
                return random.choice(self.sentences)
            case "everyday":
                return " ".join(random.choices(self.everyday, k=random.choice((1, 1, 2, 2, 3, 5))))
            case _:
                return " ".join(self._draw_common(random) for _ in range(random.choice((1, 2, 3, 4, 6, 8))))

    def _draw_common(self, random: Random) -> str:
        if not self.by_use:
            return random.choice(self.common)
        last = len(self.common) - 1
        return self.common[min(last, int(random.expovariate(1.0 / _COMMON_HALF_LIFE_WORDS)))]


def load_texts(language: str) -> Texts:
    """Read the lists of `language`; raise `UnknownLanguageError` where there are none."""
    if language not in LANGUAGES:
        raise UnknownLanguageError(language, LANGUAGES)
    return Texts(
        phrases=_lines(language, "phrases"),
        sentences=_lines(language, "sentences"),
        everyday=_words(language, "everyday"),
        common=_words(language, "common"),
        unspoken=_words(language, "unspoken"),
        names=_words(language, "names") if language in _BY_USE else (),
        foreign=_words("en", "phrases") if language in _KNOWS_ENGLISH else (),
        by_use=language in _BY_USE,
    )


def _read(language: str, name: str) -> str:
    return (files(__package__) / language / f"{name}.txt").read_text("utf-8")


def _lines(language: str, name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_read(language, name).splitlines()))


def _words(language: str, name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_read(language, name).split()))
