"""How each word of the vocabulary may be pronounced.

espeak-ng gives one pronunciation for every word, brand names included; CMUdict
adds what people say in America, and a short list adds how small words shrink in
running speech. Names that espeak-ng misreads are written by hand. What people say
differs from both in ways that are the same for all words (`as_people_say`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from edge_agent.voice.training.espeak import espeak
from edge_agent.voice.training.phones import festival_phones

Pronunciation = tuple[str, ...]

_ACCENT: Final = "en-us"
_ENTRY: Final = re.compile(r'\(\s*"([a-z\']+)"\s+\S+\s+\((.*)\)\s*\)\s*$')
_PHONE: Final = re.compile(r"[a-z]+")
_VOWELS: Final = frozenset(
    ("aa", "ae", "ah", "ao", "aw", "ax", "ay", "eh", "er", "ey", "ih", "iy", "ow", "oy", "uh", "uw")
)
_FULL_VOWELS: Final = ("ah", "ae", "eh")
"""What a last a sounds like where it is spoken clearly."""

_REDUCED: Final[dict[str, tuple[str, ...]]] = {
    "a": ("ax", "ey"),
    "an": ("ax n", "ae n"),
    "and": ("ae n d", "ax n d", "ax n"),
    "are": ("aa r", "er"),
    "at": ("ae t", "ax t"),
    "can": ("k ae n", "k ax n"),
    "for": ("f ao r", "f er"),
    "from": ("f r ah m", "f r ax m"),
    "is": ("ih z",),
    "it": ("ih t", "ih dx"),
    "not": ("n aa t", "n aa dx"),
    "of": ("ah v", "ax v"),
    "or": ("ao r", "er"),
    "that": ("dh ae t", "dh ax t"),
    "the": ("dh ax", "dh iy"),
    "to": ("t uw", "t ax", "dx ax"),
    "was": ("w ah z", "w ax z", "w aa z"),
    "you": ("y uw", "y ax"),
    "your": ("y ao r", "y uh r", "y er"),
}

_BY_HAND: Final[dict[str, tuple[str, ...]]] = {
    "angelina": ("ae n jh ax l iy n ax",),
    "cheerio": ("ch ih r iy ow",),
    "deirdre": ("d ih r d r ax", "d ih r d r iy"),
    "galilei": ("g ae l ih l ey iy",),
    "haier": ("hh ay er",),
    "hisense": ("hh ay s eh n s",),
    "houseplant": ("hh aw s p l ae n t",),
    "huawei": ("w aa w ey", "hh w aa w ey"),
    "jalapeno": ("hh aa l ax p ey n y ow", "hh aa l ax p iy n ow"),
    "macchiato": ("m aa k iy aa dx ow",),
    "matcha": ("m aa ch ax", "m ae ch ax"),
    "mozzarella": ("m aa t s ax r eh l ax",),
    "mycroft": ("m ay k r ao f t", "m ay k r aa f t"),
    "nachos": ("n aa ch ow z",),
    "pilates": ("p ih l aa dx iy z", "p ax l aa t iy z"),
    "quinoa": ("k iy n w aa", "k iy n ow ax"),
    "rewind": ("r iy w ay n d",),
    "samira": ("s ax m ih r ax",),
    "selena": ("s ax l iy n ax",),
    "serena": ("s ax r iy n ax",),
    "ubuntu": ("uh b uh n t uw", "uw b uh n t uw"),
    "vlog": ("v l ao g", "v l aa g"),
    "windowsill": ("w ih n d ow s ih l",),
    "xiaomi": ("sh aw m iy", "sh iy aw m iy"),
}


def make_lexicon(words: Iterable[str], cmudict: Path) -> dict[str, tuple[Pronunciation, ...]]:
    """Return one or more different pronunciations for each word, best known first."""
    wanted = sorted(set(words))
    spoken_in_america = read_cmudict(cmudict, set(wanted))
    lexicon: dict[str, tuple[Pronunciation, ...]] = {}
    for word in wanted:
        by_hand = [tuple(phones.split()) for phones in _BY_HAND.get(word, ())]
        found = by_hand or [
            espeak().pronounce(word, voice=_ACCENT),
            *spoken_in_america.get(word, ()),
            *(tuple(reduced.split()) for reduced in _REDUCED.get(word, ())),
        ]
        lexicon[word] = as_people_say(word, found)
    return lexicon


def as_people_say(word: str, spoken: Iterable[Pronunciation]) -> tuple[Pronunciation, ...]:
    """Return these pronunciations, and how people who call a device differ from them (docs/voice-measured.md).

    A flap ("water") may be a clear t or a d; a y after another sound ("view") the vowel iy; the schwa of a word's
    first syllable ("computer"), and that of the a which ends a name ("alexa"), a full vowel: synthesisers swallow
    those, but who calls by a name does not.
    """
    ways = [one for one in spoken if one]
    for differently in (_without_flaps, _y_as_vowel, _beginning_clearly, partial(_ending_clearly, word)):
        ways += [other for one in ways for other in differently(one)]
    return tuple(dict.fromkeys(ways))


def _without_flaps(one: Pronunciation) -> Iterator[Pronunciation]:
    for instead in ("t", "d"):
        yield tuple(instead if phone == "dx" else phone for phone in one)


def _y_as_vowel(one: Pronunciation) -> Iterator[Pronunciation]:
    yield (*one[:1], *("iy" if phone == "y" else phone for phone in one[1:]))


def _beginning_clearly(one: Pronunciation) -> Iterator[Pronunciation]:
    first, *more = [place for place, phone in enumerate(one) if phone in _VOWELS] or [0]
    if more and one[first] == "ax":
        yield (*one[:first], "ah", *one[first + 1 :])


def _ending_clearly(word: str, one: Pronunciation) -> Iterator[Pronunciation]:
    if word.endswith("a") and len(one) > 1 and one[-1] == "ax":
        yield from ((*one[:-1], vowel) for vowel in _FULL_VOWELS)


def read_cmudict(path: Path, words: set[str]) -> dict[str, list[Pronunciation]]:
    """Read festival's form of CMUdict for `words`; raise `UnknownPhoneError` for a phone not ours."""
    entries: dict[str, list[Pronunciation]] = {}
    for line in path.read_text("latin-1").splitlines():
        entry = _ENTRY.match(line)
        if entry is None or entry[1] not in words:
            continue
        phones = [phone for symbol in _PHONE.findall(entry[2]) for phone in festival_phones(symbol, text=entry[1])]
        entries.setdefault(entry[1], []).append(tuple(phones))
    return entries


def lexicon_text(lexicon: dict[str, tuple[Pronunciation, ...]]) -> str:
    """Write one line `word phone phone …` for each pronunciation, as Kaldi's lexicon.txt."""
    return "".join(
        f"{word} {' '.join(pronunciation)}\n"
        for word, pronunciations in lexicon.items()
        for pronunciation in pronunciations
    )


def parse_lexicon(text: str) -> dict[str, tuple[Pronunciation, ...]]:
    """Read back what `lexicon_text` wrote."""
    lexicon: dict[str, tuple[Pronunciation, ...]] = {}
    for line in text.splitlines():
        word, *phones = line.split()
        lexicon[word] = (*lexicon.get(word, ()), tuple(phones))
    return lexicon
