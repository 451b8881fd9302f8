"""The agent's one session with the broker: connect, serve, and connect again for ever (shell: sockets, clock, draws).

Every connection is a clean session that subscribes anew to everything, so that it does not matter what the broker
remembers: a broker that dropped the session cannot leave the device deaf. Retained messages are delivered to their
callbacks again after each reconnect, so that nothing that was published meanwhile is missed.
"""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import aiomqtt

from edge_agent.link.backoff import reconnect_delay
from edge_agent.link.client import WireClient
from edge_agent.link.connection import Connection
from edge_agent.link.dialling import GONE_KEPT_S, dialled
from edge_agent.link.inflow import PassedOver
from edge_agent.link.listeners import Listeners, OnMessage
from edge_agent.link.offer import BrokerOffer
from edge_agent.link.retained import TOPICS_IN_A_PACKET, RetainedReader
from edge_agent.link.status import LinkStatus, StatusBoard
from edge_agent.link.topics import MAX_TOPIC_BYTES, Timestamp, check_topic, format_topic
from edge_agent.link.versions import VersionChoice
from edge_agent.model.errors import LinkError
from edge_agent.settings.rooms import LinkSettings

_log = logging.getLogger(__name__)

_GOODBYE_TIMEOUT_S: Final = 2.0
_PATIENCE: Final = timedelta(seconds=20)
_STANDING_QOS: Final = 1
_MAX_MESSAGE_BYTES: Final = 2**20


class Link:
    """The broker, as long as `run()` runs. `will` is the (topic, payload) that is retained once this device is gone.

    `fetch`, `fetch_many` and `publish` raise LinkError at once while there is no connection, and when it is lost
    under them; whoever needs more tries again when `changes()` says that the broker is back. `answer_timeout` is how
    long the broker may take to acknowledge. All methods belong to the event loop that runs `run()`.
    """

    def __init__(
        self,
        settings: LinkSettings,
        *,
        will: tuple[str, bytes] | None = None,
        answer_timeout: timedelta = timedelta(seconds=10),
    ) -> None:
        self._settings = settings
        self._answer_timeout_s = answer_timeout.total_seconds()
        self._choice = VersionChoice(settings.protocol)
        self._will = will if will is None else (check_topic(will[0]), will[1])
        self._sentinel = format_topic(settings.root, Timestamp())
        self._listeners = Listeners()
        self._connection: Connection | None = None
        self._reader: RetainedReader | None = None
        self._board = StatusBoard(LinkStatus(connected=False, since=datetime.now(UTC)))
        self._subscribing: set[asyncio.Task[None]] = set()
        self._unrequested = 0
        self._failures = 0

    @property
    def status(self) -> LinkStatus:
        """The newest status."""
        return self._board.newest

    @property
    def offer(self) -> BrokerOffer:
        """What the broker says that it takes. Raises LinkError while there is no connection."""
        return self._there()[0].offer

    def changes(self) -> AsyncIterator[LinkStatus]:
        """Yield the status now and whenever it changes; a slow consumer gets the newest and may miss some between."""
        return self._board.changes()

    async def connected(self) -> None:
        """Return when there is a connection: at once, or after the next one is made."""
        while not (status := self.status).connected:
            await self._board.after(status)

    def on(self, topic: str, callback: OnMessage, *, max_bytes: int = _MAX_MESSAGE_BYTES) -> Callable[[], None]:
        """Subscribe to an exact topic from now on, over every reconnect; return the function that ends it.

        The retained message, if there is one, is delivered once per connection. Larger messages than `max_bytes`
        are dropped and logged. May be called before `run()`.
        """
        end = self._listeners.add(topic, callback, max_bytes)
        if self._connection is not None:
            task = asyncio.create_task(self._subscribe_later([topic]))
            self._subscribing.add(task)
            task.add_done_callback(self._subscribing.discard)
        return end

    async def fetch(self, topic: str, max_bytes: int, *, patience: timedelta = _PATIENCE) -> bytes:
        """Return what the broker retains on an exact topic.

        Raises NotRetainedError soon when it retains nothing, LinkError when it holds more than `max_bytes`, when it
        says nothing for `patience` and when there is no connection.
        """
        async for _topic, outcome in self._read(
            [topic], window=1, max_bytes=max_bytes, patience=patience, hurry=True
        ):
            if isinstance(outcome, LinkError):
                raise outcome
            return outcome
        raise RuntimeError("a read of one topic yields one outcome")

    def fetch_many(
        self,
        topics: Sequence[str],
        window: int,
        max_bytes: int,
        *,
        patience: timedelta = _PATIENCE,
    ) -> AsyncGenerator[tuple[str, bytes | LinkError], None]:
        """Yield (topic, payload or error) for every distinct topic, in the order of arrival.

        At most `window` topics are open at once. An error belongs to its topic alone. `patience` is how long
        nothing at all may arrive. Raises LinkError at the first step when there is no connection.
        """
        return self._read(topics, window=window, max_bytes=max_bytes, patience=patience, hurry=False)

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> None:
        """Return when the broker has acknowledged (QoS 1). Raises LinkError when it has not, or is not there."""
        if qos not in {0, 1}:
            raise RuntimeError("the link publishes with QoS 0 or 1")
        await self._there()[0].publish(check_topic(topic), payload, qos=qos, retain=retain)

    async def run(self) -> None:
        """Connect, serve, and connect again, for ever. When cancelled, publish the will and disconnect."""
        while True:
            self._board.post(replace(self.status, attempts=self.status.attempts + 1))
            try:
                await self._connect_and_serve()
            except LinkError as error:
                self._note_failure(error)
            self._failures += 1
            delay = reconnect_delay(
                self._failures,
                random.random(),  # noqa: S311 -- spreads a fleet, protects nothing
                minimum=self._settings.reconnect_min,
                maximum=self._settings.reconnect_max,
            )
            await asyncio.sleep(delay.total_seconds())

    async def _connect_and_serve(self) -> None:
        """Raise LinkError when the connection ends, however it ends."""
        async with dialled(
            self._settings,
            self._choice,
            timeout_s=self._answer_timeout_s,
            will=self._will,
            arrive=self._received,
            pass_over=self._passed_over,
        ) as client:
            self._connection = Connection(client, answer_timeout_s=self._answer_timeout_s)
            self._reader = RetainedReader(self._connection, self._sentinel, self._standing_qos)
            self._unrequested = 0
            self._listeners.begin_connection()
            try:
                await self._serve(client)
            except asyncio.CancelledError:
                await self._say_goodbye(self._connection)
                raise
            finally:
                self._end_connection()

    async def _serve(self, client: WireClient) -> None:
        """Subscribe to everything; raise what ends the connection, also while that goes on."""

        async def begin() -> None:
            await self._subscribe(self._listeners.topics)
            self._note_connected()

        async def until_lost() -> None:
            async for _ in client.messages:
                pass  # never: they go to _received at once

        tasks = [asyncio.create_task(until_lost()), asyncio.create_task(begin())]
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in ended:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _subscribe_later(self, topics: Sequence[str]) -> None:
        with suppress(LinkError):  # the connection is gone, and the next one subscribes to everything
            await self._subscribe(topics)

    async def _subscribe(self, topics: Sequence[str]) -> None:
        """Subscribe for listeners. A topic that is refused is logged; the rest of the link goes on."""
        connection = self._connection
        if connection is None:
            return
        for start in range(0, len(topics), TOPICS_IN_A_PACKET):
            refused = await connection.subscribe(
                [(topic, _STANDING_QOS) for topic in topics[start : start + TOPICS_IN_A_PACKET]]
            )
            for error in refused.values():
                _log.error("%s", error.for_person())

    def _standing_qos(self, topic: str) -> int | None:
        return _STANDING_QOS if self._listeners.has(topic) else None

    async def _read(
        self,
        topics: Sequence[str],
        *,
        window: int,
        max_bytes: int,
        patience: timedelta,
        hurry: bool,
    ) -> AsyncGenerator[tuple[str, bytes | LinkError], None]:
        if window < 1:
            raise RuntimeError("a window holds at least one topic")
        reader = self._there()[1]
        checked = [check_topic(topic) for topic in topics]
        async for outcome in reader.read(
            checked, window=window, max_bytes=max_bytes, timeout_s=patience.total_seconds(), hurry=hurry
        ):
            yield outcome

    def _there(self) -> tuple[Connection, RetainedReader]:
        if self._connection is None or self._reader is None:
            raise LinkError("There is no connection to the broker.", "It is used again as soon as it answers.")
        return self._connection, self._reader

    def _received(self, message: aiomqtt.Message) -> None:
        topic, payload = message.topic.value, bytes(message.payload)
        asked = self._reader is not None and self._reader.deliver(topic, payload, retained=message.retain)
        for callback in self._listeners.news(topic, payload, retained=message.retain):
            # Later and on its own, so that a bug in a callback is reported as one and does not end the connection.
            asyncio.get_running_loop().call_soon(callback, topic, payload)
        self._note_unrequested(topic, asked=asked)

    def _passed_over(self, message: PassedOver) -> None:
        topic, length = message.topic, message.length
        asked = self._reader is not None and self._reader.pass_over(topic, length, retained=message.retained)
        self._listeners.pass_over(topic, length)
        self._note_unrequested(topic, asked=asked)

    def _note_unrequested(self, topic: str, *, asked: bool) -> None:
        if not asked and not self._listeners.has(topic):
            self._unrequested += 1
            if self._unrequested == 1:
                shown = ascii(topic[:MAX_TOPIC_BYTES])
                _log.warning("The broker sends messages that nobody asked for, such as %s; they are dropped.", shown)

    async def _say_goodbye(self, connection: Connection) -> None:
        """Publish the will: a broker only does so for clients that vanish."""
        if self._will is not None:
            with suppress(LinkError, TimeoutError):
                async with asyncio.timeout(_GOODBYE_TIMEOUT_S):
                    await connection.publish(*self._will, qos=1, retain=True, expiry_s=GONE_KEPT_S)

    def _end_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._reader is not None:
            self._reader.close()
        for task in self._subscribing:
            task.cancel()
        self._connection = self._reader = None
        if self.status.connected:
            now = datetime.now(UTC)
            # A broker that takes us and drops us at once is still failing.
            if now - self.status.since > self._settings.keepalive:
                self._failures = 0
            self._board.post(LinkStatus(connected=False, since=now))

    def _note_connected(self) -> None:
        attempts = self.status.attempts
        _log.info(
            "Connected to the broker at %s:%d (attempt %d).", self._settings.host, self._settings.port, attempts
        )
        self._board.post(LinkStatus(connected=True, since=datetime.now(UTC)))

    def _note_failure(self, error: LinkError) -> None:
        if self.status.error is None:
            _log.warning("%s", error.for_person())
        self._board.post(replace(self.status, error=error))
