"""Our own recordings in a simulated room, alone and with a person who speaks over them.

    python -m tests.bench.own_voice [--clips N] [--louder DB …]

The loudspeaker's own non-linearity and a high pass, a room of 0.2 to 0.5 s reverberation, a delay of 50 to 300 ms and
noise 35 dB below the person. The person is one of the real recordings of three wake words (see tests.bench.wake for
where they are; without them only synthesised commands are used). Needs espeak-ng and flite.
"""

import argparse
import random
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy import signal

from edge_agent.voice.gated import GatedStream
from edge_agent.voice.grammar import Grammar, build_grammar, contains
from edge_agent.voice.libvosk import RATE, SpeechModel
from edge_agent.voice.models import check_model, packaged_models
from edge_agent.voice.own_voice import OwnSound, OwnVoice
from edge_agent.voice.spotter import Detection
from edge_agent.voice.wav import read_wav
from tests.bench.wake.recordings import find_recordings

Samples = NDArray[np.float64]
WAKES: Final = ("computer", "alexa", "view glass")
STOPS: Final = ("stop", "no thanks")
COMMANDS: Final = (*STOPS, "not interested", "tell me more", "why this", "send it to my phone", "yes please", "no")
VOICES: Final = ("flite:rms", "flite:awb", "flite:slt", "espeak:en-us+f3", "espeak:en-us+m3")
PLAIN: Final = (
    "Fresh bread is out of the oven at the corner bakery until noon today.",
    "The night train to the mountains has beds again. Would you like to hear the times?",
    "Your washing machine takes the small tablets, and this week the large box costs less.",
    "Three films by the sea this Friday, with blankets for everyone. Shall I tell you which?",
    "A new season of the garden show begins tonight on channel four, right after the news.",
    "There are more than forty kinds of cheese at the market hall, and nobody minds if you taste.",
)
NAMING: Final = (
    "Half price on umbrellas this week. Say tell me more, or say stop.",
    "Our buses do not stop for rain. Say yes please, and I will tell you the times.",
    "Not interested in cooking tonight? The corner kitchen delivers until ten.",
    "The new computer lessons begin on Monday. Why this one? Because the teacher is kind.",
    "Stop. Listen. This is the sound of real leather. Would you like to know more?",
    "If you are not interested just say stop. If you are, say tell me more.",
)
LEAD_S: Final = 1.0
PERSON_RMS: Final = 3000.0
METHODS: Final = ("nothing", "transcript", "transcript + own recording", "the same + echo taken out")


@dataclass(frozen=True)
class Bench:
    """What all scenes share."""

    model: SpeechModel
    grammars: dict[str, Grammar]
    whole: Grammar
    own: tuple[tuple[str, Samples], ...]


def synthesised(text: str, voice: str) -> Samples:
    """Say a text."""
    engine, _, name = voice.partition(":")
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        commands = {
            "flite": ["flite", "-voice", name, "-t", text, "-o", file.name],
            "espeak": ["espeak-ng", "-v", name, "-s", "150", "-w", file.name, text],
        }
        subprocess.run(commands[engine], check=True, stdout=subprocess.DEVNULL)
        samples = np.frombuffer(read_wav(Path(file.name)), np.int16).astype(float)
    loud = np.flatnonzero(np.abs(samples) > 0.02 * np.abs(samples).max())
    return np.asarray(samples[loud[0] : loud[-1] + 800])


def speech_of(recording: Samples) -> Samples:
    """Return the part of a recording in which somebody speaks: hits are counted by where a phrase ends."""
    frames = (recording[: len(recording) // 320 * 320].reshape(-1, 320) ** 2).mean(1)
    loud = np.flatnonzero(frames > frames.max() * 10 ** (-25 / 10))
    return recording[max(0, loud[0] - 5) * 320 : (loud[-1] + 5) * 320]


def level(samples: Samples) -> float:
    """Return the level of the louder half."""
    frames = np.sort((samples[: len(samples) // 320 * 320].reshape(-1, 320) ** 2).mean(1))
    return float(np.sqrt(frames[len(frames) // 2 :].mean())) + 1e-9


def room(draw: np.random.Generator, ratio_db: tuple[float, float]) -> Samples:
    """Return an impulse response: a direct path, and decaying noise from 3 ms on."""
    length = int(RATE * draw.uniform(0.2, 0.5))
    response = draw.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
    response[:48] = 0
    response *= 10 ** (-draw.uniform(*ratio_db) / 20) / np.sqrt((response**2).sum())
    response[0] = 1
    return response


def scene(own: Samples, seed: int, louder_db: float, person: Samples | None, at_s: float) -> bytes:
    """Return what the microphone hears; our recording begins at `LEAD_S`."""
    draw = np.random.default_rng(seed)
    delay = round(draw.uniform(0.05, 0.3) * RATE)
    played = np.tanh(own / 32768 * 1.2) / 1.2 * 32768
    played = signal.sosfilt(signal.butter(2, 150, "high", fs=RATE, output="sos"), played)
    echo = signal.fftconvolve(played, room(draw, (3, 10)))
    echo *= PERSON_RMS * 10 ** (louder_db / 20) / level(echo)
    heard = draw.standard_normal(len(own) + 4 * RATE) * PERSON_RMS * 10 ** (-35 / 20)
    parts = [(round(LEAD_S * RATE) + delay, echo)]
    if person is not None:
        parts.append(
            (round(at_s * RATE), signal.fftconvolve(person * PERSON_RMS / level(person), room(draw, (-3, 3))))
        )
    for at, sound in parts:
        fitting = sound[: len(heard) - at]
        heard[at : at + len(fitting)] += fitting
    return bytes(np.clip(heard, -32768, 32767).astype(np.int16).tobytes())


def listen(bench: Bench, method: str, number: int, heard: bytes) -> list[Detection]:
    """Return what gets through, by one of the methods."""
    text, samples = bench.own[number]
    grammar = bench.whole if method == "nothing" else bench.grammars[text]
    pcm = bytes(samples.astype(np.int16).tobytes())
    own = OwnVoice(lambda *_: pcm, bench.model, 0.0)
    own.play(OwnSound(Path(text[:8])), grammar)
    if own.hearing is not None:
        own.hearing.join()
    stream = GatedStream(bench.model, grammar)
    found: list[Detection] = []
    now_s, step = 0.0, RATE // 20 * 2
    for at in range(0, len(heard), step):
        if at == round(LEAD_S * 20) * step:
            own.play(OwnSound(Path(text[:8]), now_s), grammar)
        audio = heard[at : at + step]
        now_s += len(audio) / (2 * RATE)
        cleaned = own.take(audio, now_s)
        detections = stream.feed(cleaned if method == METHODS[3] else audio)
        found += [each for each in detections if method in METHODS[:2] or not own.is_own(each)]
    return found


def people(count: int) -> Iterator[tuple[str, Samples]]:
    """Yield (phrase, recording): real people's wake words where there are any, synthesised commands."""
    folder = find_recordings()
    for phrase in WAKES if folder else ():
        for path in sorted((folder or Path()).joinpath(phrase.replace(" ", "_")).glob("*.flac"))[:count]:
            yield phrase, speech_of(soundfile.read(path, dtype="int16")[0].astype(float))
    for phrase in COMMANDS:
        for voice in VOICES[: max(1, count // 2)]:
            yield phrase, synthesised(phrase, voice)


def rows(bench: Bench, spoken: Sequence[tuple[str, Samples]], louder_db: float) -> Iterator[str]:
    """Yield a line of the table for each method."""
    for method in METHODS:
        own_events = [0, 0]
        for number in range(len(bench.own)):
            for seed in range(2):
                heard = scene(bench.own[number][1], seed, louder_db, None, 0.0)
                own_events[number >= len(PLAIN)] += len(listen(bench, method, number, heard))
        hits: dict[str, list[bool]] = {"wake": [], "words": [], "word": []}
        for index, (phrase, person) in enumerate(spoken):
            number = index % len(bench.own)
            ours = bench.own[number][1]
            latest = max(2.3, LEAD_S + (len(ours) - len(person)) / RATE - 0.2)
            at_s = random.Random(index).uniform(2.2, latest)
            end_s = at_s + len(person) / RATE
            found = listen(bench, method, number, scene(ours, index, louder_db, person, at_s))
            kind = "wake" if phrase in WAKES else "words" if " " in phrase else "word"
            hits[kind].append(any(each.phrase == phrase and abs(each.end_s - end_s) < 0.6 for each in found))
        shares = " | ".join(f"{sum(got)} of {len(got)}" for got in hits.values())
        yield f"| {louder_db:+.0f} dB | {method} | {own_events[0]} | {own_events[1]} | {shares} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=6, help="recordings of each wake word")
    parser.add_argument("--louder", type=float, nargs="*", default=[0.0, 10.0], help="than the person, in dB")
    asked = parser.parse_args()
    count = asked.clips
    model = check_model(packaged_models()["en"])
    vocabulary, phrases = model.vocabulary(), (*WAKES, *COMMANDS)
    own = tuple((text, synthesised(text, VOICES[index % 3])) for index, text in enumerate((*PLAIN, *NAMING)))
    grammars = {
        text: build_grammar([each for each in phrases if each in STOPS or not contains(text, each)], vocabulary)
        for text, _ in own
    }
    bench = Bench(model.load(), grammars, build_grammar(phrases, vocabulary), own)
    spoken = list(people(count))
    print(
        "| our voice | with | own events, plain | own events, naming phrases | wake words | commands | of one word |"
    )
    print("|---|---|---|---|---|---|---|")
    for louder_db in asked.louder:
        for line in rows(bench, spoken, louder_db):
            print(line, flush=True)


if __name__ == "__main__":
    main()
