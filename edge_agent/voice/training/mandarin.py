"""Mandarin speech and pronunciations: numbered pinyin, read by espeak-ng.

espeak-ng's own reading of characters is not used: version 1.51 says 银行 as yin xing and 音乐 as yin le, and its
voice `cmn` reads the pinyin of most characters as if it were English. `zh/readings.txt` holds how each word is said.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Final

from edge_agent.voice.training.espeak import espeak
from edge_agent.voice.training.lexicon import Pronunciation, make_lexicon
from edge_agent.voice.training.mandarin_phones import MANDARIN, OF_ENGLISH, pinyin_phones
from edge_agent.voice.training.phones import SILENCE, Segment, espeak_segments
from edge_agent.voice.training.resampling import to_model_rate
from edge_agent.voice.training.synthesis import SPEAKERS
from edge_agent.voice.training.utterance import Utterance

HELD_OUT_SPEAKERS: Final = ("f2", "m3", "Annie", "steph2", "max", "grandpa", "caleb", "linda")
"""Speakers that no Mandarin training text is said by: what is measured with them was never heard in that voice."""

TRAINING_SPEAKERS: Final = tuple(speaker for speaker in SPEAKERS if speaker not in HELD_OUT_SPEAKERS)
_VOICE: Final = "cmn-latn-pinyin"
_SHORTEST_SAMPLES: Final = 1600


@cache
def readings() -> Mapping[str, tuple[str, ...]]:
    """Return the numbered pinyin of every word of `zh`, the most usual reading first."""
    lines = (files(__package__) / "zh" / "readings.txt").read_text("utf-8").splitlines()
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    return {word: tuple(said) for word, *said in rows}


def speak_mandarin(
    texts: Sequence[str], draw: Random, speakers: Sequence[str] = TRAINING_SPEAKERS
) -> Iterator[Utterance]:
    """Say each text, words of `readings` with spaces between, by one invented speaker in Mandarin.

    Most are said as one long word: espeak-ng pauses between words, which people do not.
    """
    for text in texts:
        speaker = draw.choice(speakers)
        samples, symbols = espeak().speak(
            draw.choice((" ", "", "")).join(draw.choice(readings()[word]) for word in text.split()),
            voice=f"{_VOICE}+{speaker}",
            words_per_minute=draw.randint(115, 250),
            pitch=draw.randint(20, 85),
            range_=draw.randint(15, 75),
            gap=draw.choice((0, 0, 0, 1, 3)),
        )
        if len(samples) >= _SHORTEST_SAMPLES:
            segments = espeak_segments(symbols, text=text, phones=MANDARIN)
            yield Utterance(to_model_rate(samples, espeak().rate_hz), segments, f"{_VOICE}+{speaker}")


def homophones(words: Collection[str]) -> set[str]:
    """Return the words of `readings` that sound like any of these, whatever their tones."""
    sounds = {_toneless(reading) for word in words for reading in readings().get(word, ())}
    return {word for word, said in readings().items() if any(_toneless(reading) in sounds for reading in said)}


def _toneless(pinyin: str) -> str:
    return re.sub("[1-5]", " ", pinyin)


def in_mandarin_phones(utterance: Utterance) -> Utterance:
    """Return English speech with the nearest Mandarin phones as its labels."""
    segments = [
        Segment(phone, segment.duration_s / len(own))
        for segment in utterance.segments
        for own in (OF_ENGLISH.get(segment.phone, (SILENCE,)),)
        for phone in own
    ]
    return Utterance(utterance.samples, tuple(segments), utterance.voice)


def make_mandarin_lexicon(words: Iterable[str], cmudict: Path) -> dict[str, tuple[Pronunciation, ...]]:
    """Return the pronunciations of Mandarin words by their readings, and of English ones in Mandarin's phones."""
    wanted = sorted(set(words))
    lexicon: dict[str, tuple[Pronunciation, ...]] = {}
    for word in wanted:
        if word in readings():
            said = [phones for reading in readings()[word] for phones in pinyin_phones(reading)]
            lexicon[word] = tuple(dict.fromkeys(said))
    for word, english in make_lexicon([word for word in wanted if word not in lexicon], cmudict).items():
        lexicon[word] = tuple(
            dict.fromkeys(tuple(own for phone in said for own in OF_ENGLISH[phone]) for said in english)
        )
    return lexicon
