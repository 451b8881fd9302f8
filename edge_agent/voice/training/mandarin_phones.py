"""The phones of Mandarin, without tones, and how pinyin and the synthesisers' symbols map to them. Pure.

A syllable is its initial and the parts of its final in order: `zhuang` is zh u a ng. Whole finals as single phones
would each have one state, so that the order of their sounds and their shortest length could not be told; the parts
are also shared between more syllables. There are no tones: 40 cepstra of a mel spectrum say next to nothing about
pitch, and twice the outputs would be asked to tell what the input does not show. What differs in tone alone (买, 卖)
is therefore one sound to this model.

English words are heard with the same phones, each sound by its nearest one, as a Mandarin accent does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from edge_agent.voice.training.errors import UnknownPhoneError
from edge_agent.voice.training.phones import PhoneSet

_INITIALS: Final = ("zh", "ch", "sh", *"bpmfdtnlgkhjqxrzcs")
_RETROFLEX: Final = ("zh", "ch", "sh", "r")
_SIBILANT: Final = ("z", "c", "s")
_PALATAL: Final = ("j", "q", "x")

SPEECH_PHONES: Final = (
    "a", "ai", "ao", "b", "c", "ch", "d", "e", "eh", "ei", "er", "f", "g", "h", "i", "ir", "iz", "j", "k", "l", "m",
    "n", "ng", "o", "ou", "p", "q", "r", "s", "sh", "t", "u", "v", "x", "z", "zh",
)  # fmt: skip
"""Named as in pinyin; `v` is ü, `eh` the e of 夜, `ir` and `iz` the vowels of 是 and 四."""

_ESPEAK: Final[dict[str, str]] = {
    # initials
    "p": "b", "ph": "p", "m": "m", "f": "f", "t": "d", "th": "t", "n": "n", "l": "l", "k": "g", "kh": "k", "X": "h",
    "tS;": "j", "tS;h": "q", "S;": "x", "ts.": "zh", "ts.h": "ch", "s.": "sh", "z.": "r", "ts": "z", "tsh": "c",
    "s": "s",
    # glides, vowels and what closes a syllable
    "j": "i", "w": "u", ";": "v", "N": "ng", "A": "a", "a": "a", "o": "o", "o-": "e", "@": "e", "i": "i", "u": "u",
    "y": "v", "i.": "ir", "i[": "iz", "@r": "er", "ai": "ai", "ei": "ei", "Au": "ao", "ou": "ou", "iA": "i a",
    "iE": "i eh", "io": "i o", "iou": "i ou", "ua": "u a", "uo": "u o", "uai": "u ai", "uei": "u ei", "u@": "u e",
    "ong": "u ng", "yE": "v eh", "y&": "v eh", "y@": "v", "yi": "v", "yu": "i u",
}  # fmt: skip

MANDARIN: Final = PhoneSet(
    SPEECH_PHONES, MappingProxyType({symbol: tuple(phones.split()) for symbol, phones in _ESPEAK.items()})
)

_OF_ENGLISH: Final[dict[str, str]] = {
    "aa": "a", "ae": "eh", "ah": "a", "ao": "o", "aw": "ao", "ax": "e", "ay": "ai", "b": "b", "ch": "ch", "d": "d",
    "dh": "d", "dx": "d", "eh": "eh", "er": "er", "ey": "ei", "f": "f", "g": "g", "hh": "h", "ih": "i", "iy": "i",
    "jh": "zh", "k": "k", "l": "l", "m": "m", "n": "n", "ng": "ng", "ow": "ou", "oy": "o i", "p": "p", "r": "r",
    "s": "s", "sh": "sh", "t": "t", "th": "s", "uh": "u", "uw": "u", "v": "f", "w": "u", "y": "i", "z": "s",
    "zh": "r",
}  # fmt: skip
OF_ENGLISH: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {phone: tuple(own.split()) for phone, own in _OF_ENGLISH.items()}
)
"""The nearest Mandarin phones of every English one."""

LIKE_ENGLISH: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        **{
            phone: tuple(english for english, own in OF_ENGLISH.items() if own == (phone,))
            for phone in dict.fromkeys(own[0] for own in OF_ENGLISH.values())
        },
        "c": ("t", "s"), "ir": ("er", "ih"), "iz": ("z", "ih"), "j": ("jh",), "q": ("ch",), "v": ("iy", "uw"),
        "x": ("sh",), "z": ("d", "z"),
    }
)  # fmt: skip
"""The English phones that each Mandarin one is nearest to: where a network that goes on from English begins."""

_FINALS: Final[dict[str, tuple[str, ...]]] = {
    **{one: (one,) for one in ("a", "o", "e", "ai", "ei", "ao", "ou", "er", "i", "u", "v")},
    "an": ("a n",), "en": ("e n",), "ang": ("a ng",), "eng": ("e ng",), "ong": ("u ng",),
    "ia": ("i a",), "ie": ("i eh",), "io": ("i o",), "iao": ("i ao",), "iu": ("i ou",), "ian": ("i eh n",),
    "in": ("i n",), "iang": ("i a ng",), "ing": ("i ng",), "iong": ("i u ng", "v ng"),
    "ua": ("u a",), "uo": ("u o",), "uai": ("u ai",), "ui": ("u ei",), "uan": ("u a n",), "un": ("u e n",),
    "uang": ("u a ng",), "ueng": ("u e ng",),
    "ve": ("v eh",), "van": ("v eh n",), "vn": ("v n",),
}  # fmt: skip
_WITHOUT_INITIAL: Final = {
    "yi": "i", "yo": "io", "you": "iu", "yin": "in", "ying": "ing", "yu": "v", "yue": "ve", "yuan": "van",
    "yun": "vn", "wu": "u", "wei": "ui", "wen": "un", "weng": "ueng",
}  # fmt: skip
_SYLLABLE: Final = re.compile(r"([a-zü]+)([1-5])")


def syllables(pinyin: str) -> tuple[str, ...]:
    """Split "yin1yue4" into its syllables without tones; raise `UnknownPhoneError` for anything else."""
    if not re.fullmatch(rf"(?:{_SYLLABLE.pattern})+", pinyin):
        raise UnknownPhoneError(pinyin, "Pinyin", pinyin)
    return tuple(syllable.replace("ü", "v") for syllable, _ in _SYLLABLE.findall(pinyin))


def pinyin_phones(pinyin: str) -> tuple[tuple[str, ...], ...]:
    """Return every pronunciation of numbered pinyin such as "yin1yue4"; raise `UnknownPhoneError`."""
    ways: list[tuple[str, ...]] = [()]
    for syllable in syllables(pinyin):
        ways = [(*way, *phones) for way in ways for phones in _syllable_phones(syllable)]
    return tuple(ways)


def _syllable_phones(syllable: str) -> list[tuple[str, ...]]:
    initial = next((each for each in _INITIALS if syllable.startswith(each)), "")
    final = syllable.removeprefix(initial)
    if not initial:
        final = _WITHOUT_INITIAL.get(syllable) or (
            f"i{syllable[1:]}" if syllable[0] == "y" else f"u{syllable[1:]}" if syllable[0] == "w" else syllable
        )
    elif initial in _PALATAL and final.startswith("u"):
        final = f"v{final[1:]}"
    if final not in _FINALS:
        raise UnknownPhoneError(syllable, "Pinyin", syllable)
    vowel = {"i": "ir"} if initial in _RETROFLEX else {"i": "iz"} if initial in _SIBILANT else {}
    start = (initial,) if initial else ()
    return [(*start, *vowel.get(final, each).split()) for each in _FINALS[final]]
