"""The phones that the model hears, and how each synthesiser's symbols map to them.

Those of another language are a `PhoneSet` of its own (`mandarin_phones`). An
English phone is one of 41 names in the style of CMUdict (`ax` is schwa, `dx` the
flap), or `SILENCE`. Every symbol a synthesiser can say maps to one or more
phones, or the mapping raises `UnknownPhoneError`: a symbol that were dropped in
silence would shift every later label of its utterance.

Kaldi wants position-dependent phones to give word times: `SIL` is phone 1, then
each phone has four ids (begin, end, internal, singleton) that share one output
of the network, its pdf.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from edge_agent.voice.training.errors import UnknownPhoneError

SILENCE: Final = "SIL"
SPEECH_PHONES: Final = (
    "aa", "ae", "ah", "ao", "aw", "ax", "ay", "b", "ch", "d", "dh", "dx", "eh", "er", "ey", "f", "g", "hh",
    "ih", "iy", "jh", "k", "l", "m", "n", "ng", "ow", "oy", "p", "r", "s", "sh", "t", "th", "uh", "uw", "v",
    "w", "y", "z", "zh",
)  # fmt: skip
PDFS: Final = (SILENCE, *SPEECH_PHONES)
"""What the outputs of the English network stand for, in their order."""

Position = Literal["B", "E", "I", "S"]
POSITIONS: Final[tuple[Position, ...]] = ("B", "E", "I", "S")

_SAME_IN_ESPEAK: Final = "n s t k r d l p z m f b v w g"
_ESPEAK: Final[dict[str, str]] = {
    **{symbol: symbol for symbol in _SAME_IN_ESPEAK.split()},
    # consonants
    "N": "ng", "S": "sh", "tS": "ch", "dZ": "jh", "Z": "zh", "T": "th", "D": "dh", "h": "hh",
    "j": "y", ";": "y", "W": "w", "w#": "w", "w2": "w", "x": "k", "C": "sh", "?": "t", "t2": "t", "t[": "t",
    "t#": "dx", "*": "dx", "d#": "dx", "d2": "d", "z2": "z", "z#": "z", "v#": "v", "l#": "l",
    "l^": "l", "r-": "r", "R": "r", "R2": "r", "n-": "ax n", "m-": "ax m", "l-": "ax l", "n^": "n y",
    # short vowels
    "I": "ih", "I2": "ih", "I#": "ih", "E": "eh", "E#": "eh", "E2": "eh", "e": "eh", "e#": "eh",
    "a": "ae", "aa": "ae", "V": "ah", "0": "aa", "0#": "aa", "U": "uh", "i": "iy", "o": "ao",
    "@": "ax", "@-": "ax", "@2": "ax", "@5": "ax", "a#": "ax", "@L": "ax l",
    # long vowels and diphthongs
    "A:": "aa", "O:": "ao", "O": "ao", "O2": "ao", "i:": "iy", "u:": "uw", "u": "uw", "oU": "ow",
    "oU#": "ow", "eI": "ey", "aI": "ay", "aI#": "ay", "aI2": "ay", "aU": "aw", "OI": "oy",
    "O~": "ao n", "A~": "aa n",
    # vowels before r
    "3": "er", "3:": "er", "3-": "er", "IR": "er", "VR": "ah r", "A@": "aa r", "o@": "ao r",
    "O@": "ao r", "e@": "eh r", "i@3": "ih r", "I@": "ih r", "U@": "uh r", "i@": "iy ax",
    "aI3": "ay er", "aI@": "ay ax", "aU@": "aw er",
}  # fmt: skip
_FESTIVAL: Final[dict[str, str]] = {
    **{phone: phone for phone in SPEECH_PHONES},
    "axr": "er", "el": "ax l", "en": "ax n", "em": "ax m", "hv": "hh", "nx": "n", "ix": "ih",
    "ux": "uw", "q": "t",
}  # fmt: skip
_PAUSES: Final = frozenset(["", "_", "_|", "_:", "_!", "_::", "|", "#", "h#", "pau", "sil", "ssil", "brth"])
_ESPEAK_PHONES: Final = {symbol: tuple(phones.split()) for symbol, phones in _ESPEAK.items()}
_FESTIVAL_PHONES: Final = {symbol: tuple(phones.split()) for symbol, phones in _FESTIVAL.items()}


@dataclass(frozen=True, slots=True)
class Segment:
    """One phone of an utterance and how long it lasts."""

    phone: str
    duration_s: float


@dataclass(frozen=True, slots=True)
class PhoneSet:
    """The phones of one language, and what each of espeak-ng's mnemonics for it is in them."""

    speech: tuple[str, ...]
    espeak: Mapping[str, tuple[str, ...]]

    @property
    def pdfs(self) -> tuple[str, ...]:
        """What the outputs of the language's network stand for, in their order."""
        return (SILENCE, *self.speech)


ENGLISH: Final = PhoneSet(SPEECH_PHONES, _ESPEAK_PHONES)


def espeak_phones(symbol: str, *, text: str, phones: PhoneSet = ENGLISH) -> tuple[str, ...]:
    """Map one espeak-ng mnemonic; `text` is only named in the error."""
    return _mapped(symbol, phones.espeak, "espeak-ng", text)


def festival_phones(symbol: str, *, text: str) -> tuple[str, ...]:
    """Map one symbol of festival's `radio` set, which flite and CMUdict use too."""
    return _mapped(symbol, _FESTIVAL_PHONES, "festival", text)


def espeak_segments(
    symbols: Iterable[tuple[str, float]], *, text: str, phones: PhoneSet = ENGLISH
) -> tuple[Segment, ...]:
    """Turn (mnemonic, seconds) pairs into segments of the same total length.

    Two r in a row ("far right" as `A@` and `r`) are one sound and become one.
    """
    segments: list[Segment] = []
    for symbol, duration_s in symbols:
        for segment in _split(espeak_phones(symbol, text=text, phones=phones), duration_s):
            if segment.phone == "r" and segments and segments[-1].phone == "r":
                segments[-1] = Segment("r", segments[-1].duration_s + segment.duration_s)
            else:
                segments.append(segment)
    return tuple(segments)


def festival_segments(symbols: Iterable[tuple[str, float]], *, text: str) -> tuple[Segment, ...]:
    """Turn (symbol, end in seconds) pairs into segments that follow one another from 0."""
    segments: list[Segment] = []
    start_s = 0.0
    for symbol, end_s in symbols:
        segments += _split(festival_phones(symbol, text=text), max(0.0, end_s - start_s))
        start_s = end_s
    return tuple(segments)


def _mapped(symbol: str, phones: Mapping[str, tuple[str, ...]], source: str, text: str) -> tuple[str, ...]:
    if symbol in _PAUSES:
        return (SILENCE,)
    try:
        return phones[symbol]
    except KeyError:
        raise UnknownPhoneError(symbol, source, text) from None


def _split(phones: tuple[str, ...], duration_s: float) -> list[Segment]:
    return [Segment(phone, duration_s / len(phones)) for phone in phones]


@dataclass(frozen=True, slots=True)
class PositionedPhone:
    """A row of Kaldi's phone table: `name` like `ae_B`, its id and its pdf."""

    name: str
    id: int
    pdf: int

    @property
    def self_loop(self) -> int:
        """The transition-id that stays in the phone's one state."""
        return 2 * self.id - 1

    @property
    def forward(self) -> int:
        """The transition-id that leaves it."""
        return 2 * self.id


def phone_table(speech_phones: Iterable[str] = SPEECH_PHONES) -> tuple[PositionedPhone, ...]:
    """List every positioned phone, in the order of its id (1, 2, 3 …)."""
    rows = [PositionedPhone(SILENCE, 1, 0)]
    for pdf, phone in enumerate(speech_phones, start=1):
        for position in POSITIONS:
            rows.append(PositionedPhone(f"{phone}_{position}", len(rows) + 1, pdf))
    return tuple(rows)


def positions(length: int) -> tuple[Position, ...]:
    """Where each phone of a word of `length` phones stands: S alone, else B I … I E."""
    if length == 1:
        return ("S",)
    inside: list[Position] = ["I"] * (length - 2)
    return ("B", *inside, "E")
