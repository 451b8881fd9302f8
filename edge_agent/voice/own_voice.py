"""What we say ourselves must neither wake nor answer us, and must not drown who speaks to us.

Three things help, each where the others cannot (docs/voice-measured.md has how much):

1. What our words contain is not listened for while they are said (`dialogue`): all that can be done where the
   device's own software speaks a text.
2. What our recording could be heard as: the very same decoder listens to it beforehand, and anything counts. A
   phrase that it finds there is passed over at that place of the recording, even a "stop"; a resident's "stop" at
   any other place stops us.
3. The recording is taken out of what the microphone hears (`echo`), so that a person is heard who speaks over it.
   A phrase that is heard there must be surer than elsewhere, but for what ends a placement.

`OwnVoice` belongs to the thread that listens, which must never wait for more than audio (shell: a thread of its own
reads and hears a recording while it begins).
"""

import math
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_agent.model.errors import VoiceError
from edge_agent.voice.dialogue import ends_a_placement
from edge_agent.voice.echo import Removal, new_remover
from edge_agent.voice.grammar import Grammar
from edge_agent.voice.libvosk import RATE, Decoder, SpeechModel, Word
from edge_agent.voice.spotter import Detection
from edge_agent.voice.spotting import BLOCK_BYTES
from edge_agent.voice.stream_clock import StreamClock

LEAD_S: Final = 0.05
"""How much earlier than a hook says that it can be heard a sound may begin: its line takes a moment to arrive."""
LATEST_S: Final = 0.6
"""How much later it may be heard: what output buffers and a wireless loudspeaker add."""
JITTER_S: Final = 0.2
"""How exact the recogniser's times are, for the same words heard twice."""

LEAST_SCORE_OVER_US: Final = 2.2
"""What is left of our voice where it was taken out may sound like a phrase, but hardly ever as much as one that a
person says over it (docs/voice-measured.md). What ends a placement is believed as anywhere: the resident outranks
us."""

PIECE_S: Final = 1.5
STEP_S: Final = 0.5
"""A recording is heard in pieces and as a whole: a room lets through now this of it, now that."""

_BYTES_A_SECOND: Final = 2 * RATE


@dataclass(frozen=True, slots=True)
class Spoken:
    """A phrase that a recording of ours could be heard as; seconds since its beginning."""

    phrase: str
    start_s: float
    end_s: float


def phrases_in(
    pcm: bytes, model: SpeechModel, grammar: Grammar, wanted: Callable[[], bool] = lambda: True
) -> Iterator[Spoken]:
    """Yield every phrase of the grammar that anything in a recording could be heard as, however unlikely.

    What a detection must pass to count does not matter here: we listen to ourselves for what to distrust. From the
    beginning on, many times faster than it is played: at four times what decoding it once costs. Ends before the next
    piece when it is not `wanted` any more.
    """
    step, length = round(STEP_S * _BYTES_A_SECOND), round(PIECE_S * _BYTES_A_SECOND)
    pieces = [(at / _BYTES_A_SECOND, pcm[at : at + length]) for at in range(0, len(pcm), step)]
    for start_s, piece in (*pieces, (0.0, pcm)):
        if not wanted():
            return
        words = _words_in(piece, model, grammar)
        for phrase, text in grammar.phrases.items():
            for first in range(len(words) - len(phrase) + 1):
                said = words[first : first + len(phrase)]
                if tuple(word.text for word in said) == phrase:
                    yield Spoken(text, start_s + said[0].start_s, start_s + said[-1].end_s)


def _words_in(pcm: bytes, model: SpeechModel, grammar: Grammar) -> tuple[Word, ...]:
    decoder = Decoder(model, grammar.for_vosk)
    words: tuple[Word, ...] = ()
    for at in range(0, len(pcm), BLOCK_BYTES):
        if decoder.accept(pcm[at : at + BLOCK_BYTES]):
            words += decoder.result()
    return words + decoder.finish()


@dataclass(frozen=True, slots=True)
class OwnSound:
    """A recording that we play. `began_s` is when it could be heard (time.monotonic()), None before that.

    It is stopped after `most_s`, however long the file is: a stranger's file must not take the device's memory.
    `phrases` are listened for once it is over, though its own words may hold them: its end is still in the air then.
    """

    asset: Path
    began_s: float | None = None
    phrases: tuple[str, ...] = ()
    most_s: float = math.inf


class _Recording:
    """One of our recordings and what it could be heard as, both as far as a thread of its own has come by now."""

    def __init__(self, read: Callable[[], bytes], model: SpeechModel, grammar: Grammar) -> None:
        self.heard_with = (model, grammar)
        self.pcm: bytes | None = None
        """None until it was read; empty where it cannot be."""
        self.expected: list[Spoken] = []
        self._is_wanted = True

        def hear() -> None:
            try:
                self.pcm = read()
            except VoiceError:
                self.pcm = b""
            for spoken in phrases_in(self.pcm, model, grammar, lambda: self._is_wanted):
                self.expected.append(spoken)

        self.hearing = threading.Thread(target=hear, name="own voice", daemon=True)
        self.hearing.start()

    def drop(self) -> None:
        """Let the thread end soon: another recording, or other phrases."""
        self._is_wanted = False


@dataclass(slots=True)
class _Sounding:
    """A recording that can be heard since `began_s`."""

    recording: _Recording
    began_s: float
    closed_after_s: float = math.inf
    """How much of it was said before it was closed."""

    def close(self, now_s: float) -> None:
        """Note that what was not said yet at `now_s` will not be heard."""
        self.closed_after_s = min(self.closed_after_s, max(0.0, now_s - self.began_s + LEAD_S))

    def says(self, phrase: str, end_s: float) -> bool:
        """Whether it says something that ends at that time and could be heard as this phrase."""
        return any(
            own.phrase == phrase
            and own.start_s < self.closed_after_s
            and own.end_s - JITTER_S <= end_s - self.began_s <= own.end_s + LATEST_S + JITTER_S
            for own in tuple(self.recording.expected)
        )

    def said(self) -> bytes | None:
        """Return as much of the recording as is said, until it was closed; None while nobody has read it."""
        pcm = self.recording.pcm
        if pcm is None or math.isinf(self.closed_after_s):
            return pcm
        return pcm[: round(self.closed_after_s * RATE) * 2]


class OwnVoice:
    """Follows one stream of audio from a microphone, while recordings of ours are played now and then.

    `read` returns so many seconds of a file as 16 kHz mono s16le, or raises VoiceError: then its transcript alone has
    to serve. Times that end in `now_s` and `began_s` are of one clock, time.monotonic().
    """

    def __init__(self, read: Callable[[Path, float], bytes], model: SpeechModel, now_s: float) -> None:
        self._read = read
        self._model = model
        self._clock = StreamClock(now_s)
        self._sound: OwnSound | None = None
        self._recording: _Recording | None = None
        self._sounding: deque[_Sounding] = deque(maxlen=2)
        """The newest sound, and the one before it, whose end may still be in the air."""
        self._removal: Removal | None = None
        self._removed_from_s = self._removed_until_s = 0.0
        """The part of the stream that the newest sound was last taken out of."""
        self._late = b""

    @property
    def hearing(self) -> threading.Thread | None:
        """The thread that reads and hears the newest recording."""
        return None if self._recording is None else self._recording.hearing

    def play(self, sound: OwnSound | None, grammar: Grammar) -> None:
        """Take note of what is played from now on; `grammar` has all that is listened for, and its own phrases."""
        if sound is not None:
            recording = self._load(sound, grammar)
            if sound.began_s is not None:
                self._sound_on(recording, sound.began_s)
        elif self._sounding:
            self._sounding[-1].close(self._clock.newest_s)
        self._sound = sound

    def close(self) -> None:
        """End with the stream: what was not heard yet of the newest recording is not heard."""
        if self._recording is not None:
            self._recording.drop()

    def renew(self, model: SpeechModel) -> None:
        """Hear what is played with another model, from the next `play` on."""
        self._model = model

    def _load(self, sound: OwnSound, grammar: Grammar) -> _Recording:
        known, pcm = self._recording, None
        if known is not None and self._sound is not None and sound.asset == self._sound.asset:
            if known.heard_with == (self._model, grammar):
                return known
            pcm = known.pcm
        if known is not None:
            known.drop()

        def read() -> bytes:
            return self._read(sound.asset, sound.most_s) if pcm is None else pcm

        self._recording = _Recording(read, self._model, grammar)
        return self._recording

    def _sound_on(self, recording: _Recording, began_s: float) -> None:
        newest = self._sounding[-1] if self._sounding else None
        if newest is not None and newest.began_s == began_s:
            newest.recording = recording
            return
        if newest is not None:
            newest.close(began_s)
        self._stop_removing()
        self._sounding.append(_Sounding(recording, began_s))
        if (remover := new_remover()) is not None:
            at_bytes = round((self._clock.newest_s - began_s + LEAD_S) * RATE) * 2
            self._removal = Removal(remover, at_bytes)
            self._removed_from_s = self._clock.heard_s

    def take(self, audio: bytes, now_s: float, dropped_s: float = 0.0) -> bytes:
        """Return audio of the microphone without what we play; `now_s` is the clock when its last sample came in.

        `dropped_s` is how much was dropped between the audio before it and this.
        """
        if dropped_s:
            self._clock.miss(dropped_s)
            if self._removal is not None:
                self._removal.miss(round(dropped_s * RATE) * 2)
        self._clock.take(len(audio) / _BYTES_A_SECOND, now_s)
        late, self._late = self._late, b""
        if self._removal is None:
            return late + audio
        said = self._sounding[-1].said()
        cleaned = late + self._removal.take(audio, said or b"")
        self._removed_until_s = self._clock.heard_s
        if said is not None and self._removal.is_over(len(said)):
            self._stop_removing()
        return cleaned

    def heard_at_s(self, place_s: float) -> float:
        """Return when the microphone heard what is at that place in the stream."""
        return self._clock.heard_at_s(place_s)

    def is_own(self, detection: Detection) -> bool:
        """Whether this is what our own recording says at this place, or may be what is left of it there."""
        is_over_us = detection.start_s < self._removed_until_s and detection.end_s > self._removed_from_s
        if is_over_us and detection.score < LEAST_SCORE_OVER_US and not ends_a_placement(detection.phrase):
            return True
        end_s = self.heard_at_s(detection.end_s)
        return any(sound.says(detection.phrase, end_s) for sound in self._sounding)

    def _stop_removing(self) -> None:
        """Let what is held back follow with the next audio, so that the stream loses nothing."""
        if self._removal is not None:
            self._late += self._removal.finish()
            self._removal = None
