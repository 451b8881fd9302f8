"""Reads a connection for paho, much at a time, and takes what is plain on the way (shell: sockets).

paho reads a packet in six calls and copies it four times; aiomqtt looks at its socket and calls `loop_read`.
"""

import asyncio
import ssl
import time
from collections.abc import Callable
from typing import Any, Final, cast

import paho.mqtt.client as mqtt

from edge_agent.link.inflow import CAPACITY_BYTES, Acknowledged, Inflow, PassedOver, Plain

_TURN_BYTES: Final = CAPACITY_BYTES
_TURN_S: Final = 0.02
"""So much, and for so long, is read before everything else on the event loop gets its turn.

256 KiB are four chunks, or a hundred thousand packets of whoever wants to keep a press from being heard.
"""


class Inlet:
    """paho's client as aiomqtt's reader sees it.

    `arrive` gets every plain message and acknowledgement, and what is passed over since it is longer than
    `most_bytes`; all else goes to paho, in the order in which it came. `check` is told the first byte and the length
    of a packet for paho that has begun; it raises what ends the connection, and `fail` is told of that where nobody
    else would hear it.
    """

    def __init__(
        self,
        client: mqtt.Client,
        *,
        modern: bool,
        most_bytes: int,
        arrive: Callable[[Plain | Acknowledged | PassedOver], None],
        check: Callable[[int, int], None],
        fail: Callable[[Exception], None],
    ) -> None:
        self._client = cast("Any", client)  # paho has no public way in
        self._client._sock_recv = self._receive  # noqa: SLF001
        self._inflow = Inflow(modern=modern, most_bytes=most_bytes)
        self._arrive = arrive
        self._check = check
        self._fail = fail
        self._handed, self._first = memoryview(b""), 0
        self._end: OSError | bytes | None = None
        self._next_turn: asyncio.Handle | None = None

    @property
    def _sock(self) -> object:
        """What aiomqtt looks at, and reads on from while TLS has more; but not before the others had their turn."""
        return self._client._sock if self._next_turn is None else None  # noqa: SLF001

    def loop_read(self) -> None:
        """Take in what is there, for one turn; what is left is taken in the next."""
        if self._next_turn is None and not self._read_for(_TURN_S):
            self._next_turn = asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        self._next_turn = None
        try:
            self.loop_read()
        except Exception as error:  # noqa: BLE001 -- as aiomqtt does: the connection is of no use any more
            self._fail(error)

    def _read_for(self, turn_s: float) -> bool:
        """Take in what is there; return whether that was all, as far as anybody can tell."""
        until_s, taken = time.monotonic() + turn_s, 0
        while self._take_all(until_s):
            sock, room = self._client._sock, self._inflow.room()  # noqa: SLF001
            count = 0 if sock is None else self._bring(sock, room)
            if count == 0:
                return True
            taken += count
            if taken >= _TURN_BYTES:
                return False
            if count < len(room) and not isinstance(sock, ssl.SSLSocket):  # which gives one record at a time
                return self._take_all(until_s)
        return False

    def _bring(self, sock: Any, room: memoryview) -> int:
        """Read from the socket; return how many bytes came: 0 when none is there now, or at the end."""
        try:
            count: int = sock.recv_into(room)
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError):
            return 0
        except ssl.SSLWantWriteError:
            self._client._call_socket_register_write()  # noqa: SLF001
            return 0
        except OSError as error:
            self._hand_end(error)
            return 0
        if count == 0:
            self._hand_end(b"")
            return 0
        self._inflow.came(count)
        # So that a long packet on a slow line is no silence: paho 2.2's name for it, and 2.1's.
        self._client._last_bytes_received = self._client._last_msg_in = time.monotonic()  # noqa: SLF001
        return count

    def _take_all(self, until_s: float) -> bool:
        """Take out what has come whole; return whether there was time for all of it."""
        while self._client._sock is not None:  # noqa: SLF001
            is_first = self._inflow.is_between
            match self._inflow.take():
                case None:
                    return True
                case Plain() | Acknowledged() | PassedOver() as plain:
                    self._arrive(plain)
                case handed:
                    if is_first:
                        self._first = handed[0]
                        self._check(self._first, 0)
                    self._handed = handed
                    while len(self._handed) and self._client._sock is not None:  # noqa: SLF001
                        self._client.loop_read()
                        self._check(self._first, self._client._in_packet["remaining_length"])  # noqa: SLF001
            if time.monotonic() >= until_s:
                return False
        return True

    def _hand_end(self, end: OSError | bytes) -> None:
        """Let paho find out by itself that the connection has ended."""
        self._end = end
        self._client.loop_read()

    def _receive(self, most: int) -> memoryview | bytes:
        """Stand in for paho's reading from the socket."""
        if not len(self._handed):
            if isinstance(self._end, bytes):
                return self._end
            raise self._end or BlockingIOError
        taken, self._handed = self._handed[:most], self._handed[most:]
        return taken
