"""Talk in which nobody says the phrases that are listened for, by the recipe's synthetic voices.

False accepts are counted in it: by the command that sets the thresholds (`calibration`) and, with another seed, by
the benchmark. Two kinds: `talk`, minutes of invented sentences with pauses, one speaker after the other; and
`near-words`, words of a dictionary that sound like a phrase and are not it, each said alone.

The voices are those that the model was taught with, so that it makes fewer mistakes here than with people.
"""

from __future__ import annotations

import re
import tempfile
import wave
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.voice.training.espeak import espeak
from edge_agent.voice.training.lexicon import read_cmudict
from edge_agent.voice.training.mandarin import (
    HELD_OUT_SPEAKERS,
    TRAINING_SPEAKERS,
    homophones,
    speak_mandarin,
)
from edge_agent.voice.training.parallel import Report, run_in_processes
from edge_agent.voice.training.people import Part, part_of
from edge_agent.voice.training.requirements import CMUDICT
from edge_agent.voice.training.resampling import RATE_HZ
from edge_agent.voice.training.synthesis import speak_with_espeak, speak_with_festival, speak_with_flite
from edge_agent.voice.training.texts import load_texts
from edge_agent.voice.training.utterance import Utterance

Samples = NDArray[np.int16]

_SENTENCES_A_PIECE: Final = 22
"""About a minute."""

_PAUSE_S: Final = (0.2, 1.5)
_LEVEL_DB: Final = (-36.0, -18.0)
_FLOOR_DB: Final = (-80.0, -60.0)
_SMALL_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "en": (
        *["the"] * 6, *["a"] * 4, *["to"] * 3, *["of"] * 3, *["and"] * 4, "in", "in", "is", "is", "it", "you", "i",
        "we", "that", "for", "on", "with", "my", "your", "but", "not", "she", "he", "they", "was", "are", "have",
        "at", "so", "what", "this", "from", "then", "there", "would", "can", "our", "if", "or", "when", "about",
    ),
    "zh": (
        *["的"] * 6, *["了"] * 4, *["是"] * 3, *["在"] * 3, *["我"] * 3, "不", "不", "你", "他", "这", "那", "有",
        "和", "也", "就", "都", "要", "会", "说", "去", "到", "很", "给", "上", "把", "还", "没有", "一个",
        "什么", "我们",
    ),
}  # fmt: skip
"""What joins the words of a sentence, the more usual ones several times."""

_NEAR: Final = 2
_ACCENT: Final = "en-us"
_SAME_SOUND: Final = {"dx": "t", "ax": "ah", "ao": "aa"}
"""Phones whose difference is one of accent."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One file to be made: a pure function of these fields and of the synthesisers' versions."""

    path: Path
    language: str
    texts: tuple[str, ...]
    seed: int
    festival: bool
    held_out: bool


def make_talk(
    folder: Path,
    *,
    language: str,
    hours: float,
    seed: int,
    without: Sequence[str],
    report: Report,
    held_out: bool = False,
) -> list[Path]:
    """Put about `hours` of talk into `folder`, a minute a file, and return its files; what is there is kept.

    `held_out` lets only those speakers talk that no training text is said by; Mandarin has some.

    No sentence holds a word of the phrases in `without`, small words apart. In Mandarin, where the model knows no
    tones, none holds what sounds like such a word either.
    """
    folder.mkdir(parents=True, exist_ok=True)
    draw = Random(seed)
    lists = load_texts(language)
    forbidden = {word for phrase in without for word in phrase.split()}
    key = sha256(" ".join(sorted(forbidden)).encode()).hexdigest()[:8]
    alike = forbidden | (homophones(forbidden) if language == "zh" else set())
    usable = tuple(word for word in lists.vocabulary if word not in alike and word not in lists.foreign)
    small = tuple(word for word in _SMALL_WORDS[language] if word not in without)
    pieces: list[Piece] = []
    paths: list[Path] = []
    for number in range(round(hours * 60)):
        texts = tuple(_sentence(draw, usable, small) for _ in range(_SENTENCES_A_PIECE))
        path = folder / f"talk-{key}-{number:04}.wav"
        piece = Piece(path, language, texts, draw.getrandbits(32), festival=number % 10 == 0, held_out=held_out)
        paths.append(path)
        if not path.exists():
            pieces.append(piece)
    if pieces:
        run_in_processes(_make_talk, pieces, what=f"talk in {folder}, minutes", report=report)
    return paths


def make_near_words(folder: Path, phrase: str, *, part: Part, count: int, seed: int) -> list[Path]:
    """Put at most `count` words that sound like `phrase` into `folder`, each said by one voice; return their files.

    The words of the two parts are different ones.
    """
    folder.mkdir(parents=True, exist_ok=True)
    draw = Random(f"{seed} {phrase}")
    texts = [text for text in near_words(phrase) if part_of(phrase, text) == part]
    texts = sorted(draw.sample(texts, min(count, len(texts))))
    paths = [folder / f"{text.replace(' ', '_')}.wav" for text in texts]
    if not all(path.exists() for path in paths):
        for path, utterance in zip(paths, speak_with_espeak(texts, draw), strict=True):
            write_wave(path, _stream([utterance], np.random.default_rng(draw.getrandbits(32))))
    return paths


def near_words(phrase: str) -> tuple[str, ...]:
    """Return what differs from `phrase` in one word, by one or two phones that are put in, left out or changed.

    Words of CMUdict, sorted. What is pronounced like the phrase, or holds it, is left out.
    """
    words = phrase.split()
    said = [_sounds(word) for word in words]
    found = set()
    for place, sounds in enumerate(said):
        before, after = (
            tuple(phone for each in part for phone in each) for part in (said[:place], said[place + 1 :])
        )
        # The dictionary may say the word in another way than espeak-ng: neither way is a mistake.
        wholes = [(*before, *way, *after) for way in (sounds, *_dictionary().get(words[place], ()))]
        for word, pronunciations in _dictionary().items():
            near = [
                phone_distance(sounds, other) for other in pronunciations if abs(len(other) - len(sounds)) <= _NEAR
            ]
            holds = any(_holds((*before, *other, *after), whole) for other in pronunciations for whole in wholes)
            if near and 0 < min(near) <= _NEAR and not holds:
                found.add(" ".join([*words[:place], word, *words[place + 1 :]]))
    return tuple(sorted(found))


def phone_distance(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many phones must be put in, left out or changed to make one of the other (Levenshtein 1966)."""
    row = list(range(len(other) + 1))
    for number, phone in enumerate(one, start=1):
        before, row[0] = row[0], number
        for place, counterpart in enumerate(other, start=1):
            best = min(row[place] + 1, row[place - 1] + 1, before + (phone != counterpart))
            before, row[place] = row[place], best
    return row[-1]


def write_wave(path: Path, samples: Samples) -> None:
    """Write a mono WAV file at `RATE_HZ`, whole or not at all."""
    part = path.with_suffix(".part")
    with wave.open(str(part), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.astype("<i2").tobytes())
    part.rename(path)


def _make_talk(piece: Piece) -> None:
    draw = Random(piece.seed)
    with tempfile.TemporaryDirectory() as scratch:
        spoken: Iterator[Utterance]
        if piece.language == "zh":
            spoken = speak_mandarin(piece.texts, draw, HELD_OUT_SPEAKERS if piece.held_out else TRAINING_SPEAKERS)
        elif piece.festival:
            spoken = speak_with_festival(piece.texts, draw, Path(scratch))
        else:
            half = len(piece.texts) // 2
            spoken = iter(
                [
                    *speak_with_espeak(piece.texts[:half], draw),
                    *speak_with_flite(piece.texts[half:], draw, Path(scratch)),
                ]
            )
        write_wave(piece.path, _stream(list(spoken), np.random.default_rng(piece.seed)))


def _stream(utterances: Sequence[Utterance], draw: np.random.Generator) -> Samples:
    """Join utterances with pauses, each at its own level, over a faint noise floor."""
    parts = [np.zeros(RATE_HZ // 2)]
    for utterance in utterances:
        speech = utterance.samples.astype(np.float64)
        level = 32768 * 10 ** (draw.uniform(*_LEVEL_DB) / 20)
        parts += [speech * (level / (speech.std() + 1.0)), np.zeros(int(draw.uniform(*_PAUSE_S) * RATE_HZ))]
    signal = np.concatenate(parts)
    signal += draw.standard_normal(len(signal)) * 32768 * 10 ** (draw.uniform(*_FLOOR_DB) / 20)
    return np.clip(np.round(signal), -32768, 32767).astype(np.int16)


def _sentence(draw: Random, words: Sequence[str], small: Sequence[str]) -> str:
    """Draw a sentence without sense: `words`, joined by small ones."""
    said: list[str] = []
    for _ in range(draw.randint(2, 6)):
        said += draw.choices(small, k=draw.choice((0, 1, 1, 2)))
        said.append(draw.choice(words))
    return " ".join(said)


def _sounds(text: str) -> tuple[str, ...]:
    phones = [phone for word in text.split() for phone in espeak().pronounce(word, voice=_ACCENT)]
    return tuple(_SAME_SOUND.get(phone, phone) for phone in phones)


def _holds(sounds: Sequence[str], phrase: Sequence[str]) -> bool:
    """Say whether the whole phrase is in there: that is no mistake to make."""
    return any(tuple(sounds[at : at + len(phrase)]) == tuple(phrase) for at in range(len(sounds)))


@cache
def _dictionary() -> dict[str, tuple[tuple[str, ...], ...]]:
    words = set(re.findall(r'"([a-z]+)"', CMUDICT.read_text("latin-1")))
    return {
        word: tuple(tuple(_SAME_SOUND.get(phone, phone) for phone in one) for one in pronunciations)
        for word, pronunciations in read_cmudict(CMUDICT, words).items()
    }
