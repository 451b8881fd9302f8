"""From phrases to the grammar that Vosk is given. Pure.

Vosk drops the words that its model does not know and keeps the rest of the phrase ("rear center" becomes
"center"), without an error. So every word is checked here first. Vosk also turns the phrases into a bigram, in
which "show me" and "tell me more" allow "show me more"; `spotter` therefore matches whole phrases itself.
"""

import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Self

from edge_agent.model.errors import UnknownWordError, VoiceError

UNKNOWN: Final = "[unk]"
"""The word that Vosk uses for all speech that is none of the phrases; without it noise would be forced onto one."""

EAGERNESS: Final = 5
"""How much likelier a phrase is made while it is looked for; what is found is judged without it."""

_UNSPACED: Final = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER")
_LONGEST_UNSPACED_WORD: Final = 12


@dataclass(frozen=True)
class Vocabulary:
    """The words of a model, as the model writes them, by their normalised form."""

    words: Mapping[str, str]

    @classmethod
    def of(cls, words: Iterable[str]) -> Self:
        """Return the vocabulary of these words; symbols such as `<eps>`, `#0` and `[unk]` are no words."""
        return cls({word.casefold(): word for word in words if word and word[0] not in "<#[!"})

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the vocabulary in a `words.txt`: one `word id` a line (Kaldi and OpenFst symbol table)."""
        return cls.of(line.split(maxsplit=1)[0] for line in text.splitlines() if line.strip())

    def spell(self, token: str) -> tuple[str, ...]:
        """Return the model's words for one token: itself, or its parts where a script has no spaces; else nothing."""
        if token in self.words:
            return (self.words[token],)
        if any(map(_is_unspaced, token)):
            return self._fewest_words(token)
        return ()

    def _fewest_words(self, token: str) -> tuple[str, ...]:
        best: list[tuple[str, ...] | None] = [()] + [None] * len(token)
        for end in range(1, len(token) + 1):
            for start in range(max(0, end - _LONGEST_UNSPACED_WORD), end):
                before, word = best[start], self.words.get(token[start:end])
                if before is not None and word is not None:
                    found, sofar = (*before, word), best[end]
                    best[end] = found if sofar is None or len(found) < len(sofar) else sofar
        return best[-1] or ()


@dataclass(frozen=True)
class Grammar:
    """Phrases by their words, in the model's spelling. Empty means that nothing is listened for."""

    phrases: Mapping[tuple[str, ...], str]

    @property
    def for_vosk(self) -> str:
        """The JSON array that `vosk_recognizer_new_grm` takes."""
        return self._weighted(1)

    @property
    def eager_for_vosk(self) -> str:
        """The same, in which each phrase is likelier than all else, `EAGERNESS` to 1: Vosk counts repetitions."""
        return self._weighted(EAGERNESS)

    def _weighted(self, times: int) -> str:
        return json.dumps([*(" ".join(words) for words in self.phrases)] * times + [UNKNOWN], ensure_ascii=False)


NOTHING: Final = Grammar(MappingProxyType({}))
"""Listens for no phrase: all that is said is unknown."""


def normalise(phrase: str) -> tuple[str, ...]:
    """Return the words of a phrase in lower case, without punctuation but with the apostrophes inside of words."""
    text = unicodedata.normalize("NFKC", phrase).casefold().replace("\u2019", "'")
    kept = "".join(char if char == "'" or unicodedata.category(char)[0] in "LMN" else " " for char in text)
    return tuple(word for word in (each.strip("'") for each in kept.split()) if word)


def as_written(phrase: str) -> str:
    """Return a phrase normalised, with spaces only where its script has them: one text however it was segmented."""
    found = ""
    for word in normalise(phrase):
        together = not found or _is_unspaced(found[-1]) or _is_unspaced(word[0])
        found += word if together else f" {word}"
    return found


def contains(spoken: str, phrase: str) -> bool:
    """Say whether a text holds all words of a phrase, in their order and one after another, however it is written."""
    text, part = " ".join(normalise(spoken)), " ".join(normalise(phrase))
    # Scripts without spaces have no word boundaries to look for.
    return f" {part} " in f" {text} " or (not part.isascii() and as_written(phrase) in as_written(spoken))


def phrases_in(text: str) -> tuple[str, ...]:
    """Return phrases that a person wrote with commas between, be they those of a Chinese keyboard."""
    written = text.replace("\uff0c", ",").replace("\u3001", ",").split(",")
    return tuple(phrase.strip() for phrase in written if phrase.strip())


def _is_unspaced(char: str) -> bool:
    return unicodedata.name(char, "").startswith(_UNSPACED)


def spell_phrase(phrase: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    """Return the model's words for a phrase. Raise UnknownWordError, or VoiceError when it has no word at all."""
    tokens = normalise(phrase)
    if not tokens:
        raise VoiceError(f'The phrase "{phrase}" has no word in it.', "Write it as it is spoken.")
    spelt = {token: vocabulary.spell(token) for token in tokens}
    unknown = [token for token, words in spelt.items() if not words]
    if unknown:
        raise UnknownWordError(phrase, unknown)
    return tuple(word for token in tokens for word in spelt[token])


def build_grammar(phrases: Iterable[str], vocabulary: Vocabulary) -> Grammar:
    """Return the grammar of all phrases; raise what `spell_phrase` raises for the first that cannot be heard."""
    found: dict[tuple[str, ...], str] = {}
    for phrase in phrases:
        found.setdefault(spell_phrase(phrase, vocabulary), phrase)
    return Grammar(MappingProxyType(found))


def build_what_is_known(phrases: Iterable[str], vocabulary: Vocabulary) -> tuple[Grammar, tuple[VoiceError, ...]]:
    """Return the grammar of the phrases that can be heard, and an error for each of the others.

    For a device that must not go deaf to its resident because one phrase of a pack is not in its model.
    """
    found: dict[tuple[str, ...], str] = {}
    refused: list[VoiceError] = []
    for phrase in phrases:
        try:
            found.setdefault(spell_phrase(phrase, vocabulary), phrase)
        except VoiceError as error:
            refused.append(error)
    return Grammar(MappingProxyType(found)), tuple(refused)
