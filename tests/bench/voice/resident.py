"""`python -m tests.bench.voice.resident ours|bare|added MODEL`: resident memory in MB of a process for only that.

ours: the interpreter, what decoding imports, the model and a minute of speech through it. bare: the same with Vosk's
own package. added: what was there more after a minute of speech than before, in a process that has imported a whole
agent. Nothing else is imported here, and the audio is read piece by piece, because it would be measured too.
"""

import json
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

PHRASES = ("hey kitchen", "stop", "not interested", "tell me more")
PIECE_FRAMES = 1600


def resident_mb() -> float:
    """Return the resident size of this process."""
    return _status_mb("VmRSS")


def own_mb() -> float:
    """Return what this process has of its own, resident or swapped out.

    What it maps of files comes and goes as the machine has room; only this tells growth from that.
    """
    return _status_mb("RssAnon") + _status_mb("VmSwap")


def _status_mb(name: str) -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split(f"{name}:")[1].split()[0]) / 1024


def a_minute_of_speech() -> Iterator[bytes]:
    """Running speech with phrases between, a tenth of a second at a time."""
    folder = Path(__file__).parents[2] / "speech"
    for _ in range(6):
        for name in ("running-speech-rms", "hey-kitchen-rms", "running-speech-awb"):
            with wave.open(str(folder / f"{name}.wav"), "rb") as file:
                while piece := file.readframes(PIECE_FRAMES):
                    yield piece


def listen(directory: Path) -> None:
    """Hear the minute as the agent's thread does."""
    from edge_agent.voice.gated import GatedStream  # noqa: PLC0415  what it takes is what is measured
    from edge_agent.voice.grammar import Vocabulary, build_grammar  # noqa: PLC0415
    from edge_agent.voice.libvosk import SpeechModel  # noqa: PLC0415

    vocabulary = Vocabulary.parse((directory / "graph" / "words.txt").read_text(encoding="utf-8"))
    stream = GatedStream(SpeechModel(directory), build_grammar(PHRASES, vocabulary))
    heard = [found.phrase for piece in a_minute_of_speech() for found in stream.feed(piece)]
    if not heard:
        raise RuntimeError("nothing was heard")
    print(resident_mb())


def listen_bare(directory: Path) -> None:
    """The same with the documentation's loop."""
    import vosk  # noqa: PLC0415

    vosk.SetLogLevel(-1)
    recogniser = vosk.KaldiRecognizer(vosk.Model(str(directory)), 16_000, json.dumps([*PHRASES, "[unk]"]))
    for piece in a_minute_of_speech():
        if recogniser.AcceptWaveform(piece):
            recogniser.Result()
    print(resident_mb())


def added(directory: Path) -> None:
    """What listening adds to a process that has everything of an agent but its ears."""
    import edge_agent.app  # noqa: F401, PLC0415

    before_mb = resident_mb()
    print(before_mb, file=sys.stderr)
    from contextlib import redirect_stdout  # noqa: PLC0415
    from io import StringIO  # noqa: PLC0415

    with redirect_stdout(StringIO()) as after:
        listen(directory)
    print(float(after.getvalue()) - before_mb)


if __name__ == "__main__":
    {"ours": listen, "bare": listen_bare, "added": added}[sys.argv[1]](Path(sys.argv[2]))
