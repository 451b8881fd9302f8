"""Reads a connection for paho, much at a time, and takes what is plain on the way (shell: sockets).

paho reads a packet in six calls and copies it four times; aiomqtt looks at its socket and calls `loop_read`.
"""

import ssl
import time
from collections.abc import Callable
from typing import Any, Final, cast

import paho.mqtt.client as mqtt

from edge_agent.link.inflow import CAPACITY_BYTES, Acknowledged, Inflow, PassedOver, Plain

_TURN_BYTES: Final = CAPACITY_BYTES
"""So much is read before everything else on the event loop gets its turn."""


class Inlet:
    """paho's client as aiomqtt's reader sees it.

    `arrive` gets every plain message and acknowledgement, and what is passed over since it is longer than
    `most_bytes`; all else goes to paho, in the order in which it came. `check` is told how long a packet for paho is
    that has begun; it raises what ends the connection.
    """

    def __init__(
        self,
        client: mqtt.Client,
        *,
        modern: bool,
        most_bytes: int,
        arrive: Callable[[Plain | Acknowledged | PassedOver], None],
        check: Callable[[int], None],
    ) -> None:
        self._client = cast("Any", client)  # paho has no public way in
        self._client._sock_recv = self._receive  # noqa: SLF001
        self._inflow = Inflow(modern=modern, most_bytes=most_bytes)
        self._arrive = arrive
        self._check = check
        self._handed = memoryview(b"")
        self._end: OSError | bytes | None = None

    @property
    def _sock(self) -> object:
        return self._client._sock  # noqa: SLF001 -- aiomqtt looks at it

    def loop_read(self) -> None:
        """Take in what is there."""
        taken = 0
        while taken < _TURN_BYTES:
            sock, room = self._client._sock, self._inflow.room()  # noqa: SLF001
            if sock is None:
                return
            try:
                count = sock.recv_into(room)
            except (BlockingIOError, InterruptedError, ssl.SSLWantReadError):
                return
            except ssl.SSLWantWriteError:
                self._client._call_socket_register_write()  # noqa: SLF001
                return
            except OSError as error:
                self._hand_end(error)
                return
            if count == 0:
                self._hand_end(b"")
                return
            taken += count
            self._inflow.came(count)
            # So that a long packet on a slow line is no silence: paho 2.2's name for it, and 2.1's.
            self._client._last_bytes_received = self._client._last_msg_in = time.monotonic()  # noqa: SLF001
            self._take_all()
            if count < len(room) and not isinstance(sock, ssl.SSLSocket):  # which gives one record at a time
                return

    def _take_all(self) -> None:
        while self._client._sock is not None:  # noqa: SLF001
            match self._inflow.take():
                case None:
                    return
                case Plain() | Acknowledged() | PassedOver() as plain:
                    self._arrive(plain)
                case handed:
                    self._handed = handed
                    while len(self._handed) and self._client._sock is not None:  # noqa: SLF001
                        self._client.loop_read()
                        self._check(self._client._in_packet["remaining_length"])  # noqa: SLF001

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
