"""An MQTT 3.1.1 broker inside this process, for the demo and where no mosquitto is installed (shell: sockets).

It listens on loopback only, takes anonymous clients, loads no plugin that publishes anything by itself, and keeps
retained messages in memory: they outlive `restart()`, not the process.
"""

import asyncio
import contextlib
import ipaddress
import logging
from types import TracebackType
from typing import Any, Final, Self

from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter
from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig, ListenerType
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.session import Session

from edge_agent.model.errors import LinkError
from edge_agent.standin.listening import ANOTHER_PORT, bind_trouble

_LISTENER: Final = "default"
_STREAM_LIMIT_BYTES: Final = 2**20
"""Read buffer of one connection; packets may be larger, they are then read in parts."""

_GOODBYE_S: Final = 5

_CONNECT: Final = 0x10
_LONGEST_CONNECT_BYTES: Final = 2**17
_MODERN: Final = b"\x00\x04MQTT\x05"
"""How the variable header of a CONNECT in MQTT 5.0 begins (section 3.1.2)."""
_UNACCEPTABLE_VERSION: Final = b"\x20\x02\x00\x01"
"""CONNACK with return code 1 (MQTT 3.1.1, section 3.2.2.3)."""


def _settled(value: Any) -> asyncio.Future[Any]:
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    future.set_result(value)
    return future


class _Begun(StreamReaderAdapter):  # type: ignore[misc] # amqtt has no type information
    """A stream whose beginning has been read."""

    def __init__(self, beginning: bytes, reader: asyncio.StreamReader) -> None:
        super().__init__(reader)
        self._beginning = beginning

    async def read(self, n: int = -1) -> bytes:
        """Return `n` bytes, first those that were read."""
        begun, self._beginning = self._beginning[:n], self._beginning[n:]
        rest: bytes = b"" if len(begun) == n else await super().read(n - len(begun))
        return begun + rest


async def _beginning(reader: asyncio.StreamReader) -> bytes | None:
    """Return how the first packet begins, or None for a CONNECT in MQTT 5.0, which is then read to its end.

    amqtt would take 5.0's properties for the client's name, and wait for the rest of that for ever.
    """
    begun = await reader.readexactly(2)
    length = shift = 0
    while begun[-1] & 0x80 and len(begun) <= 4:  # noqa: PLR2004 -- the remaining length has four bytes at most
        length |= (begun[-1] & 0x7F) << shift
        shift += 7
        begun += await reader.readexactly(1)
    length |= begun[-1] << shift
    if begun[0] != _CONNECT or not len(_MODERN) <= length < _LONGEST_CONNECT_BYTES:
        return begun
    header = await reader.readexactly(len(_MODERN))
    if header != _MODERN:
        return begun + header
    await reader.readexactly(length - len(_MODERN))  # or closing would reset the connection before the answer is read
    return None


class _CarefulBroker(Broker):  # type: ignore[misc] # amqtt has no type information
    """amqtt 0.12, less three surprises.

    It sends every new connection the retained messages of every filter that *anyone* subscribed to, walking the
    table of subscriptions while it waits for the socket, so that a subscription made meanwhile ends the connection.
    It forgets messages that it acknowledged when their publisher disconnects before they were passed on. And a second
    clean session of the same client id takes the first one's subscriptions away without disconnecting it, against
    MQTT 3.1.1, section 3.1.4, which leaves it deaf.
    """

    async def _delete_session(self, client_id: str) -> None:
        _session, handler = self._sessions.get(client_id, (None, None))
        if handler is not None:
            await handler.handle_connection_closed()
        await super()._delete_session(client_id)

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        subscribed = self._subscriptions.get(subscription[0], [])
        if any(owner is session for owner, _qos in subscribed):
            await super()._publish_retained_messages_for_subscription(subscription, session)

    async def _client_message_loop(self, client_session: Session, handler: BrokerProtocolHandler) -> None:
        received = client_session.delivered_message_queue

        async def deliver() -> None:
            while (message := await received.get()) is not None:
                if not await self._handle_message_delivery(client_session, handler, _settled(message)):
                    return

        async def subscribe() -> None:
            while True:
                wanted = await handler.get_next_pending_subscription()
                await self._handle_subscription(client_session, handler, _settled(wanted))

        async def unsubscribe() -> None:
            while True:
                unwanted = await handler.get_next_pending_unsubscription()
                await self._handle_unsubscription(client_session, handler, _settled(unwanted))

        gone = asyncio.ensure_future(handler.wait_disconnect())
        delivering = asyncio.create_task(deliver())
        others = [asyncio.create_task(subscribe()), asyncio.create_task(unsubscribe())]
        try:
            await asyncio.wait([gone, delivering, *others], return_when=asyncio.FIRST_COMPLETED)
            received.put_nowait(None)  # everything that was acknowledged comes before this
            await delivering
            await self._handle_disconnect(client_session, handler, gone if gone.done() else _settled(None))
        finally:
            for task in (gone, delivering, *others):
                task.cancel()
            await asyncio.gather(gone, delivering, *others, return_exceptions=True)

    async def dismiss(self) -> None:
        """Disconnect every client, without its last will: it is the broker that leaves."""
        for session, handler in list(self._sessions.values()):
            session.will_flag = False
            await handler.handle_connection_closed()

    def kept(self) -> dict[str, tuple[bytes, int | None]]:
        """Return what is retained, as (payload, QoS) by topic."""
        return {topic: (bytes(kept.data or b""), kept.qos) for topic, kept in self._retained_messages.items()}


class EmbeddedBroker:
    """A broker for one home: `async with EmbeddedBroker() as broker: connect to broker.host, broker.port`.

    `port=0` picks a free port, which then stays the same over `restart()`. A host that is not loopback is refused,
    since anybody may connect. Raises LinkError when the port cannot be opened.
    """

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        if not ipaddress.ip_address(host).is_loopback:
            raise LinkError(
                f"The embedded broker only listens on loopback, not on {host}.",
                "Use mosquitto for clients on other machines.",
            )
        self.host = host
        self.port = port
        self._broker: _CarefulBroker | None = None
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._kept: dict[str, tuple[bytes, int | None]] = {}
        # It reports ordinary things, such as a connection that closes, as errors.
        logging.getLogger("amqtt").setLevel(logging.CRITICAL)
        logging.getLogger("transitions").setLevel(logging.CRITICAL)

    @property
    def is_running(self) -> bool:
        """Whether clients can connect."""
        return self._server is not None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen, with the retained messages of the last `stop()`. Does nothing when it runs already."""
        if self._server is not None:
            return
        broker = _CarefulBroker(
            BrokerConfig(
                listeners={_LISTENER: ListenerConfig(type=ListenerType.EXTERNAL)},
                plugins={"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
            )
        )
        await broker.start()
        for topic, (payload, qos) in self._kept.items():
            await broker.retain_message(None, topic, payload, qos)
        try:
            self._server = await asyncio.start_server(
                self._connected, self.host, self.port, limit=_STREAM_LIMIT_BYTES
            )
        except OSError as error:
            await broker.shutdown()
            raise LinkError(
                f"The embedded broker cannot listen on {self.host}:{self.port}: {bind_trouble(error)}.", ANOTHER_PORT
            ) from error
        self._broker = broker
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Drop every client and stop listening. Retained messages are kept for the next `start()`."""
        broker, server = self._broker, self._server
        if broker is None or server is None:
            return
        self._broker = self._server = None
        server.close()
        await broker.dismiss()
        if self._connections:
            _served, stuck = await asyncio.wait(self._connections, timeout=_GOODBYE_S)
            for task in stuck:
                task.cancel()
            await asyncio.gather(*stuck, return_exceptions=True)
        self._kept = broker.kept()
        await broker.shutdown()
        await server.wait_closed()

    async def restart(self) -> None:
        """Stop and start again on the same port: clients are dropped, retained messages stay."""
        await self.stop()
        await self.start()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        broker, task = self._broker, asyncio.current_task()
        if broker is None or task is None:
            writer.close()
            return
        self._connections.add(task)
        try:
            begun = await _beginning(reader)
            if begun is None:
                writer.write(_UNACCEPTABLE_VERSION)
            else:
                await broker.external_connected(_Begun(begun, reader), StreamWriterAdapter(writer), _LISTENER)
        except (OSError, asyncio.IncompleteReadError):
            pass  # gone before it said anything
        except asyncio.CancelledError:
            pass  # by `stop`, for one that was stuck; Python 3.11 would print a traceback for a cancelled callback
        finally:
            self._connections.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
