"""What we say ourselves must neither wake nor answer us, and must not drown who speaks to us.

Three things help, each where the others cannot (docs/voice.md has how much):

1. What our words contain is not listened for while they are said (`dialogue`): all that can be done where the
   device's own software speaks a text.
2. What our recording could be heard as: the very same decoder listens to it beforehand, and anything counts. A
   phrase that it finds there is passed over at that place of the recording, even a "stop"; a resident's "stop" at
   any other place stops us.
3. The recording is taken out of what the microphone hears (`echo`), so that a person is heard who speaks over it.

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
from edge_agent.voice.echo import FRAME_BYTES, TAIL_S, EchoRemover, new_remover
from edge_agent.voice.grammar import Grammar
from edge_agent.voice.libvosk import RATE, Decoder, SpeechModel, Word
from edge_agent.voice.spotter import Detection
from edge_agent.voice.spotting import BLOCK_BYTES

LEAD_S: Final = 0.05
"""How much earlier than a hook says that it can be heard a sound may begin: its line takes a moment to arrive."""
LATEST_S: Final = 0.6
"""How much later it may be heard: what output buffers and a wireless loudspeaker add."""
JITTER_S: Final = 0.2
"""How exact the recogniser's times are, for the same words heard twice."""

PIECE_S: Final = 1.5
STEP_S: Final = 0.5
"""A recording is heard in pieces and as a whole: a room lets through now this of it, now that."""
REMEMBERS_S: Final = 10.0
"""How long audio counts that came with less delay than all after it: when audio was dropped since, or samples come
slower than the clock says, it is wrong."""

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
    """A recording that we play. `began_s` is when it could be heard (time.monotonic()), None before that."""

    asset: Path
    began_s: float | None = None


class _Recording:
    """One of our recordings and what it could be heard as, both as far as a thread of its own has come by now."""

    def __init__(self, read: Callable[[], bytes], model: SpeechModel, grammar: Grammar) -> None:
        self.grammar = grammar
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


class OwnVoice:
    """Follows one stream of audio from a microphone, while recordings of ours are played now and then.

    `read` returns a file as 16 kHz mono s16le, or raises VoiceError: then its transcript alone has to serve. Times
    that end in `now_s` and `began_s` are of one clock, time.monotonic().
    """

    def __init__(self, read: Callable[[Path], bytes], model: SpeechModel, now_s: float) -> None:
        self._read = read
        self._model = model
        self._sound: OwnSound | None = None
        self._is_outdated = False
        self._recording: _Recording | None = None
        self._began_s: float | None = None
        self._remover: EchoRemover | None = None
        self._waiting = self._late = b""
        self._at_bytes = 0
        self._heard_s = 0.0
        self._now_s = self._opened_s = now_s
        self._least = deque([(now_s, now_s)])
        """When audio came, and when the stream began if that had no delay; each with less delay than all after it."""
        self._said_s = math.inf

    @property
    def hearing(self) -> threading.Thread | None:
        """The thread that reads and hears the newest recording."""
        return None if self._recording is None else self._recording.hearing

    def play(self, sound: OwnSound | None, grammar: Grammar) -> None:
        """Take note of what is played and listened for from now on."""
        if sound is None:
            self._silence()
        else:
            self._load(sound.asset, grammar)
            if sound.began_s != self._began_s:
                self._begin(sound.began_s)
        self._sound = sound

    def renew(self, model: SpeechModel) -> None:
        """Hear what is played with another model, from the next `play` on."""
        self._model = model
        self._is_outdated = True

    def _load(self, asset: Path, grammar: Grammar) -> None:
        known = self._recording
        is_same = known is not None and self._sound is not None and asset == self._sound.asset
        if known is not None and is_same and grammar is known.grammar and not self._is_outdated:
            return
        pcm = known.pcm if known is not None and is_same else None
        if known is not None:
            known.drop()
        self._is_outdated = False
        self._recording = _Recording(lambda: self._read(asset) if pcm is None else pcm, self._model, grammar)

    def _begin(self, began_s: float | None) -> None:
        self._began_s = began_s
        self._said_s = math.inf
        self._stop_removing()
        self._remover = None if began_s is None else new_remover()
        self._at_bytes = 0 if began_s is None else round((self._now_s - began_s + LEAD_S) * RATE) * 2

    def take(self, audio: bytes, now_s: float) -> bytes:
        """Return audio of the microphone without what we play; `now_s` is the clock when its last sample came in."""
        self._heard_s += len(audio) / _BYTES_A_SECOND
        self._opened_s = self._stream_began(now_s, is_behind=bool(audio))
        self._now_s = self._opened_s + self._heard_s
        if self._remover is None:
            late, self._late = self._late, b""
            return late + audio
        self._waiting += audio
        whole = len(self._waiting) // FRAME_BYTES * FRAME_BYTES
        heard, self._waiting = self._waiting[:whole], self._waiting[whole:]
        late, self._late = self._late, b""
        cleaned = late + self._remover.clean(heard, self._played(whole))
        self._at_bytes += whole
        if self._at_bytes > self._length_bytes() + TAIL_S * _BYTES_A_SECOND:
            self._stop_removing()
        return cleaned

    def _stream_began(self, now_s: float, *, is_behind: bool) -> float:
        """Return when the stream began: audio that had to wait for us seems late, so the least delay shows it."""
        since_s = now_s - self._heard_s
        if not is_behind:  # nothing waits: this is the present
            self._least.clear()
        while self._least and self._least[-1][1] >= since_s:
            self._least.pop()
        self._least.append((now_s, since_s))
        while self._least[0][0] < now_s - REMEMBERS_S:
            self._least.popleft()
        return self._least[0][1]

    def is_own(self, detection: Detection) -> bool:
        """Whether this is what our own recording says at this place."""
        if self._began_s is None or self._recording is None:
            return False
        end_s = self._opened_s + detection.end_s - self._began_s
        return any(
            own.phrase == detection.phrase
            and own.start_s < self._said_s
            and own.end_s - JITTER_S <= end_s <= own.end_s + LATEST_S + JITTER_S
            for own in tuple(self._recording.expected)
        )

    def _stop_removing(self) -> None:
        """Let what is held back follow with the next audio, so that the stream loses nothing."""
        if self._remover is not None:
            self._late += self._remover.finish() + self._waiting
            self._remover, self._waiting = None, b""

    def _silence(self) -> None:
        """Forget what was not said yet when it was closed: it will not be heard."""
        if self._began_s is not None and self._sound is not None:
            self._said_s = max(0.0, self._now_s - self._began_s + LEAD_S)

    def _length_bytes(self) -> float:
        """Return how much of the recording is said: all of it, or until it was closed; endless while nobody knows."""
        pcm = None if self._recording is None else self._recording.pcm
        said = math.inf if math.isinf(self._said_s) else round(self._said_s * RATE) * 2
        return said if pcm is None else min(said, len(pcm))

    def _played(self, length_bytes: int) -> bytes:
        """Return what we play at this place: silence before it, the recording, silence after it."""
        before = bytes(min(length_bytes, max(0, -self._at_bytes)))
        pcm = (None if self._recording is None else self._recording.pcm) or b""
        start = max(0, self._at_bytes)
        end = min(start + length_bytes - len(before), self._length_bytes())
        played = before + pcm[start : round(end)]
        return played + bytes(length_bytes - len(played))
