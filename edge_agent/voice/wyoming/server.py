"""The Wyoming server (shell: sockets and one thread): who may speak to the engine, how many at once and how long.

The protocol knows no passwords: whoever reaches the address may use it. So every client is bounded in number, in
memory and in patience (`Bounds`), what it sends is decoded by one thread for all of them, and what a client does
wrong ends its own connection and nothing else. It hears what its clients send, and never a microphone of this
machine. Nothing that was said is kept or logged.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from edge_agent.model.errors import SettingsError, VoiceError, WyomingError
from edge_agent.voice.wyoming.complaints import Complaints
from edge_agent.voice.wyoming.engine import Engine
from edge_agent.voice.wyoming.mute import Mute
from edge_agent.voice.wyoming.places import gave_way, who_gives_way
from edge_agent.voice.wyoming.protocol import Address
from edge_agent.voice.wyoming.reply import Reply, refusal
from edge_agent.voice.wyoming.session import Session
from edge_agent.voice.wyoming.sockets import keep_asking, leave, listen_on

READ_BYTES: Final = 64 * 1024
GOODBYE_S: Final = 1.0
TRICKLE_BYTES: Final = 3200
GATHER_S: Final = 0.05
"""Live audio comes in dozens of messages a second, and is gathered for as long as a step of the decoder takes: waking
a thread costs more than what it then does."""
QUIET_BYTES: Final = 4 * TRICKLE_BYTES
GATHER_QUIET_S: Final = 0.2
"""The same while nobody speaks: whatever begins then is longer than this."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a client may take: seconds without a word, for one message, and to take an answer.

    Who listens for wake phrases may say nothing for longer, until its place is needed: a satellite sends its audio
    elsewhere after each wake. Who never said anything has no more time than for a message then. Who is one too many
    may ask again after `busy_s`. The model is kept for `rest_s` when everybody has left: loading it costs as much as
    hearing a command, and Home Assistant connects twice for each.
    """

    clients: int = 8
    idle_s: float = 60.0
    message_s: float = 10.0
    answer_s: float = 10.0
    busy_s: float = 1.0
    rest_s: float = 30.0


@dataclass(slots=True, eq=False)
class _Client:
    """Who has a place (`places.Guest`)."""

    host: str
    spoke_at: float


class WyomingServer:
    """Serves clients with one engine. While `mute` is on, it answers what it offers and hears nobody."""

    def __init__(self, engine: Engine, mute: Callable[[], Mute] = Mute, bounds: Bounds | None = None) -> None:
        self._engine = engine
        self._mute = mute
        self._bounds = bounds or Bounds()
        self._complaints = Complaints()
        self._clients: dict[_Client, asyncio.Task[None]] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._resting: asyncio.TimerHandle | None = None
        self._decoder = ThreadPoolExecutor(1, thread_name_prefix="wyoming")

    @asynccontextmanager
    async def listening(self, address: Address) -> AsyncIterator[Address]:
        """Serve for as long as the context lasts; give the address with the port that was taken where it was 0.

        Raise SettingsError where the address cannot be used. Leaving ends every conversation. Use it once.
        """
        listening = _listen_on(address)
        start = asyncio.start_unix_server if address.path else asyncio.start_server
        server = await start(self._welcome, sock=listening)
        if not address.is_of_this_machine:
            _log.warning("Everybody who reaches %s may use the Wyoming server: it knows no passwords.", address)
        try:
            yield address if address.path else replace(address, port=listening.getsockname()[1])
        finally:
            server.close()
            there = {*self._clients.values(), *self._leaving}
            for client in there:
                client.cancel()
            await asyncio.gather(*there, return_exceptions=True)
            self._stay_awake()
            self._engine.rest()
            self._decoder.shutdown(wait=False)
            leave(address)

    def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        client = _Client(peer[0] if isinstance(peer, tuple) else "", asyncio.get_running_loop().time())
        if len(self._clients) >= self._bounds.clients and not self._make_room(client):
            busy = WyomingError("is one too many", "busy", f"{self._bounds.clients} are served at once.")
            self._complaints.add(busy)
            if len(self._leaving) >= self._bounds.clients:
                writer.transport.abort()
            else:
                self._leaving.add(self._begin(self._send_away(reader, writer, busy)))
            return
        self._stay_awake()
        keep_asking(writer.get_extra_info("socket"))
        self._clients[client] = self._begin(self._serve(client, reader, writer), client)

    def _make_room(self, newcomer: _Client) -> bool:
        """Whether somebody gives way."""
        client = who_gives_way(self._clients, newcomer.host)
        if client is None:
            return False
        task = self._clients.pop(client)
        self._leaving.add(task)
        task.cancel()
        self._complaints.add(gave_way())
        return True

    def _begin(self, work: Coroutine[Any, Any, None], client: _Client | None = None) -> "asyncio.Task[None]":
        task = asyncio.create_task(work, name="wyoming client")
        task.add_done_callback(partial(self._ended, client))
        return task

    def _ended(self, client: _Client | None, task: "asyncio.Task[None]") -> None:
        self._leaving.discard(task)
        if client is not None:
            self._clients.pop(client, None)
        bug = None if task.cancelled() else task.exception()
        if bug is not None:
            _log.error("A Wyoming client met a bug; the others are served on.", exc_info=bug)
        if not self._clients:
            self._stay_awake()
            self._resting = asyncio.get_running_loop().call_later(self._bounds.rest_s, self._engine.rest)

    def _stay_awake(self) -> None:
        if self._resting is not None:
            self._resting.cancel()

    async def _serve(self, client: _Client, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._converse(client, reader, writer)
        except VoiceError as error:
            self._complaints.add(error)
        except OSError:
            pass  # it left without a word
        finally:
            writer.transport.abort()

    async def _converse(self, client: _Client, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take and answer until the client leaves. Raise VoiceError for one that must go."""
        loop = asyncio.get_running_loop()
        session = Session(self._engine, self._mute)
        silent_until = loop.time() + self._bounds.idle_s
        until = min(silent_until, loop.time() + self._bounds.message_s)
        while session.error is None:
            taken, was_mid_message = session.taken, session.is_mid_message
            try:
                if was_mid_message and loop.time() >= until:
                    raise TimeoutError  # noqa: TRY301  what has come is read without waiting, which no timeout ends
                async with asyncio.timeout_at(until):
                    received = await reader.read(READ_BYTES)
            except TimeoutError:
                may_stay = session.listens or (not session.taken and loop.time() < silent_until)
                if may_stay and not was_mid_message and len(self._clients) < self._bounds.clients:
                    bounds = self._bounds
                    until = loop.time() + (bounds.idle_s if session.listens else bounds.message_s)
                    continue
                deed = "does not end the message that it began" if was_mid_message else "says nothing"
                raise WyomingError(deed, "too-slow") from None
            if not received:
                return
            await self._do(session, partial(session.receive, received), writer)
            while session.has_more:
                await self._do(session, session.go_on, writer)
            if session.taken != taken:
                client.spoke_at = loop.time()
            if session.taken != taken or not was_mid_message:
                bounds = self._bounds
                until = loop.time() + (bounds.message_s if session.is_mid_message else bounds.idle_s)
            if len(received) < (QUIET_BYTES if session.is_quiet else TRICKLE_BYTES):
                await _gather(writer.transport, GATHER_QUIET_S if session.is_quiet else GATHER_S)
        await _let_it_read(reader, writer)
        raise session.error

    async def _do(self, session: Session, work: Callable[[], Sequence[Reply]], writer: asyncio.StreamWriter) -> None:
        """Let a client have its turn with the decoder, after all who wait for theirs; answer it."""
        unheard = session.unheard
        replies = await asyncio.get_running_loop().run_in_executor(self._decoder, work)
        if replies := session.mute_wins(replies):
            await self._send(writer, b"".join(reply.encoded for reply in replies))
        if session.unheard is not None and session.unheard is not unheard:
            self._complaints.add(session.unheard, "It is not heard.")

    async def _send(self, writer: asyncio.StreamWriter, answer: bytes) -> None:
        writer.write(answer)
        try:
            async with asyncio.timeout(self._bounds.answer_s):
                await writer.drain()
        except TimeoutError:
            raise WyomingError("does not take its answers", "too-slow") from None

    async def _send_away(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, error: VoiceError) -> None:
        """Tell a client why it has to go, and be slow to close: Home Assistant comes back in that moment."""
        with suppress(OSError, TimeoutError):
            try:
                writer.write(refusal(error).encode())
                async with asyncio.timeout(self._bounds.busy_s):
                    while await reader.read(READ_BYTES):
                        pass
            finally:
                writer.transport.abort()


def try_address(address: Address) -> None:
    """Raise SettingsError where a server could not listen."""
    _listen_on(address).close()
    leave(address)


def _listen_on(address: Address) -> socket.socket:
    try:
        return listen_on(address)
    except OSError as error:
        raise SettingsError(
            f"The Wyoming server cannot use {address}: {error.strerror or error}.",
            "Choose another address, or stop what uses it.",
        ) from error


async def _gather(transport: asyncio.WriteTransport, seconds: float) -> None:
    """Leave what comes to the system for so long: asyncio would wake up for every piece of it, a hundred a second."""
    assert isinstance(transport, asyncio.Transport)  # noqa: S101  a socket's: it can be read from, too
    if not transport.is_reading():  # the stream has enough: ending its own pause here would end it for good
        return
    transport.pause_reading()
    try:
        await asyncio.sleep(seconds)
    finally:
        transport.resume_reading()


async def _let_it_read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Give the client time to read why it is sent away: closing at once on unread bytes would take that from it."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(GOODBYE_S):
            writer.write_eof()
            while await reader.read(READ_BYTES):
                pass
