"""How a word that the model does not know is spoken: as a person wrote it down, else by its letters (native code).

English words, brand names included, are read by espeak-ng; Mandarin ones by their characters' readings, and English
words in a Mandarin model by the Mandarin phones nearest to the English ones.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping
from itertools import islice, product

from edge_agent.model.errors import VoiceError
from edge_agent.voice.grammar import normalise
from edge_agent.voice.training.errors import UnknownPhoneError
from edge_agent.voice.training.espeak import espeak
from edge_agent.voice.training.lexicon import Pronunciation, as_people_say
from edge_agent.voice.training.mandarin_phones import OF_ENGLISH, pinyin_phones

_ENGLISH_VOICE = "en-us"
_MOST_WAYS = 6
_BY_HAND = 'Write one by hand: --pronounce "glowbar=g l ow b aa r".'


def by_hand(texts: Iterable[str], phones: Collection[str], lang: str) -> dict[str, tuple[Pronunciation, ...]]:
    """Read `word=phone phone …`, one pronunciation each; a word may come several times.

    In a Mandarin model numbered pinyin is read too (`小智=xiao3zhi4`). Raise VoiceError naming what is wrong, with
    the phones that there are.
    """
    found: dict[str, tuple[Pronunciation, ...]] = {}
    for text in texts:
        written, _, said = text.partition("=")
        word = normalise(written)
        if len(word) != 1 or not said.split():
            raise VoiceError(f'"{text}" is not a word and its phones.', _BY_HAND)
        pronunciation = tuple(said.split())
        if lang == "zh" and any(char.isdigit() for char in said):
            pronunciation = _pinyin(said.split(), text)
        unknown = [phone for phone in pronunciation if phone not in phones]
        if unknown:
            raise VoiceError(
                f'"{text}": {unknown[0]} is not a phone of this model.',
                f"Its phones are: {' '.join(sorted(phones))}.",
            )
        found[word[0]] = (*found.get(word[0], ()), pronunciation)
    return found


def pronounce(word: str, lang: str) -> tuple[Pronunciation, ...]:
    """Return one or more ways to say `word`. Raise VoiceError where its letters do not tell."""
    try:
        match lang:
            case "en":
                ways = _english(word)
            case "zh":
                ways = _mandarin(word)
            case _:
                raise VoiceError(f'Nobody here knows how the language "{lang}" is pronounced.', _BY_HAND)
    except UnknownPhoneError as error:
        raise VoiceError(f'The pronunciation of "{word}" is not known: {error}', _BY_HAND) from error
    if not ways:
        raise VoiceError(f'The pronunciation of "{word}" is not known.', _BY_HAND)
    return ways


def _english(word: str) -> tuple[Pronunciation, ...]:
    if not all(map(_is_read_in_english, word)):
        return ()  # espeak-ng would say what kind of letter it is: "Chinese letter"
    return as_people_say(word, [espeak().pronounce(word, voice=_ENGLISH_VOICE)])


def _is_read_in_english(char: str) -> bool:
    """Whether a letter, an accent on one, a digit or an apostrophe is of the Latin script."""
    is_mark = unicodedata.category(char)[0] == "M"
    return char.isascii() or is_mark or unicodedata.name(char, "").startswith("LATIN ")


def _mandarin(word: str) -> tuple[Pronunciation, ...]:
    # Imported for the language that needs it: speaking Mandarin takes numpy, English words do not.
    from edge_agent.voice.training.mandarin import readings  # noqa: PLC0415

    if word.isascii():
        return tuple(tuple(own for phone in way for own in OF_ENGLISH[phone]) for way in _english(word))
    known: Mapping[str, tuple[str, ...]] = readings()
    if any(char not in known for char in word):
        return ()
    ways = islice(product(*(known[char] for char in word)), _MOST_WAYS)
    return tuple(dict.fromkeys(_pinyin(way, word) for way in ways))


def _pinyin(syllables: Iterable[str], text: str) -> Pronunciation:
    try:
        return tuple(phone for syllable in syllables for phone in pinyin_phones(syllable)[0])
    except (UnknownPhoneError, IndexError) as error:
        raise VoiceError(f'"{text}" holds pinyin that cannot be read.', _BY_HAND) from error
