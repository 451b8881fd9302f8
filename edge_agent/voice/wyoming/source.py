"""Audio from Wyoming satellites and microphone services (shell: sockets). 16 kHz mono s16le, as every source.

Closing closes every socket, so that a muted device gets no samples. Nobody at the other end is trusted: what breaks
the protocol is disconnected. Audio that comes faster than it is taken waits in a `Backlog`, which drops the oldest.
"""

import selectors
import socket
import time
from abc import ABC, abstractmethod
from typing import Final

from edge_agent.model.errors import MicrophoneError, WyomingError
from edge_agent.voice.backlog import BYTES_A_SECOND, Backlog
from edge_agent.voice.sources import LATE_S, SILENCE, WAIT_S
from edge_agent.voice.wyoming.peer import Peer
from edge_agent.voice.wyoming.protocol import Address, Message, Ping, read_message
from edge_agent.voice.wyoming.sockets import connect_to

ANSWER_WITHIN_S: Final = 3.0
"""How long connecting and a first word may take: whoever listens waits for it."""
ASK_AFTER_S: Final = 7.0
LOST_AFTER_S: Final = 15.0
"""A peer that says nothing is asked who it is, and lost when it does not answer that either."""
HUSH_S: Final = 2.0
"""Audio that is late by `LATE_S` has stopped, and is followed by this much silence: so a last word has an end."""

_PIECE_BYTES: Final = BYTES_A_SECOND // 5
_DESCRIBE: Final = Message("describe")
_RUN: Final = Message("run-satellite")
_NOTHING_OFFERED: Final = Message("info", {"asr": [], "tts": [], "handle": [], "intent": [], "wake": []})


class Ears(ABC):
    """What both directions have in common: sockets that are attended to whenever audio is read."""

    _audio_at: float
    _hush_left_s: float

    def __init__(self, address: Address) -> None:
        self._address = address
        self._selector: selectors.BaseSelector | None = None
        self._forget()

    @property
    def is_over(self) -> bool:
        """Return False: whoever left may come again."""
        return False

    @property
    def dropped_s(self) -> float:
        """How much audio was dropped since it was opened."""
        return self._backlog.dropped_s

    def read(self, gather_s: float = 0.0) -> bytes:
        """Return the oldest audio that was not read, silence for a while when it stopped, or nothing."""
        if self._selector is None:
            raise MicrophoneError(f"The source {self._address} is not open.")
        if gather_s and self._hush_left_s > 0:  # a peer speaks
            time.sleep(gather_s)
        self._attend(self._selector, 0.0)
        piece = self._backlog.take(0.0, gather_s)
        if not piece:
            self._attend(self._selector, WAIT_S)
            piece = self._backlog.take(0.0)
        now_s = time.monotonic()
        if piece:
            self._audio_at = now_s
            self._hush_left_s = HUSH_S
            return piece
        if self._hush_left_s <= 0 or now_s < self._audio_at + LATE_S:
            return b""
        self._hush_left_s -= WAIT_S
        return SILENCE

    def close(self) -> None:
        """Close every socket and forget what was not read. Closing twice does no harm."""
        selector, self._selector = self._selector, None
        if selector is None:
            return
        for key in list(selector.get_map().values()):
            socket_of(key).close()
        selector.close()
        self._forget()

    @abstractmethod
    def _attend(self, selector: selectors.BaseSelector, wait_s: float) -> None:
        """Take what comes within `wait_s`, and answer it."""

    def _take(self, peer: Peer) -> None:
        """Take what a peer says. Raise OSError or WyomingError when it must be let go."""
        for message in peer.receive():
            match message.type:
                case "audio-chunk":
                    self._hear(peer, peer.audio_of(message))
                case "describe":
                    peer.say(_NOTHING_OFFERED)
                case "ping":
                    peer.say(Message("pong", {"text": read_message(Ping, message.data).text}))
                case "info":
                    self._meet(message)
                case _:
                    pass

    def _hear(self, peer: Peer, audio: bytes) -> None:  # noqa: ARG002  who speaks matters where there are several
        for start in range(0, len(audio), _PIECE_BYTES):
            self._backlog.add(audio[start : start + _PIECE_BYTES])

    @abstractmethod
    def _meet(self, introduction: Message) -> None:
        """Take a peer's `info`."""

    def _forget(self) -> None:
        self._backlog = Backlog()
        self._audio_at = self._hush_left_s = 0.0


class WyomingSource(Ears):
    """Connects to a microphone service, which sends at once, or to a satellite, which sends when it is told to run.

    A satellite obeys one master: this device's cannot be Home Assistant's too. It may send nothing while nobody
    speaks; a microphone service that does is lost, though it answers, and found again by its sound alone.
    """

    def __init__(self, address: Address) -> None:
        super().__init__(address)
        self._peer: Peer | None = None
        self._is_asked = self._sends_always = self._was_silent = False
        self._sent_at: float | None = None

    def open(self) -> None:
        """Connect and wait for a first word, for `ANSWER_WITHIN_S` at most."""
        self.close()
        self._sends_always, self._sent_at = False, None
        until = time.monotonic() + ANSWER_WITHIN_S
        try:
            peer = self._peer = Peer(connect_to(self._address, ANSWER_WITHIN_S))
        except OSError as error:
            raise self._lost(f"cannot be reached: {error.strerror or error}") from error
        self._selector = selectors.DefaultSelector()
        self._selector.register(peer.socket, selectors.EVENT_READ)
        try:
            self._say(peer, _DESCRIBE, _RUN)
            while not peer.has_spoken or (self._was_silent and self._sent_at is None):
                left_s = until - time.monotonic()
                if left_s <= 0:
                    raise self._lost("sends no audio" if peer.has_spoken else "says nothing")
                self._attend(self._selector, left_s)
            self._was_silent, self._sent_at = False, time.monotonic()
        except MicrophoneError:
            self.close()
            raise

    def _attend(self, selector: selectors.BaseSelector, wait_s: float) -> None:
        peer = self._peer
        assert peer is not None  # noqa: S101  there is one while there is a selector
        if selector.select(wait_s):
            self._is_asked = False
            try:
                self._take(peer)
            except WyomingError as error:
                raise self._lost(f"breaks the protocol: it {error.deed}", error.next_step) from error
            except OSError as error:
                raise self._lost(f"is gone: {error.strerror or error}") from error
            self._check_it_is_heard()
            return
        self._check_it_is_heard()
        silent_s = time.monotonic() - peer.heard_at
        if not self._is_asked and silent_s >= ASK_AFTER_S:
            self._is_asked = True
            self._say(peer, _DESCRIBE)
        elif silent_s >= LOST_AFTER_S:
            raise self._lost("says nothing any more")

    def _check_it_is_heard(self) -> None:
        if self._sends_always and self._sent_at is not None and time.monotonic() - self._sent_at >= LOST_AFTER_S:
            self._was_silent = True
            raise self._lost("sends no audio any more")

    def _hear(self, peer: Peer, audio: bytes) -> None:
        self._sent_at = time.monotonic()
        super()._hear(peer, audio)

    def _say(self, peer: Peer, *messages: Message) -> None:
        try:
            for message in messages:
                peer.say(message)
        except (OSError, WyomingError) as error:
            raise self._lost(f"is gone: {error}") from error

    def _meet(self, introduction: Message) -> None:
        if not introduction.data.get("mic") and not introduction.data.get("satellite"):
            raise self._lost("is no satellite and no microphone", "Name one as wyoming:HOST:PORT.")
        self._sends_always = not introduction.data.get("satellite")

    def _lost(self, what: str, next_step: str = "") -> MicrophoneError:
        advice = next_step or "Check that it runs, and that nobody else is connected to it."
        return MicrophoneError(f"The Wyoming satellite at {self._address} {what}.", advice)


def socket_of(key: selectors.SelectorKey) -> socket.socket:
    """Return the socket that a selector tells of."""
    assert isinstance(key.fileobj, socket.socket)  # noqa: S101  nothing else is registered
    return key.fileobj
