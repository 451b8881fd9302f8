"""How each word of the vocabulary may be pronounced.

espeak-ng gives one pronunciation for every word, brand names included; CMUdict
adds what people say in America, and a short list adds how small words shrink in
running speech. A flap ("water" with a soft d) is also accepted as a clear t, and
the a that ends a name ("alexa") as a full vowel: synthesisers say a schwa there,
but people who call a device by its name do not swallow its last sound.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from edge_agent.voice.training.espeak import espeak
from edge_agent.voice.training.phones import festival_phones

Pronunciation = tuple[str, ...]

_ACCENT: Final = "en-us"
_ENTRY: Final = re.compile(r'\(\s*"([a-z\']+)"\s+\S+\s+\((.*)\)\s*\)\s*$')
_PHONE: Final = re.compile(r"[a-z]+")
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


def make_lexicon(words: Iterable[str], cmudict: Path) -> dict[str, tuple[Pronunciation, ...]]:
    """Return one or more different pronunciations for each word, best known first."""
    wanted = sorted(set(words))
    spoken_in_america = read_cmudict(cmudict, set(wanted))
    lexicon: dict[str, tuple[Pronunciation, ...]] = {}
    for word in wanted:
        found = [
            espeak().pronounce(word, voice=_ACCENT),
            *spoken_in_america.get(word, ()),
            *(tuple(reduced.split()) for reduced in _REDUCED.get(word, ())),
        ]
        unflapped = [tuple("t" if phone == "dx" else phone for phone in one) for one in found]
        spoken = [one for one in [*found, *unflapped] if one]
        lexicon[word] = tuple(dict.fromkeys([*spoken, *ending_clearly(word, spoken)]))
    return lexicon


def ending_clearly(word: str, spoken: Iterable[Pronunciation]) -> Iterator[Pronunciation]:
    """Yield a name that ends in a with each full vowel there instead of its schwa."""
    for one in spoken:
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
