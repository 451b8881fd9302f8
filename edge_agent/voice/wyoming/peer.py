"""One Wyoming peer that audio comes from (shell: a socket that never waits)."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from edge_agent.model.errors import WyomingError
from edge_agent.voice.wyoming.audio import ChunkConverter
from edge_agent.voice.wyoming.protocol import Inbox, Message
from edge_agent.voice.wyoming.sockets import keep_asking

_RECEIVE_BYTES: Final = 64 * 1024
_MOST_UNSENT_BYTES: Final = 16 * 1024


class Peer:
    """One connected peer, without waiting: what it sends is taken as it comes, what it is told waits its turn."""

    def __init__(self, connected: socket.socket, host: str = "") -> None:
        connected.settimeout(0)
        keep_asking(connected)
        self.socket = connected
        self.host = host
        self.heard_at = self.spoke_at = time.monotonic()
        """When bytes came, and when a whole message did."""
        self.has_spoken = False
        self._inbox = Inbox()
        self._converter = ChunkConverter()
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
            self.has_spoken, self.spoke_at = True, self.heard_at
            yield message

    def audio_of(self, chunk: Message) -> bytes:
        """Return a chunk's audio as ours. Raise WyomingError for a format that cannot be."""
        return self._converter.convert(chunk)

    def say(self, message: Message) -> None:
        """Tell it something now, or as soon as it listens. Raise OSError or WyomingError when it must be let go."""
        self._unsent += message.encode()
        self._send()
        if len(self._unsent) > _MOST_UNSENT_BYTES:
            raise WyomingError("does not take its answers", "too-slow")

    def _send(self) -> None:
        with suppress(BlockingIOError):
            del self._unsent[: self.socket.send(self._unsent)]
