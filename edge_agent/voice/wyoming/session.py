"""One Wyoming client's conversation with us: bytes in, bytes out (native code, synchronous).

| it says | it is answered |
|---|---|
| `describe`, `ping` | `info`, `pong` |
| `detect` and audio | `detection` for each wake phrase; `not-detected` when the audio ends without one |
| audio alone | the same, as if `detect` had asked for every phrase |
| `transcribe` and audio | when the audio ends, `transcript`: the phrases that were heard in it, in their order |

Anything else is passed over, as the protocol asks. What breaks it is answered by `error`, and is the end.

A client that cannot be heard, since the device is muted or has no such phrase, is told so by `error` as well. One
that wants a transcript has to go then. One that listens for wake phrases stays, unheard: Home Assistant begins a new
pipeline in the moment in which a wake service hangs up, twenty a second, for as long as a mute lasts. What is heard
here is decided by the same streams as in the agent.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from edge_agent.model.errors import VoiceError, WyomingError
from edge_agent.voice.gated import GatedStream
from edge_agent.voice.libvosk import RATE
from edge_agent.voice.spotter import Detection
from edge_agent.voice.spotting import PhraseStream
from edge_agent.voice.wyoming.audio import ChunkConverter
from edge_agent.voice.wyoming.complaints import MUTED
from edge_agent.voice.wyoming.engine import Engine
from edge_agent.voice.wyoming.mute import Mute
from edge_agent.voice.wyoming.offer import name_of
from edge_agent.voice.wyoming.protocol import (
    AudioFormat,
    Detect,
    Inbox,
    Message,
    Ping,
    Stamped,
    Transcribe,
    read_message,
)
from edge_agent.voice.wyoming.reply import Reply, refusal
from edge_agent.voice.wyoming.stamps import Stamps

LONGEST_UTTERANCE_S: Final = 30.0
"""Speech to be transcribed may go on for this long; what listens for wake phrases may do so for ever."""
LONGEST_ANSWER_BYTES: Final = 128 * 1024
"""To one piece of what a client sends. Nobody has reason to ask for more at once."""

TURN_S: Final = 0.05
"""How long one client is attended to before it is the turn of others. A message may hold minutes of audio."""
_PIECE_BYTES: Final = RATE // 2
"""A quarter of a second: what is decoded of a message before the clock is looked at."""

ON_ITS_WAY_S: Final = 1.0
"""How long audio may wait to be taken: it is gathered, and everybody has a turn with the decoder first."""

_UNHEARD: Final = frozenset({MUTED, "unknown-model"})
"""Why a client that listens for wake phrases is not heard, though it may stay."""

_MUTED: Final = ("speaks while the device is muted", MUTED, "Unmute the device.")


class Session:
    """Takes what one client sends, piece by piece. Slow where it decodes: call it off the event loop.

    `mute` is asked before audio is decoded and before anything heard is told; it must be quick. Nothing of what was
    heard before a mute is left after it, however short it was. The first piece after it is not heard, if it comes
    within `ON_ITS_WAY_S`: it may have been sent before its end.
    """

    def __init__(self, engine: Engine, mute: Callable[[], Mute] = Mute, turn_s: float = TURN_S) -> None:
        self._engine = engine
        self._mute = mute
        self._turn_s = turn_s
        self._work: Iterator[Message | None] | None = None
        """What is left to do of what was received."""
        self._answered_bytes = 0
        self._turns = mute().turns
        """How often the mute had been turned when the newest piece came."""
        self._is_cut = False
        """Whether it was turned while what the stream or the newest piece holds was on its way."""
        self._inbox = Inbox()
        self._phrases = engine.offer.wake
        self._transcribes = False
        self._stream: PhraseStream | GatedStream | None = None
        self._converter = ChunkConverter()
        self._heard: list[str] = []
        self._fed_s = 0.0
        self._stamps = Stamps()
        self.taken = 0
        """How many messages were taken."""
        self.listens = False
        """Whether it has asked for wake phrases. Then it may be silent for long, as a satellite is after a wake."""
        self.unheard: WyomingError | None = None
        """Why it is not heard at the moment, though it may stay."""
        self.error: VoiceError | None = None
        """Why the conversation is over, once it is."""

    @property
    def is_quiet(self) -> bool:
        """Whether nobody speaks, so that what comes next may wait a little."""
        return isinstance(self._stream, GatedStream) and self._stream.is_quiet

    @property
    def is_mid_message(self) -> bool:
        """Whether a message has begun that is not here in full."""
        return self._inbox.is_mid_message

    @property
    def has_more(self) -> bool:
        """Whether something is left to do of what was received: `go_on` before more is received."""
        return self._work is not None and self.error is None

    def receive(self, received: bytes) -> Sequence[Reply]:
        """Take bytes from the client; return what to answer to as much of it as was done in one turn."""
        mute, before = self._mute(), self._turns
        has_begun = self._stream is not None
        may_be_of_before = has_begun or time.monotonic() < mute.turned_at_s + ON_ITS_WAY_S
        self._is_cut = (mute.turns != before and may_be_of_before) or (self._is_cut and has_begun)
        self._turns = mute.turns
        self._work, self._answered_bytes = self._answers(received), 0
        return self.go_on()

    def go_on(self) -> Sequence[Reply]:
        """Do another turn of what was received; return what to answer."""
        replies: list[Reply] = []
        until_s = time.monotonic() + self._turn_s
        try:
            for message in self._work or ():
                if message is not None:
                    replies.append(self._counted(Reply.of(message)))
                elif time.monotonic() >= until_s:
                    return replies
        except VoiceError as error:
            self.error = error
            replies.append(Reply.of(refusal(error)))
        self._work = None
        return replies

    def _counted(self, reply: Reply) -> Reply:
        self._answered_bytes += len(reply.encoded)
        if self._answered_bytes > LONGEST_ANSWER_BYTES:
            raise WyomingError("asks for more than it takes", "too-much")
        return reply

    def _answers(self, received: bytes) -> Iterator[Message | None]:
        """Yield what is answered, and None wherever somebody else may be attended to first."""
        for message in self._inbox.feed(received):
            self.taken += 1
            yield from self._answer(message)
            yield None

    def mute_wins(self, replies: Sequence[Reply]) -> Sequence[Reply]:
        """Return what to send of what was returned just now, where it may have been muted meanwhile. Quick."""
        untelling = [reply for reply in replies if not reply.tells]
        if len(untelling) == len(replies) or not self._is_muted:
            return replies
        if self.error is None:
            muted = WyomingError(*_MUTED)
            untelling.append(Reply.of(refusal(muted)))
            self._forget()
            if self._transcribes:
                self.error = muted
            else:
                self.unheard = muted
        return untelling

    @property
    def _is_muted(self) -> bool:
        """Whether it is muted, or was while what was taken last was on its way."""
        mute = self._mute()
        return mute.on or mute.turns != self._turns or self._is_cut

    def _answer(self, message: Message) -> Iterator[Message | None]:
        """Take a message. What is not to be had ends a transcription, and leaves who listens for phrases unheard."""
        try:
            yield from self._take(message)
        except WyomingError as error:
            if self._transcribes or error.code not in _UNHEARD:
                raise
            self._forget()
            if self.unheard is None or self.unheard.code != error.code:
                self.unheard = error
                yield refusal(error)
            if message.type == "audio-stop":
                yield Message("not-detected")

    def _take(self, message: Message) -> Iterator[Message | None]:
        match message.type:
            case "describe":
                yield self._engine.offer.message
            case "ping":
                yield Message("pong", {"text": read_message(Ping, message.data).text})
            case "detect":
                self.listens, self._transcribes = True, False
                self._prepare(self._named(read_message(Detect, message.data).names))
            case "transcribe":
                self._transcribes = True
                self._check_language(read_message(Transcribe, message.data).language)
                self._prepare(self._engine.offer.answers)
            case "audio-start":
                self._begin()
                read_message(AudioFormat, message.data)
            case "audio-chunk":
                yield from self._hear(message)
            case "audio-stop":
                yield from self._end()
            case _:
                pass

    def _prepare(self, phrases: tuple[str, ...]) -> None:
        self._phrases = phrases
        self._forget()
        self._refuse_what_is_not_to_be_had()
        self.unheard = None

    def _named(self, names: list[str] | None) -> tuple[str, ...]:
        """Return those of the named phrases that are offered, which may be none; without names, all of them."""
        offered = self._engine.offer.wake_names
        return tuple(phrase for name, phrase in offered.items() if not names or name in names)

    def _check_language(self, language: str | None) -> None:
        lang = self._engine.offer.lang
        if language is not None and language.replace("_", "-").partition("-")[0].lower() != lang:
            raise WyomingError("asks for a language that is not offered", "unknown-language", f'Offered: "{lang}".')

    def _begin(self) -> PhraseStream | GatedStream:
        self._refuse_what_is_not_to_be_had()
        self.unheard = None
        self._forget()
        self._stream = self._engine.listen_for(self._phrases, for_days=not self._transcribes)
        return self._stream

    def _forget(self) -> None:
        self._stream = None
        self._converter = ChunkConverter()
        self._heard = []
        self._fed_s = 0.0
        self._stamps = Stamps()

    def _hear(self, message: Message) -> Iterator[Message | None]:
        self._refuse_while_muted()
        stream = self._stream or self._begin()
        pcm = self._converter.convert(message)
        stamp = read_message(Stamped, message.data).timestamp
        self._fed_s += len(pcm) / (2 * RATE)
        if stamp is not None:
            self._stamps.mark(self._fed_s, stamp)
        if self._transcribes and self._fed_s > LONGEST_UTTERANCE_S:
            raise WyomingError(f"speaks for longer than {LONGEST_UTTERANCE_S:.0f} seconds", "too-long")
        for start in range(0, len(pcm), _PIECE_BYTES):
            for detection in stream.feed(pcm[start : start + _PIECE_BYTES]):
                yield from self._tell(detection)
            yield None
            self._refuse_while_muted()

    def _end(self) -> Iterator[Message]:
        self._refuse_while_muted()
        if self._stream is not None:
            for detection in self._stream.finish():
                yield from self._tell(detection)
        if self._transcribes:
            yield Message("transcript", {"text": " ".join(self._heard), "language": self._engine.offer.lang})
        elif not self._heard:
            yield Message("not-detected")
        self._forget()

    def _tell(self, detection: Detection) -> Iterator[Message]:
        self._refuse_while_muted()
        if not self._transcribes:
            self._heard = [detection.phrase]
            yield Message(
                "detection", {"name": name_of(detection.phrase), "timestamp": self._stamps.of(detection.end_s)}
            )
        else:
            self._heard.append(detection.phrase)

    def _refuse_while_muted(self) -> None:
        if self._is_muted:
            raise WyomingError(*_MUTED)

    def _refuse_what_is_not_to_be_had(self) -> None:
        self._refuse_while_muted()
        if not self._phrases and not self._transcribes:
            have = ", ".join(self._engine.offer.wake_names) or "none"
            raise WyomingError("asks for wake phrases that are not offered", "unknown-model", f"Offered: {have}.")
