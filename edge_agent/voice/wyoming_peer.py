"""One Wyoming peer that audio comes from, and the audio that waits to be taken (shell: a socket that never waits)."""

import logging
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from edge_agent.model.errors import WyomingError
from edge_agent.voice.libvosk import RATE
from edge_agent.voice.wyoming import AudioFormat, Inbox, Message, read_message
from edge_agent.voice.wyoming_audio import Converter

BEHIND_S: Final = 5.0
BYTES_A_SECOND: Final = 2 * RATE
PIECE_BYTES: Final = BYTES_A_SECOND // 5

_RECEIVE_BYTES: Final = 64 * 1024
_MOST_UNSENT_BYTES: Final = 16 * 1024

_log = logging.getLogger(__name__)


class Peer:
    """One connected peer, without waiting: what it sends is taken as it comes, what it is told waits its turn."""

    def __init__(self, connected: socket.socket) -> None:
        connected.settimeout(0)
        if connected.family != socket.AF_UNIX:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.socket = connected
        self.heard_at = time.monotonic()
        self.has_spoken = False
        self._inbox = Inbox()
        self._converter: Converter | None = None
        self._unsent = bytearray()

    def receive(self) -> Iterator[Message]:
        """Yield the messages that have come. Raise OSError or WyomingError when it must be let go."""
        try:
            received = self.socket.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return
        if not received:
            raise ConnectionResetError("it closed the connection")
        self.heard_at = time.monotonic()
        self._send()
        for message in self._inbox.feed(received):
            self.has_spoken = True
            yield message

    def audio_of(self, chunk: Message) -> bytes:
        """Return a chunk's audio as ours. Raise WyomingError for a format that cannot be."""
        announced = read_message(AudioFormat, chunk.data)
        if self._converter is None or self._converter.announced != announced:
            self._converter = Converter(announced)
        return self._converter.convert(chunk.payload)

    def say(self, message: Message) -> None:
        """Tell it something now, or as soon as it listens. Raise OSError or WyomingError when it must be let go."""
        self._unsent += message.encode()
        self._send()
        if len(self._unsent) > _MOST_UNSENT_BYTES:
            raise WyomingError("does not take its answers", "too-slow")

    def _send(self) -> None:
        with suppress(BlockingIOError):
            del self._unsent[: self.socket.send(self._unsent)]


class Backlog:
    """Audio that waits to be taken, at most `BEHIND_S` of it. Dropping is told when it begins and when it ends."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._dropped_bytes = 0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, audio: bytes) -> None:
        """Keep audio, and drop the oldest where it is too much."""
        self._waiting += audio
        excess = len(self._waiting) - round(BEHIND_S * BYTES_A_SECOND)
        if excess > 0:
            if not self._dropped_bytes:
                _log.warning("Audio comes faster than it is recognised: the oldest is being dropped.")
            self._dropped_bytes += excess
            del self._waiting[:excess]

    def take(self) -> bytes:
        """Return the oldest audio, at most a fifth of a second."""
        piece = bytes(self._waiting[:PIECE_BYTES])
        del self._waiting[:PIECE_BYTES]
        if self._dropped_bytes and not self._waiting:
            _log.warning("Heard again after dropping %.1f s of audio.", self._dropped_bytes / BYTES_A_SECOND)
            self._dropped_bytes = 0
        return piece
