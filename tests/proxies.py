"""TCP proxies before a broker: what a network, or somebody in it, may do to a connection.

`async with Proxy(broker) as proxy` in a test's own event loop; `with ThreadedProxy(broker, …)` in a thread of
its own, where it must not take turns from what is measured.
"""

import asyncio
import contextlib
import threading
import time
from dataclasses import dataclass
from typing import Final, Literal, Self

from tests.brokers import Reachable, RunningBroker

_BLOCK_BYTES: Final = 2**15
_NO_LIMIT: Final = float("inf")

ACCEPTS_311_ONLY: Final = b"\x20\x02\x00\x01"
"""How a broker of 3.1.1 refuses another version: CONNACK with return code 1 (MQTT 3.1.1, section 3.2.2.3)."""
UNSUPPORTED_VERSION: Final = b"\x20\x03\x00\x84\x00"
"""How one that knows 5.0 refuses it: CONNACK with reason code 0x84 (MQTT 5.0, section 3.2.2.2)."""
HANGS_UP: Final = b""
"""And how one does that does not care."""


@dataclass(frozen=True, slots=True)
class RefusedVersion:
    """A CONNECT of this protocol level (4 is 3.1.1) is answered with these bytes, and hung up on."""

    level: int
    answer: bytes


class Proxy:
    """A way to a broker on which what it sends can be cut, stopped and slowed, and all of it kept."""

    host = "127.0.0.1"

    def __init__(
        self, broker: Reachable, *, bytes_per_s: float | None = None, refuses: RefusedVersion | None = None
    ) -> None:
        self.port = 0
        self.kept: bytearray | None = None
        """Set it to an empty one, and every byte of either direction is added."""
        self.connections = 0
        self.levels: list[int] = []
        """The protocol level of each CONNECT that came."""
        self._broker = broker
        self._bytes_per_s = bytes_per_s
        self.refuses = refuses
        self.protocol: Literal["auto", "5.0", "3.1.1"] = getattr(broker, "protocol", "auto")
        self._left = self._cut_left = _NO_LIMIT
        self._opened = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """Cut every connection, without either side saying goodbye."""
        for writer in self._writers:
            writer.transport.abort()

    def cut_after(self, length_bytes: int) -> None:
        """Cut every connection once so much more has gone to clients; later ones are whole."""
        self._cut_left = length_bytes

    def stop_after(self, length_bytes: int) -> None:
        """Let so much more through to clients and then nothing, until `open`."""
        self._left = length_bytes
        self._opened.clear()

    def open(self) -> None:
        """Let everything through."""
        self._left = _NO_LIMIT
        self._opened.set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self.host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        mine, far_writer = {writer}, None
        self._writers |= mine
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                begun = await self._first_packet(reader)
                if self.refuses is not None and self.levels[-1] == self.refuses.level:
                    writer.write(self.refuses.answer)
                    return
                far_reader, far_writer = await asyncio.open_connection(self._broker.host, self._broker.port)
                mine.add(far_writer)
                self._writers |= mine
                await self._pass(begun, far_writer)
                await asyncio.gather(self._carry(reader, far_writer), self._carry(far_reader, writer, inwards=True))
        finally:
            for each in mine:
                each.close()
            for each in mine:
                with contextlib.suppress(OSError, asyncio.CancelledError):
                    await each.wait_closed()
            self._writers -= mine

    async def _first_packet(self, reader: asyncio.StreamReader) -> bytes:
        """Return the CONNECT, and note its protocol level."""
        begun = await reader.readexactly(2)
        length = shift = 0
        while begun[-1] & 0x80:
            length |= (begun[-1] & 0x7F) << shift
            shift += 7
            begun += await reader.readexactly(1)
        body = await reader.readexactly(length | begun[-1] << shift)
        self.levels.append(body[6])  # after "MQTT" with its length
        return begun + body

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, inwards: bool = False
    ) -> None:
        free_at = 0.0
        with contextlib.suppress(OSError):
            while block := await reader.read(_BLOCK_BYTES):
                if inwards and not await self._lets_through(len(block)):
                    return
                await self._pass(block, writer)
                if inwards and self._bytes_per_s is not None:
                    free_at = max(free_at, time.perf_counter()) + len(block) / self._bytes_per_s
                    await asyncio.sleep(max(0.0, free_at - time.perf_counter()))
            writer.close()

    async def _pass(self, block: bytes, writer: asyncio.StreamWriter) -> None:
        if self.kept is not None:
            self.kept += block
        writer.write(block)
        await writer.drain()

    async def _lets_through(self, length: int) -> bool:
        self._cut_left -= length
        if self._cut_left < 0:
            self._cut_left = _NO_LIMIT
            self.cut()
            return False
        self._left -= length
        if self._left <= 0:
            await self._opened.wait()
        return True


class ThreadedProxy:
    """A `Proxy` in a thread of its own, that lets `bytes_per_s` through towards clients."""

    host = "127.0.0.1"

    def __init__(self, broker: RunningBroker, bytes_per_s: float) -> None:
        self.name = f"{broker.name} at {bytes_per_s / 1e6:g} MB/s"
        self.port = 0
        self._broker = broker
        self._bytes_per_s = bytes_per_s
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._proxy = asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)
        self.port = self._proxy.port
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._proxy.__aexit__(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _open(self) -> Proxy:
        return await Proxy(self._broker, bytes_per_s=self._bytes_per_s).__aenter__()
