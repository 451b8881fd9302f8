"""How alike two phones are, from how the mouth makes them. Pure.

A consonant is a place, a manner and a voice; a vowel a height, a backness and a rounding, and where it moves to.
Distances run from 0 (the same) to 1 (nothing in common). The tables are ours; their axes are those of the chart of
the International Phonetic Association.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Final, Literal

Phones = tuple[str, ...]
"""A word, or a phrase, by the names of its sounds."""
Pronunciations = Sequence[Phones]

Manner = Literal["stop", "affricate", "fricative", "nasal", "lateral", "rhotic", "glide", "tap"]


@dataclass(frozen=True, slots=True)
class Consonant:
    """`place` runs from 0 (lips) to 1 (glottis); `force` is the voice's or, in Mandarin, the breath's."""

    place: float
    manner: Manner
    force: float


@dataclass(frozen=True, slots=True)
class Vowel:
    """(height, backness, rounding) where it starts and where it ends: open, front and spread lips are 0."""

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    rhotic: bool = False


Sound = Consonant | Vowel

_LIPS, _TEETH, _RIDGE, _BEHIND, _PALATE, _VELUM, _GLOTTIS = 0.0, 0.2, 0.35, 0.5, 0.65, 0.85, 1.0
_VOICED, _VOICELESS = 1.0, 0.0

_RELATED: Final[Mapping[frozenset[Manner], float]] = {
    frozenset({"stop", "affricate"}): 0.4,
    frozenset({"affricate", "fricative"}): 0.4,
    frozenset({"stop", "fricative"}): 0.65,
    frozenset({"stop", "nasal"}): 0.65,
    frozenset({"stop", "tap"}): 0.3,
    frozenset({"nasal", "tap"}): 0.5,
    frozenset({"rhotic", "tap"}): 0.5,
    frozenset({"lateral", "tap"}): 0.5,
    frozenset({"lateral", "rhotic"}): 0.5,
    frozenset({"lateral", "glide"}): 0.5,
    frozenset({"rhotic", "glide"}): 0.5,
    frozenset({"lateral", "nasal"}): 0.6,
}
_WEAK: Final = {"stop": 0.6, "affricate": 0.7, "fricative": 0.6, "nasal": 0.55, "lateral": 0.5, "rhotic": 0.45,
                "glide": 0.45, "tap": 0.4}  # fmt: skip
_CLOSE: Final = 0.75
"""The height from which a vowel is much like a glide."""

_LEAST: Final = 0.08
"""Two phones that the model tells apart are never quite the same."""


def _vowel(height: float, back: float, rounding: float = 0.0, *, rhotic: bool = False) -> Vowel:
    return Vowel((height, back, rounding), (height, back, rounding), rhotic)


def _moving(start: Vowel, end: Vowel) -> Vowel:
    return Vowel(start.start, end.end)


def _consonants(rows: str, places: Mapping[str, float]) -> dict[str, Consonant]:
    """Read `phone place manner v|-` rows."""
    found: dict[str, Consonant] = {}
    for row in rows.strip().splitlines():
        phone, place, manner, voice = row.split()
        found[phone] = Consonant(places[place], _MANNERS[manner], _VOICED if voice == "v" else _VOICELESS)
    return found


_MANNERS: Final[Mapping[str, Manner]] = {
    "stop": "stop", "affr": "affricate", "fric": "fricative", "nas": "nasal", "lat": "lateral", "rho": "rhotic",
    "glide": "glide", "tap": "tap",
}  # fmt: skip
_PLACES: Final = {
    "lips": _LIPS, "teeth": _TEETH, "ridge": _RIDGE, "behind": _BEHIND, "palate": _PALATE, "velum": _VELUM,
    "glottis": _GLOTTIS,
}  # fmt: skip

_IY, _IH, _EH, _AE = _vowel(1, 0), _vowel(0.8, 0.15), _vowel(0.45, 0.1), _vowel(0.15, 0.1)
_AA, _AH, _AX, _AO = _vowel(0, 0.8), _vowel(0.3, 0.6), _vowel(0.5, 0.5), _vowel(0.3, 0.9, 1)
_UH, _UW, _O, _ER = _vowel(0.8, 0.8, 1), _vowel(1, 0.95, 1), _vowel(0.55, 0.9, 1), _vowel(0.5, 0.5, rhotic=True)

ENGLISH: Final[Mapping[str, Sound]] = MappingProxyType(
    {
        **_consonants(
            """
            p lips stop -
            b lips stop v
            m lips nas v
            w lips glide v
            f lips fric -
            v lips fric v
            th teeth fric -
            dh teeth fric v
            t ridge stop -
            d ridge stop v
            dx ridge tap v
            n ridge nas v
            l ridge lat v
            s ridge fric -
            z ridge fric v
            r behind rho v
            sh behind fric -
            zh behind fric v
            ch behind affr -
            jh behind affr v
            y palate glide v
            k velum stop -
            g velum stop v
            ng velum nas v
            hh glottis fric -
            """,
            _PLACES,
        ),
        "iy": _IY, "ih": _IH, "eh": _EH, "ae": _AE, "aa": _AA, "ah": _AH, "ax": _AX, "ao": _AO, "uh": _UH, "uw": _UW,
        "er": _ER,
        "ey": _moving(_EH, _IY), "ay": _moving(_AA, _IH), "oy": _moving(_AO, _IH), "aw": _moving(_AA, _UH),
        "ow": _moving(_O, _UH),
    }
)  # fmt: skip

_A, _E, _YU = _vowel(0, 0.4), _vowel(0.5, 0.75), _vowel(1, 0, 1)
MANDARIN: Final[Mapping[str, Sound]] = MappingProxyType(
    {
        # In Mandarin `v` stands for the breath that tells p from b.
        **_consonants(
            """
            b lips stop -
            p lips stop v
            m lips nas -
            f lips fric -
            d ridge stop -
            t ridge stop v
            n ridge nas -
            l ridge lat -
            z ridge affr -
            c ridge affr v
            s ridge fric -
            zh behind affr -
            ch behind affr v
            sh behind fric -
            r behind rho -
            j palate affr -
            q palate affr v
            x palate fric -
            g velum stop -
            k velum stop v
            ng velum nas -
            h velum fric -
            """,
            _PLACES,
        ),
        "a": _A, "o": _O, "e": _E, "eh": _EH, "i": _IY, "u": _UW, "v": _YU, "er": _ER,
        "ir": _vowel(0.85, 0.55, rhotic=True), "iz": _vowel(0.85, 0.35),
        "ai": _moving(_A, _IH), "ei": _moving(_EH, _IY), "ao": _moving(_A, _UH), "ou": _moving(_O, _UH),
    }
)  # fmt: skip

SOUNDS: Final[Mapping[str, Mapping[str, Sound]]] = MappingProxyType({"en": ENGLISH, "zh": MANDARIN})
"""The phones of each language's model, by name."""


@dataclass(frozen=True, slots=True)
class SoundSystem:
    """How alike the phones of one language are; one that is not in its table has nothing in common with another.

    It is asked millions of times about some forty phones, so that it keeps what it has answered.
    """

    sounds: Mapping[str, Sound]
    _distances: dict[tuple[str, str], float] = field(default_factory=dict, init=False, repr=False, compare=False)
    _weights: dict[str, float] = field(default_factory=dict, init=False, repr=False, compare=False)

    def distance(self, one: str, other: str) -> float:
        """Return how far apart two phones are, 0 … 1."""
        found = self._distances.get((one, other))
        if found is None:
            found = self._distances[one, other] = self._apart(one, other)
        return found

    def weight(self, phone: str) -> float:
        """Return what it costs that a phone is missing, or is there too much: weak ones are easily overheard."""
        found = self._weights.get(phone)
        if found is None:
            found = self._weights[phone] = self._weighed(phone)
        return found

    def _apart(self, one: str, other: str) -> float:
        if one == other:
            return 0.0
        first, second = self.sounds.get(one), self.sounds.get(other)
        if first is None or second is None:
            return 1.0
        return max(_LEAST, _between(first, second))

    def _weighed(self, phone: str) -> float:
        sound = self.sounds.get(phone)
        match sound:
            case Vowel():
                return 0.45 if sound in {_AX, _IH} else 0.8
            case Consonant():
                return 0.4 if sound.place == _GLOTTIS else _WEAK[sound.manner]
            case _:
                return 0.6

    def whole(self, phones: Phones) -> float:
        """Return what it costs that all of these are missing; never 0."""
        return sum(map(self.weight, phones)) or 1.0

    def is_vowel(self, phone: str) -> bool:
        """Whether a syllable can be built on it."""
        return isinstance(self.sounds.get(phone), Vowel)


@cache
def sound_system(lang: str) -> SoundSystem:
    """Return the sounds of a language; one that we know nothing of has phones that are the same or not."""
    return SoundSystem(SOUNDS.get(lang, {}))


def _between(first: Sound, second: Sound) -> float:
    match first, second:
        case Consonant(), Consonant():
            manner = 0.0 if first.manner == second.manner else _RELATED.get(_pair(first, second), 1.0)
            place, force = abs(first.place - second.place), abs(first.force - second.force)
            return min(1.0, 0.6 * manner + 0.5 * place + 0.25 * force)
        case Vowel(), Vowel():
            moved = (_apart(first.start, second.start) + _apart(first.end, second.end)) / 2
            return min(1.0, moved + (0.3 if first.rhotic != second.rhotic else 0.0))
        case (Vowel() as vowel, Consonant() as consonant) | (Consonant() as consonant, Vowel() as vowel):
            if consonant.manner == "glide":
                return 0.5 if vowel.end[0] >= _CLOSE else 0.9
            return 0.5 if consonant.manner == "rhotic" and vowel.rhotic else 1.0
    return 1.0


def _pair(first: Consonant, second: Consonant) -> frozenset[Manner]:
    return frozenset({first.manner, second.manner})


def _apart(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    height, back, rounding = (abs(a - b) for a, b in zip(one, other, strict=True))
    return 0.6 * height + 0.45 * back + 0.15 * rounding
