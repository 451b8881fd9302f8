"""`python -m edge_agent.voice.training.calibration`: set a model's thresholds by listening to talk.

1. Talk is made in which none of the phrases is said (`negatives`); every fourth minute of it is heard in noise.
2. Every phrase is listened for as the agent does, at no threshold; each time that one is taken to be there counts.
3. The tail of all their scores gives `decay`, the count of each phrase its own `rate` (`tail`).

Whoever ships a new network runs it again: it takes as long as a quarter of the talk does on two cores.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final
from zlib import crc32

import numpy as np

from edge_agent.voice.grammar import Vocabulary, build_grammar
from edge_agent.voice.libvosk import SpeechModel
from edge_agent.voice.spotter import Detection, letters_in
from edge_agent.voice.spotting import PhraseStream
from edge_agent.voice.thresholds import FILE, Thresholds
from edge_agent.voice.training.errors import TrainingError
from edge_agent.voice.training.negatives import make_talk
from edge_agent.voice.training.noise import draw_noise
from edge_agent.voice.training.parallel import Report, run_in_processes
from edge_agent.voice.training.tail import fit
from edge_agent.voice.training.texts import LANGUAGES, load_texts
from edge_agent.voice.wav import read_wav

HOURS: Final = 1.0
SEED: Final = 7
"""Of the talk; the benchmark's is another one."""

OTHER_PHRASES: Final = 15
OTHER_NAMES: Final = 15
"""So many commands and single names are listened for beside the given phrases, to learn what to expect of phrases of
so many letters. A name is what a device is called by, is in no training text, and is taken to be there more often
than a command."""

_SHORTEST_NAME: Final = 5

ONE_EVENT_S: Final = 1.0

NOISE_EVERY: Final = 4
"""In how many minutes of talk one is in noise: a home is quieter than that most of the time, and with more of it what
is said in a quiet room would be missed for the sake of the rest (docs/voice-measured.md)."""

SNR_DB: Final = 10.0
"""How far the noise is below the talk: other people's, music, hum, hiss."""


@dataclass(frozen=True, slots=True)
class Watch:
    """One recording in which every phrase that is heard is heard wrongly."""

    model: Path
    recording: Path
    phrases: tuple[str, ...]
    behind: tuple[Path, ...] = ()
    """Who else may talk in the background; where nobody may, there is no noise."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What was heard in recordings: phrase and score of each event, and how long they were."""

    events: tuple[tuple[str, float], ...]
    hours: float


def watch(piece: Watch) -> Watched:
    """Listen as the agent does, without a threshold."""
    heard: list[Detection] = []

    def note(candidate: Detection) -> bool:
        heard.append(candidate)
        return False

    vocabulary = Vocabulary.parse((piece.model / "graph" / "words.txt").read_text("utf-8"))
    stream = PhraseStream(SpeechModel(piece.model), build_grammar(piece.phrases, vocabulary), verdict=note)
    pcm = read_wav(piece.recording)
    list(stream.feed(_in_noise(pcm, piece.behind) if piece.behind else pcm))
    list(stream.finish())
    kept: list[Detection] = []
    for each in sorted(heard, key=lambda one: -one.score):
        if all(each.phrase != other.phrase or abs(each.end_s - other.end_s) > ONE_EVENT_S for other in kept):
            kept.append(each)
    return Watched(tuple((each.phrase, each.score) for each in kept), stream.now_s / 3600)


def watch_talk(model: Path, talk: Sequence[Path], phrases: Sequence[str], report: Report) -> Watched:
    """Watch all of `talk`, a minute a file, one minute of `NOISE_EVERY` in noise; return the sum of it."""
    pieces = [
        Watch(model, path, tuple(phrases), (talk[number - 1], talk[number - 2]) if number % NOISE_EVERY == 0 else ())
        for number, path in enumerate(talk)
    ]
    watched = run_in_processes(watch, pieces, what="listening, minutes", report=report)
    return Watched(tuple(event for each in watched for event in each.events), sum(each.hours for each in watched))


def _in_noise(pcm: bytes, behind: Sequence[Path]) -> bytes:
    """Return `pcm` over noise that depends on it alone."""
    voices = [np.frombuffer(read_wav(path), "<i2") for path in behind]
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    noise = draw_noise(np.random.default_rng(crc32(pcm)), len(samples), voices)
    level = samples.std() * 10 ** (-SNR_DB / 20)
    heard: bytes = np.clip(np.round(samples + level * noise), -32768, 32767).astype("<i2").tobytes()
    return heard


def calibrate(model: Path, phrases: Sequence[str], *, language: str, hours: float, work: Path) -> Thresholds:
    """Return the thresholds for these phrases with the model in that directory."""
    draw = Random(SEED)
    vocabulary = Vocabulary.parse((model / "graph" / "words.txt").read_text("utf-8"))
    texts = load_texts(language)
    listened = list(phrases)
    known = (
        name
        for name in texts.names or texts.unspoken
        if name in vocabulary.words and letters_in((name,)) >= _SHORTEST_NAME
    )
    for others, count in ((texts.phrases, OTHER_PHRASES), (known, OTHER_NAMES)):
        usable = [phrase for phrase in others if phrase not in phrases]
        listened += draw.sample(usable, min(count, len(usable)))
    grammar = build_grammar(listened, vocabulary).phrases
    listened = list(grammar.values())
    talk = make_talk(
        work / f"talk-{language}-{SEED}",
        language=language,
        hours=hours,
        seed=SEED,
        without=[" ".join(words) for words in grammar],
        report=_report,
    )
    watched = watch_talk(model, talk, listened, _report)
    made = (
        f"{watched.hours:.2f} hours of synthetic talk (seed {SEED}), one minute of {NOISE_EVERY} in noise "
        f"{SNR_DB:g} dB below, {len(listened)} phrases listened for at once"
    )
    return fit(watched.events, listened, watched.hours, made=made)


def main() -> int:
    """Calibrate as the arguments say; 0 when the file is written, 2 when it cannot be."""
    parser = argparse.ArgumentParser(prog="python -m edge_agent.voice.training.calibration", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="the model directory to write into")
    parser.add_argument("--language", default="en", choices=sorted(LANGUAGES), help="of the talk")
    parser.add_argument("--phrase", action="append", default=[], help="calibrate this one too; may be given again")
    parser.add_argument("--hours", type=float, default=HOURS, help="of talk")
    parser.add_argument("--work", type=Path, help="where the talk is kept; nowhere if not given")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="edge-agent-calibration-") as scratch:
        try:
            made = calibrate(
                arguments.model,
                arguments.phrase,
                language=arguments.language,
                hours=arguments.hours,
                work=arguments.work or Path(scratch),
            )
        except TrainingError as error:
            print(error, file=sys.stderr)
            return 2
    (arguments.model / FILE).write_text(made.to_json() + "\n", encoding="utf-8")
    print(f"{arguments.model / FILE}: {len(made.rates)} phrases, {made.made}")
    return 0


def _report(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
