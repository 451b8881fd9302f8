"""Hours of a room through the engine, as fast as it goes: does memory grow, does the clock drift, is all heard?

A room of every ten minutes: two minutes of talk in which no phrase is said, a phrase each minute, and the rest the
quiet of a room, with a fan that runs in every other ten minutes. The phrases that are listened for change every
ten minutes, and halfway the microphone is muted and unmuted, as on a device in use.
"""

import random
import statistics
import sys
import time
from array import array
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from edge_agent.model.events import MicrophoneChanged, PhraseHeard
from edge_agent.voice.libvosk import RATE
from edge_agent.voice.models import Model
from edge_agent.voice.recogniser import Recogniser, Wishes
from edge_agent.voice.wav import read_wav
from tests.bench.voice.resident import own_mb, resident_mb

SPEECH: Final = Path(__file__).parents[2] / "speech"
PHRASES: Final = ("hey kitchen", "stop", "not interested", "tell me more")
MORE_PHRASES: Final = (*PHRASES, "why this", "no thanks")
CLIPS: Final = ("hey-kitchen-rms", "stop-slt", "not-interested-rms", "tell-me-more-awb", "hey-kitchen-awb")
SECOND_BYTES: Final = 2 * RATE
PIECE_BYTES: Final = SECOND_BYTES // 10
TEN_MINUTES_S: Final = 600


@dataclass(frozen=True, slots=True)
class Lived:
    """What `hours` of audio did. Memory in MB, `own_mb` after the warm-up once for every ten minutes; drift in ms.

    The warm-up is the first sixth, at most an hour.
    """

    hours: float
    said: int
    heard: int
    wrong: int
    cpu_percent: float
    resident_mb: float
    own_mb: tuple[float, ...]
    drift_ms: float

    @property
    def growth_mb(self) -> float:
        """How much more there was at the most than after the warm-up."""
        return max(self.own_mb) - self.own_mb[0]


class Room:
    """An audio source that is never waited for: hours of a room, one piece after another."""

    def __init__(self, hours: float, wishes: Wishes) -> None:
        self.said: list[tuple[float, str]] = []
        self.own_mb: list[float] = []
        self.is_over = False
        self.dropped_s = 0.0
        self._ends_s = hours * 3600
        self._wishes = wishes
        self._draw = random.Random(1)
        self._quiet = {level: _hiss(level) for level in (10, 120)}
        self._talk = b"".join(read_wav(path) for path in sorted(SPEECH.glob("running-speech-*.wav")))
        self._clips = {name: read_wav(SPEECH / f"{name}.wav") for name in CLIPS}
        self._past_bytes = 0
        self._was_muted = False
        self.opened_at_s = 0.0
        self._pieces = self._live()

    @property
    def now_s(self) -> float:
        """How much audio there was."""
        return self._past_bytes / SECOND_BYTES

    def open(self) -> None:
        """Begin where it was closed: a stream's times count from here."""
        self.opened_at_s = self.now_s

    def read(self, gather_s: float = 0.0) -> bytes:  # noqa: ARG002  nothing here is waited for
        """Return the next tenth of a second or less."""
        piece = next(self._pieces, b"")
        self.is_over = not piece
        self._past_bytes += len(piece)
        return piece

    def close(self) -> None:
        """Unmute: whoever muted it has seen it closed."""
        self._wishes.mute(on=False)

    def _live(self) -> Iterator[bytes]:
        for number in range(sys.maxsize):
            level = (10, 120)[number % 2]
            for minute in range(10):
                yield from self._minute(level, talks=minute in {3, 7})
                if self.now_s >= self._ends_s:
                    return
            self.own_mb.append(own_mb())
            self._wishes.listen_for((PHRASES, MORE_PHRASES)[number % 2])
            if not self._was_muted and self.now_s >= self._ends_s / 2:
                self._was_muted = True
                self._wishes.mute(on=True)  # until it is closed
            if number % 6 == 5:
                print(f"{self.now_s / 3600:5.1f} h, {self.own_mb[-1]:.1f} MB", file=sys.stderr, flush=True)

    def _minute(self, level: int, *, talks: bool) -> Iterator[bytes]:
        yield from self._silence(level, self._draw.uniform(5, 15))
        name = self._draw.choice(CLIPS)
        self.said.append((self.now_s, name))
        yield from _pieces(self._clips[name])
        yield from self._silence(level, 5)
        if talks:
            start = self._draw.randrange(len(self._talk) // 2) * 2
            yield from _pieces((self._talk * 6)[start : start + 60 * SECOND_BYTES])
        yield from self._silence(level, 35)

    def _silence(self, level: int, seconds: float) -> Iterator[bytes]:
        quiet = self._quiet[level]
        left_bytes = round(seconds * RATE) * 2
        while left_bytes > 0:
            start = self._draw.randrange((len(quiet) - PIECE_BYTES) // 2) * 2
            yield quiet[start : start + min(PIECE_BYTES, left_bytes)]
            left_bytes -= PIECE_BYTES


def live_through(hours: float, model: Model) -> Lived:
    """Run the recogniser's own loop over the room and return what it did."""
    wishes = Wishes(PHRASES)
    room = Room(hours, wishes)
    heard: list[tuple[float, str]] = []

    def report(event: MicrophoneChanged | PhraseHeard, _mutes: int) -> None:
        if isinstance(event, PhraseHeard):
            heard.append((room.opened_at_s + event.start_s, event.phrase))

    before = time.process_time()
    quick = timedelta(milliseconds=1)
    Recogniser(room, model, wishes, report, sensitivity=0.5, retry_min=quick, retry_max=quick).run()
    cpu_s = time.process_time() - before
    offsets, wrong = _offsets_s(room.said, heard)
    warm = max(0, min(5, len(room.own_mb) // 6 - 1))
    return Lived(
        hours=room.now_s / 3600,
        said=len(room.said),
        heard=sum(len(each) for each in offsets.values()),
        wrong=wrong,
        cpu_percent=100 * cpu_s / room.now_s,
        resident_mb=resident_mb(),
        own_mb=tuple(room.own_mb[warm:]),
        drift_ms=1000 * _drift_s(offsets),
    )


def described(lived: Lived) -> str:
    """Return it for a person."""
    return (
        f"{lived.hours:.1f} h of audio: {lived.cpu_percent:.2f} % of a core; {lived.heard} of {lived.said} phrases "
        f"heard, {lived.wrong} that nobody said; {lived.resident_mb:.1f} MB resident at the end, of its own "
        f"{lived.own_mb[0]:.1f} after the warm-up and at most {lived.growth_mb:.1f} more later; the clock moved by "
        f"{lived.drift_ms:.0f} ms"
    )


def _offsets_s(said: list[tuple[float, str]], heard: list[tuple[float, str]]) -> tuple[dict[str, list[float]], int]:
    """Return, for each clip, when its phrase was heard after it began, in order; and how many others were heard."""
    offsets: dict[str, list[float]] = defaultdict(list)
    waiting = iter([*said, (float("inf"), "")])
    at_s, name = next(waiting)
    wrong = 0
    for heard_s, phrase in heard:
        while heard_s > at_s + 3:
            at_s, name = next(waiting)
        if heard_s >= at_s - 1 and name.rpartition("-")[0].replace("-", " ") == phrase:
            offsets[name].append(heard_s - at_s)
            at_s, name = next(waiting)
        else:
            wrong += 1
    return offsets, wrong


def _drift_s(offsets: dict[str, list[float]]) -> float:
    """Return how much later phrases seem in the last fifth than in the first, at the most of any clip."""
    drifts = [0.0]
    for each in offsets.values():
        fifth = len(each) // 5
        if fifth:
            drifts.append(statistics.median(each[-fifth:]) - statistics.median(each[:fifth]))
    return max(drifts, key=abs)


def _pieces(sound: bytes) -> Iterator[bytes]:
    for start in range(0, len(sound), PIECE_BYTES):
        yield sound[start : start + PIECE_BYTES]


def _hiss(level: int) -> bytes:
    draw = random.Random(level)
    return array("h", (round(draw.gauss(0, level)) for _ in range(20 * RATE))).tobytes()
