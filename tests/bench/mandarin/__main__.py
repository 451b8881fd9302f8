"""`python -m tests.bench.mandarin`: how far the Mandarin model was measured. Synthetic speech alone.

Speakers of espeak-ng that no training text was said by; each phrase is listened for as the agent does, among the
others of a household. Near words differ from a phrase in the tones alone, or in the first sound of one syllable. It
says nothing about people: there is no free recording of any here.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Iterable, Sequence
from ctypes.util import find_library
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from shutil import which
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.voice.dialogue import SPOKEN
from edge_agent.voice.grammar import Vocabulary
from edge_agent.voice.libvosk import SpeechModel
from edge_agent.voice.models import check_model, packaged_models
from edge_agent.voice.spotting import spot_audio
from edge_agent.voice.training.espeak import espeak
from edge_agent.voice.training.mandarin import HELD_OUT_SPEAKERS, readings, speak_mandarin
from edge_agent.voice.training.mandarin_phones import syllables
from edge_agent.voice.training.model_card import MEASURED_END, MEASURED_START
from edge_agent.voice.training.noise import draw_noise
from edge_agent.voice.training.resampling import RATE_HZ, to_model_rate, to_pcm
from edge_agent.voice.training.synthesis import speak_with_espeak, speak_with_flite
from edge_agent.voice.training.texts import load_texts
from tests.bench.mandarin.talk import Promise, as_markdown, keep_promises

SNR_DB: Final = 10.0
WAKES: Final = ("你好 厨房", "你好 音箱", "嘿 电视")
UNTAUGHT: Final = ("满天星", "你好 咖啡机", "葡萄酒", "彩虹 小屋", "扫地机")
"""Of words that stand in no training text: what to expect of a phrase that an advertiser comes up with."""

_NEIGHBOURS: Final = (
    ("zh", "ch", "sh", "r"), ("z", "c", "s"), ("j", "q", "x"), ("b", "p", "m", "f"), ("d", "t", "n", "l"),
    ("g", "k", "h"),
)  # fmt: skip
_EXPLAINED: Final = """\
`python -m tests.bench.mandarin`: synthetic speech by speakers of espeak-ng that said no training text (English: by
voices that did), listened to as the agent does, with three wake phrases and all commands at once; phrases of untaught
words one at a time. In the last three rows nothing was to be heard, so what was heard is a false accept."""
_NOTHING: Final = np.zeros(RATE_HZ // 2, np.int16)


@dataclass(frozen=True, slots=True)
class Row:
    """Of `said` clips of one kind, in how many the phrase was heard, clean and with noise."""

    kind: str
    said: int
    heard: int
    heard_in_noise: int
    seconds: float


class Listener:
    """The agent's spotter with the model, on clips with silence around them."""

    def __init__(self, model: Path, seed: int) -> None:
        found = check_model(model)
        self._vocabulary: Vocabulary = found.vocabulary()
        self._model: SpeechModel = found.load()
        self._draw = np.random.default_rng(seed)

    def count(
        self,
        kind: str,
        clips: Iterable[tuple[str, NDArray[np.int16]]],
        grammar: Sequence[str],
        *,
        any_of: bool = False,
    ) -> Row:
        """Listen to (phrase, samples): heard is that phrase, or with `any_of` whatever phrase of the grammar."""
        said, heard, in_noise, seconds = 0, 0, 0, 0.0
        for phrase, samples in clips:
            wanted = set(grammar) if any_of else {phrase}
            heard += bool(wanted & self._phrases(samples, {*grammar, phrase} if not any_of else set(grammar)))
            in_noise += bool(
                wanted & self._phrases(self._noisy(samples), {*grammar, phrase} if not any_of else set(grammar))
            )
            said += 1
            seconds += len(samples) / RATE_HZ
        return Row(kind, said, heard, in_noise, seconds)

    def _phrases(self, samples: NDArray[np.int16], grammar: set[str]) -> set[str]:
        pcm = np.concatenate([_NOTHING, samples, _NOTHING]).astype("<i2").tobytes()
        return {each.phrase for each in spot_audio(pcm, sorted(grammar), self._model, self._vocabulary)}

    def _noisy(self, samples: NDArray[np.int16]) -> NDArray[np.int16]:
        signal = samples.astype(np.float32)
        noise = draw_noise(self._draw, len(signal), [samples[::-1].copy()])
        return to_pcm(signal + noise * np.float32(signal.std() * 10 ** (-SNR_DB / 20)))


def say(phrases: Sequence[str], times: int, draw: Random) -> Iterable[tuple[str, NDArray[np.int16]]]:
    """Let held-out speakers say each phrase."""
    texts = [phrase for phrase in phrases for _ in range(times)]
    spoken = speak_mandarin(texts, draw, HELD_OUT_SPEAKERS)
    return [(text, utterance.samples) for text, utterance in zip(texts, spoken, strict=True)]


def say_pinyin(pinyin: Sequence[str], draw: Random) -> Iterable[tuple[str, NDArray[np.int16]]]:
    """Let held-out speakers say syllables that need not be words."""
    for each in pinyin:
        voice = f"cmn-latn-pinyin+{draw.choice(HELD_OUT_SPEAKERS)}"
        samples, _ = espeak().speak(each, voice=voice, words_per_minute=170, pitch=50, range_=50, gap=0)
        yield "", to_model_rate(samples, espeak().rate_hz)


def other_tones(phrase: str, draw: Random) -> str:
    """Return the phrase's pinyin with every tone another one."""
    said = "".join(readings()[word][0] for word in phrase.split())
    return re.sub(r"[1-5]", lambda tone: draw.choice([each for each in "1234" if each != tone[0]]), said)


def other_initial(phrase: str, draw: Random) -> str:
    """Return the phrase's pinyin with the first sound of one syllable exchanged for a neighbour."""
    said = [syllable for word in phrase.split() for syllable in syllables(readings()[word][0])]
    ways = [
        (place, syllable, mine, other)
        for place, syllable in enumerate(said)
        for group in _NEIGHBOURS
        for mine in group
        for other in group
        if other != mine and syllable.startswith(mine) and not (mine in "zcs" and syllable[1:2] == "h")
    ]
    place, syllable, mine, other = draw.choice(ways)
    said[place] = other + syllable.removeprefix(mine)
    return "".join(f"{syllable}1" for syllable in said)


def commands_said() -> list[str]:
    """Return the commands with spaces between their words, but for the one of one syllable."""
    segmented = {phrase.replace(" ", ""): phrase for phrase in load_texts("zh").phrases}
    return [segmented[each] for phrases in SPOKEN["zh"].values() for each in phrases if len(each) > 1]


def measure(model: Path, seed: int, times: int) -> list[Row]:
    """Measure every kind; `times` is how often each phrase is said."""
    draw, listener = Random(seed), Listener(model, seed)
    texts, commands = load_texts("zh"), commands_said()
    english = [each for phrases in SPOKEN["en"].values() for each in phrases]
    household = [*WAKES, *commands]
    with tempfile.TemporaryDirectory() as scratch:
        said = english * times
        spoken = [*speak_with_espeak(said, draw), *speak_with_flite(said, draw, Path(scratch))]
        in_english = list(zip(said * 2, (utterance.samples for utterance in spoken), strict=True))
    near = [phrase for phrase in household for _ in range(times)]
    return [
        listener.count("wake phrases", say(WAKES, times * 2, draw), household),
        listener.count("commands", say(commands, times, draw), household),
        listener.count("phrases of untaught words", say(UNTAUGHT, times * 2, draw), []),
        listener.count("English commands", in_english, english),
        listener.count(
            "other tones", say_pinyin([other_tones(each, draw) for each in near], draw), household, any_of=True
        ),
        listener.count(
            "one other initial",
            say_pinyin([other_initial(each, draw) for each in near], draw),
            household,
            any_of=True,
        ),
        listener.count("sentences without a phrase", say(texts.sentences, times, draw), household, any_of=True),
    ]


def main() -> int:
    """Print the table, or JSON; 0 also where there is nothing to speak with, after one sentence."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.mandarin", description=__doc__)
    parser.add_argument("--model", type=Path, default=packaged_models().get("zh"))
    parser.add_argument("--times", type=int, default=4, help="how often each phrase is said")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--hours", type=float, default=1.0, help="of talk, to count false accepts in; 0: none")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--card", type=Path, help="a model card to write the table into")
    arguments = parser.parse_args()
    if find_library("espeak-ng") is None or which("flite") is None:
        print("mandarin: skipped, because espeak-ng or flite is not installed (Debian packages).", file=sys.stderr)
        return 0
    rows = measure(arguments.model, arguments.seed, arguments.times)
    table, promises = markdown(rows), list[Promise]()
    if arguments.hours:
        phrases = [*WAKES, *commands_said()]
        promises, heard_hours = keep_promises(arguments.model, phrases, arguments.hours)
        table += "\n\n" + as_markdown(promises, heard_hours, len(phrases))
    print(json.dumps([*map(asdict, rows), *map(asdict, promises)], indent=1) if arguments.json else table)
    if arguments.card is not None:
        before, _, rest = arguments.card.read_text("utf-8").partition(MEASURED_START)
        after = rest.partition(MEASURED_END)[2]
        filled = f"{before}{MEASURED_START}\n{_EXPLAINED}\n\n{table}\n{MEASURED_END}{after}"
        arguments.card.write_text(filled, "utf-8")
    return 0


def markdown(rows: Sequence[Row]) -> str:
    """Return the rows as a table; where nothing was to be heard, what was heard is a false accept."""
    lines = [f"| | clips | heard, clean | heard, noise at {SNR_DB:g} dB |", "| --- | --- | --- | --- |"]
    for row in rows:
        shares = f"{row.heard / row.said:.1%} | {row.heard_in_noise / row.said:.1%}"
        lines.append(f"| {row.kind} | {row.said} ({row.seconds / 60:.1f} min) | {shares} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
