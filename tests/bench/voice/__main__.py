"""`python -m tests.bench.voice`: CPU share, wake latency and resident memory, each beside Vosk alone.

- CPU: a minute of faint noise and a minute of running speech, decoded as fast as possible; CPU time over audio time.
  And the process of a whole `Ear` that a quiet room is played to in real time, through a FIFO: all silence costs.
- Latency: phrases played in real time, through a FIFO into a whole `Ear`; wall-clock time from the last loud sample
  of the phrase to the event, and to the result of a bare loop fed the same blocks (in audio time, which flatters it).
- Memory: resident size of processes of their own that listen to a minute of speech: one that has the voice room's
  decoding alone, with Python and the model, and one with a bare loop. And what an `Ear` adds to a whole agent's.
- `--hours 24`: so much of a room through the recogniser, as fast as it goes; see `hours`.
"""

import argparse
import asyncio
import contextlib
import json
import math
import random
import statistics
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from edge_agent.model.events import Event, PhraseHeard
from edge_agent.settings.rooms import VoiceSettings
from edge_agent.voice.ear import Ear
from edge_agent.voice.gated import GatedStream
from edge_agent.voice.grammar import build_grammar
from edge_agent.voice.libvosk import RATE
from edge_agent.voice.models import Model, check_model, model_for
from edge_agent.voice.wav import read_wav
from tests.bench.voice import hours

SPEECH = Path(__file__).parents[2] / "speech"
PHRASES = ("hey kitchen", "stop", "not interested", "tell me more")
WAKES = ("hey-kitchen-rms", "hey-kitchen-awb", "hey-kitchen-slt", "stop-rms", "stop-slt", "not-interested-rms")
BLOCK_BYTES = RATE // 10 * 2
PIECE_BYTES = RATE // 50 * 2
CLOSED_S = 2.2
"""How long a room is quiet before the gate has closed, with some time to spare."""
Row = dict[str, float | str]


def bare_loop(model: Model) -> Callable[[bytes], bool]:
    """Vosk's own package, fed blocks and asked for results: what the documentation shows."""
    import vosk  # noqa: PLC0415  not loaded where it is not measured

    vosk.SetLogLevel(-1)
    loaded = vosk.Model(str(model.directory))
    recogniser = vosk.KaldiRecognizer(loaded, RATE, json.dumps([*PHRASES, "[unk]"]))

    def feed(block: bytes) -> bool:
        return bool(recogniser.AcceptWaveform(block) and json.loads(recogniser.Result())["text"] in PHRASES)

    return feed


def our_loop(model: Model) -> Callable[[bytes], bool]:
    """Our gate, decoder and spotter, without a thread around them."""
    stream = GatedStream(model.load(), build_grammar(PHRASES, model.vocabulary()))
    return lambda block: bool([*stream.feed(block)])


def a_minute_of(kind: str) -> bytes:
    """Faint noise, or running speech (without phrases) without pauses."""
    if kind == "silence":
        draw = random.Random(1)
        return array("h", (round(draw.gauss(0, 30)) for _ in range(60 * RATE))).tobytes()
    speech = b"".join(read_wav(path) for path in sorted(SPEECH.glob("running-speech-*.wav")))
    return (speech * 10)[: 60 * RATE * 2]


def cpu_share(feed: Callable[[bytes], bool], pcm: bytes) -> float:
    """Return CPU seconds a second of audio, as percent of one core."""
    before = time.process_time()
    for start in range(0, len(pcm), BLOCK_BYTES):
        feed(pcm[start : start + BLOCK_BYTES])
    return 100 * (time.process_time() - before) / (len(pcm) / 2 / RATE)


def end_of_speech_s(pcm: bytes) -> float:
    """Return when the last sample over 2 % of full scale was."""
    samples = array("h", pcm)
    return max(index for index, sample in enumerate(samples) if abs(sample) > 655) / RATE


async def latencies_ms(model: Model, events: int, *, quiet_s: float = 0.0) -> list[float]:
    """Play phrases in real time into an ear; return the time from the end of speech to each event.

    With `quiet_s`, it is silent for so long before each.
    """
    found: list[float] = []
    draw = random.Random(3)
    async with an_ear(model) as (pipe, heard):
        for number in range(events):
            # Where a phrase begins in a block, and in a step of the decoder, is a matter of chance.
            clip = read_wav(SPEECH / f"{WAKES[number % len(WAKES)]}.wav")
            pcm = bytes(2 * round(RATE * (quiet_s + draw.uniform(0, 0.25)))) + clip
            began = await asyncio.to_thread(play, pcm + bytes(RATE * 2), pipe)
            while not heard.empty():
                at, event = heard.get_nowait()
                if isinstance(event, PhraseHeard):
                    found.append(1000 * (at - began - end_of_speech_s(pcm)))
    return found


async def silence_percent(model: Model) -> float:
    """Play a quiet room in real time into an ear; return the whole process's share of a core for half a minute.

    Measured from the twentieth second on: until then the gate gets to know the room.
    """
    code = "import sys, pathlib; from tests.bench.voice.__main__ import play, a_minute_of;"
    code += "play(a_minute_of('silence'), pathlib.Path(sys.argv[1]))"
    async with an_ear(model) as (pipe, _):
        playing = await asyncio.create_subprocess_exec(sys.executable, "-c", code, str(pipe))
        await asyncio.sleep(20)
        before = time.process_time()
        await asyncio.sleep(30)
        share = 100 * (time.process_time() - before) / 30
        playing.terminate()
        await playing.wait()
        return share


@contextlib.asynccontextmanager
async def an_ear(model: Model) -> AsyncIterator[tuple[Path, asyncio.Queue[tuple[float, Event]]]]:
    """A whole ear with a FIFO for its microphone, and what it emitted, each with its time."""
    with tempfile.TemporaryDirectory() as folder:
        pipe = Path(folder) / "microphone"
        heard: asyncio.Queue[tuple[float, Event]] = asyncio.Queue()
        settings = VoiceSettings(source=f"pipe:{pipe}", model=model.directory)
        ear = Ear(settings, lambda event: heard.put_nowait((time.monotonic(), event)), phrases=PHRASES)
        running = asyncio.create_task(ear.run())
        await heard.get()
        try:
            yield pipe, heard
        finally:
            running.cancel()
            await asyncio.wait([running])


def play(pcm: bytes, pipe: Path) -> float:
    """Write audio at the pace of a microphone, 20 ms at a time; return when its first sample was 'spoken'."""
    with pipe.open("wb", buffering=0) as file:
        began = time.monotonic()
        for start in range(0, len(pcm), PIECE_BYTES):
            piece = pcm[start : start + PIECE_BYTES]
            # A microphone has a piece when its last sample was spoken.
            time.sleep(max(0.0, began + (start + len(piece)) / 2 / RATE - time.monotonic()))
            file.write(piece)
    return began


def bare_latencies_ms(model: Model) -> list[float]:
    """Return when a bare loop would have had its result, in audio time."""
    found: list[float] = []
    for name in WAKES:
        feed = bare_loop(model)
        pcm = read_wav(SPEECH / f"{name}.wav")
        audio = pcm + bytes(RATE * 4)
        for start in range(0, len(audio), BLOCK_BYTES):
            if feed(audio[start : start + BLOCK_BYTES]):
                found.append(1000 * ((start + BLOCK_BYTES) / 2 / RATE - end_of_speech_s(pcm)))
                break
    return found


def resident_mb(which: str, model: Model) -> float:
    """Return the resident size of a process of its own; see `resident`."""
    command = [sys.executable, "-m", "tests.bench.voice.resident", which, str(model.directory)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def p99(values: list[float]) -> float:
    """Return the value that 99 % do not exceed."""
    return sorted(values)[math.ceil(0.99 * len(values)) - 1]


def measure(model: Model, events: int) -> list[Row]:
    """Measure everything, in the order of the table."""
    rows: list[Row] = []
    for kind in ("silence", "speech"):
        pcm = a_minute_of(kind)
        ours, bare = cpu_share(our_loop(model), pcm), cpu_share(bare_loop(model), pcm)
        rows.append({"what": f"CPU listening to {kind}", "unit": "% of a core", "ours": ours, "bare Vosk": bare})
    quiet = asyncio.run(silence_percent(model))
    rows.append({"what": "CPU of a whole ear in silence, in real time", "unit": "% of a core", "ours": quiet})
    ours_ms, bare_ms = asyncio.run(latencies_ms(model, events)), bare_latencies_ms(model)
    for name, pick in (("median", statistics.median), ("p99", p99), ("worst", max)):
        what = f"wake latency, {name} of {events} ({len(ours_ms)} heard; bare {len(bare_ms)})"
        rows.append({"what": what, "unit": "ms", "ours": pick(ours_ms), "bare Vosk": pick(bare_ms)})
    woken_ms = asyncio.run(latencies_ms(model, max(1, events // 5), quiet_s=CLOSED_S))
    for name, pick in (("median", statistics.median), ("worst", max)):
        what = f"the same out of a quiet room, {name} of {len(woken_ms)}"
        rows.append({"what": what, "unit": "ms", "ours": pick(woken_ms)})
    rows.append(
        {
            "what": "resident memory: Python, model, decoding",
            "unit": "MB",
            "ours": resident_mb("ours", model),
            "bare Vosk": resident_mb("bare", model),
        }
    )
    rows.append({"what": "what an ear adds to an agent's", "unit": "MB", "ours": resident_mb("added", model)})
    return rows


def main() -> None:
    """Measure and print a table, or JSON lines."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.voice", description=__doc__)
    parser.add_argument("--model", type=Path, help="another model's folder than the packaged one")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--events", type=int, default=24, help="phrases to measure the latency with (p99: 120)")
    parser.add_argument("--hours", type=float, help="so many hours of a room, and nothing else")
    arguments = parser.parse_args()
    model = check_model(arguments.model) if arguments.model else model_for(VoiceSettings())
    if arguments.hours:
        print(hours.described(hours.live_through(arguments.hours, model)))
        return
    rows = measure(model, arguments.events)
    if arguments.json:
        for row in rows:
            print(json.dumps(row))
        return
    print(f"{'':50} {'ours':>8} {'bare Vosk':>10}")
    for row in rows:
        bare = f"{row['bare Vosk']:10.1f}" if "bare Vosk" in row else f"{'':10}"
        print(f"{row['what']:50} {row['ours']:8.2f} {bare}  {row['unit']}")


if __name__ == "__main__":
    main()
