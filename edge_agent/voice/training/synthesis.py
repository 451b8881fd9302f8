"""Three synthesisers that say where each phone is, in as many voices as they have.

Each function says the given texts with settings drawn from `draw` and yields
what came out; the texts hold plain lower-case words only. espeak-ng is a formant
synthesiser with many invented speakers and accents; flite's and festival's
voices were each built from one person's recordings, so they carry the sound of
real speech.
"""

from __future__ import annotations

import subprocess
import wave
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.voice.training.errors import ToolFailedError
from edge_agent.voice.training.espeak import espeak
from edge_agent.voice.training.phones import espeak_segments, festival_segments
from edge_agent.voice.training.resampling import to_model_rate
from edge_agent.voice.training.utterance import Utterance

ACCENTS: Final = (
    *["en-us"] * 8, *["en"] * 2, "en-us-nyc", "en-gb-x-rp", "en-gb-scotland", "en-029",
    "en-gb-x-gbclan", "en-gb-x-gbcwmd",
)  # fmt: skip
"""espeak-ng's ways of speaking English, the more usual ones several times."""

SPEAKERS: Final = (
    "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "f1", "f2", "f3", "f4", "f5", "klatt", "klatt2", "klatt3",
    "klatt4", "klatt5", "klatt6", "Alex", "Alicia", "Andrea", "Andy", "Annie", "AnxiousAndy", "Denis",
    "Diogo", "Gene", "Gene2", "Henrique", "Hugo", "Jacky", "Lee", "Marco", "Mario", "Michael", "Mike",
    "Nguyen", "adam", "anika", "antonio", "aunty", "belinda", "benjamin", "boris", "caleb", "david", "ed",
    "edward", "edward2", "grandma", "grandpa", "gustave", "iven", "iven2", "iven3", "iven4", "john",
    "kaukovalta", "linda", "marcelo", "max", "michel", "miguel", "norbert", "pablo", "paul", "pedro",
    "quincy", "rob", "robert", "sandro", "shelby", "steph", "steph2", "steph3", "travis", "victor", "zac",
    "announcer", "whisper", "whisperf",
)  # fmt: skip
"""espeak-ng's variants that sound like people; the robots and effects are left out."""

FLITE_VOICES: Final = ("slt", "awb", "rms", "kal16")
FESTIVAL_VOICES: Final = {
    "slt": "voice_cmu_us_slt_arctic_hts",
    "ked": "voice_ked_diphone",
}
_SHORTEST_SAMPLES: Final = 1600


def speak_with_espeak(texts: Sequence[str], draw: Random) -> Iterator[Utterance]:
    """Say each text in one accent by one invented speaker."""
    for text in texts:
        voice = f"{draw.choice(ACCENTS)}+{draw.choice(SPEAKERS)}"
        samples, symbols = espeak().speak(
            text,
            voice=voice,
            words_per_minute=draw.randint(115, 235),
            pitch=draw.randint(20, 85),
            range_=draw.randint(15, 75),
            gap=draw.choice((0, 0, 0, 1, 3)),
        )
        if len(samples) >= _SHORTEST_SAMPLES:
            segments = espeak_segments(symbols, text=text)
            yield Utterance(to_model_rate(samples, espeak().rate_hz), segments, voice)


def speak_with_flite(texts: Sequence[str], draw: Random, scratch: Path) -> Iterator[Utterance]:
    """Say each text by one of flite's speakers; `scratch` is a folder of the caller's."""
    out = scratch / "flite.wav"
    for text in texts:
        voice = draw.choice(FLITE_VOICES)
        command = ["flite", "-voice", voice, "-psdur", "-t", text, "-o", str(out)]
        command += ["--setf", f"duration_stretch={draw.uniform(0.72, 1.35):.2f}"]
        if voice == "kal16":
            command += ["--setf", f"int_f0_target_mean={draw.uniform(80, 160):.0f}"]
        symbols = [_timed(token) for token in _run(command).split()]
        samples = _read_wave(out)
        if len(samples) >= _SHORTEST_SAMPLES:
            yield Utterance(samples, festival_segments(symbols, text=text), f"flite {voice}")


def speak_with_festival(texts: Sequence[str], draw: Random, scratch: Path) -> Iterator[Utterance]:
    """Say all texts by one of festival's speakers, in one run of the program."""
    voice = draw.choice(sorted(FESTIVAL_VOICES))
    lines = [f"({FESTIVAL_VOICES[voice]})"]
    for number, text in enumerate(texts):
        if voice != "slt":  # the HTS voice has durations of its own
            lines.append(f"(Parameter.set 'Duration_Stretch {draw.uniform(0.8, 1.3):.2f})")
        lines += [
            f'(set! said (utt.synth (Utterance Text "{text}")))',
            f'(utt.save.wave said "{scratch / f"{number}.wav"}" \'riff)',
            f'(format t "\\nsaid {number}")',
            '(mapcar (lambda (s) (format t " %s:%f" (item.name s) (item.feat s \'end)))',
            "        (utt.relation.items said 'Segment))",
        ]
    script = scratch / "festival.scm"
    script.write_text("\n".join([*lines, '(format t "\\n")', ""]))
    for line in _run(["festival", "-b", str(script)]).splitlines():
        head, _, rest = line.partition(" ")
        if head != "said":
            continue
        spoken, *tokens = rest.split()
        recording = scratch / f"{spoken}.wav"
        samples = _read_wave(recording)
        recording.unlink()
        segments = festival_segments([_timed(token) for token in tokens], text=texts[int(spoken)])
        if len(samples) >= _SHORTEST_SAMPLES:
            yield Utterance(samples, segments, f"festival {voice}")


def _timed(token: str) -> tuple[str, float]:
    symbol, _, end_s = token.rpartition(":")
    return symbol, float(end_s)


def _run(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except subprocess.CalledProcessError as failure:
        raise ToolFailedError(command, failure.stderr) from failure
    return done.stdout


def _read_wave(path: Path) -> NDArray[np.int16]:
    with wave.open(str(path)) as recording:
        raw = recording.readframes(recording.getnframes())
        return to_model_rate(np.frombuffer(raw, "<i2").astype(np.int16), recording.getframerate())
