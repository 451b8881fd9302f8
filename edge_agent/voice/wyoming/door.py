"""Audio from Wyoming satellites that connect to us (shell: sockets). 16 kHz mono s16le, as every source."""

import logging
import selectors
import socket
import time
from typing import Final

from edge_agent.model.errors import MicrophoneError, WyomingError
from edge_agent.voice.wyoming.complaints import Complaints
from edge_agent.voice.wyoming.peer import Peer
from edge_agent.voice.wyoming.places import gave_way, who_gives_way
from edge_agent.voice.wyoming.protocol import Address, Message
from edge_agent.voice.wyoming.sockets import leave, listen_on
from edge_agent.voice.wyoming.source import Ears, socket_of

TURN_S: Final = 2.0
"""How long a peer must have been silent before another is heard."""
MOST_PEERS: Final = 4

_log = logging.getLogger(__name__)


class WyomingDoor(Ears):
    """Waits for peers that connect and stream. One is heard at a time: who speaks, until silent for `TURN_S`."""

    def __init__(self, address: Address) -> None:
        super().__init__(address)
        self._complaints = Complaints()
        self._speaker: Peer | None = None
        self._spoke_at = 0.0
        self._peers: dict[socket.socket, Peer] = {}
        self._door: socket.socket | None = None

    @property
    def port(self) -> int:
        """The TCP port that was taken; for a Unix socket, and while closed, 0."""
        return 0 if self._door is None or self._address.path else int(self._door.getsockname()[1])

    def open(self) -> None:
        """Begin to listen."""
        self.close()
        try:
            self._door = listen_on(self._address)
        except OSError as error:
            raise MicrophoneError(
                f"Satellites cannot be awaited at {self._address}: {error.strerror or error}.",
                "Choose another address, or stop what uses it.",
            ) from error
        self._door.settimeout(0)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._door, selectors.EVENT_READ)
        if not self._address.is_of_this_machine:
            _log.warning(
                "Everybody who reaches %s may speak to this device: Wyoming knows no passwords.", self._address
            )

    def close(self) -> None:
        """Stop listening, and close what is connected."""
        was_open = self._selector is not None
        super().close()
        self._peers.clear()
        self._speaker = self._door = None
        if was_open:
            leave(self._address)

    def _attend(self, selector: selectors.BaseSelector, wait_s: float) -> None:
        for key, _ in selector.select(wait_s):
            connected = socket_of(key)
            if connected is self._door:
                self._let_in(selector, self._door)
            elif connected in self._peers:  # it may have had to go for another a moment ago
                self._attend_to(selector, self._peers[connected])

    def _attend_to(self, selector: selectors.BaseSelector, peer: Peer) -> None:
        try:
            self._take(peer)
        except WyomingError as error:
            self._complaints.add(error)
            self._let_go(selector, peer)
        except OSError:
            self._let_go(selector, peer)

    def _let_in(self, selector: selectors.BaseSelector, door: socket.socket) -> None:
        """Accept a peer; where there are too many, one gives way: of an address that has more, or one long silent."""
        try:
            connected, there = door.accept()
        except OSError:  # it left again
            return
        peer = Peer(connected, there[0] if isinstance(there, tuple) else "")
        if len(self._peers) >= MOST_PEERS:
            one_less = self._one_less(peer)
            if one_less is None:
                self._complaints.add(
                    WyomingError("is one too many", "busy", f"{MOST_PEERS} may be connected at once.")
                )
                connected.close()
                return
            self._let_go(selector, one_less)
        self._peers[connected] = peer
        selector.register(connected, selectors.EVENT_READ)

    def _one_less(self, newcomer: Peer) -> Peer | None:
        if (peer := who_gives_way(self._peers.values(), newcomer.host)) is not None:
            self._complaints.add(gave_way())
            return peer
        quietest = min(self._peers.values(), key=lambda each: each.spoke_at)
        return None if time.monotonic() - quietest.spoke_at < TURN_S else quietest

    def _let_go(self, selector: selectors.BaseSelector, peer: Peer) -> None:
        selector.unregister(peer.socket)
        del self._peers[peer.socket]
        peer.socket.close()
        if self._speaker is peer:
            self._speaker = None

    def _meet(self, introduction: Message) -> None:
        """Pass it over: whoever comes here and sends audio is heard."""

    def _hear(self, peer: Peer, audio: bytes) -> None:
        now_s = time.monotonic()
        if self._speaker is not peer and self._speaker is not None and now_s - self._spoke_at < TURN_S:
            return
        self._speaker, self._spoke_at = peer, now_s
        super()._hear(peer, audio)
