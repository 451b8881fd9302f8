"""One connection to the broker, from CONNACK until it is lost (shell: sockets, through aiomqtt).

The port to aiomqtt: its exceptions end here and come out as LinkError. Every call ends when the connection is lost,
instead of waiting for an acknowledgement that cannot come any more.
"""

import asyncio
import contextlib
import traceback
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any, Final, TypeVar

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode

from edge_agent.model.errors import LinkError

_T = TypeVar("_T")

_REFUSED: Final = 0x80
"""SUBACK return code (MQTT 3.1.1, section 3.9.3) from which on a subscription was not granted."""


@contextlib.asynccontextmanager
async def opened(client: aiomqtt.Client) -> AsyncIterator[None]:
    """Connect, and disconnect at the end, as aiomqtt does, less three of its faults. Raises aiomqtt.MqttError.

    aiomqtt 2.5 leaves the socket open after an attempt that was not answered, and after garbage; it forgets a
    disconnection that comes together with the CONNACK, after which it waits for ever; and asyncio then reports what
    it forgot, each time.
    """
    wire = client._client  # noqa: SLF001 -- nothing public tells
    _expect_disconnection(client)
    try:
        await client.__aenter__()
    except BaseException as error:
        wire.disconnect()
        if error.__context__ is not None:  # a failed TLS handshake, whose socket only its traceback still holds
            traceback.clear_frames(error.__context__.__traceback__)
        raise
    _expect_disconnection(client)
    try:
        if wire.socket() is None:
            raise aiomqtt.MqttError("it disconnected at once")
        yield
    finally:
        if wire.socket() is not None:
            with contextlib.suppress(aiomqtt.MqttError):  # no goodbye from the broker either; and never hide a cancel
                await client.__aexit__(None, None, None)
        if wire.socket() is not None:
            wire.disconnect()


def _expect_disconnection(client: aiomqtt.Client) -> None:
    client._disconnected.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # noqa: SLF001


class Connection:
    """What can be asked of a broker while it is there. All methods raise LinkError."""

    def __init__(self, client: aiomqtt.Client, *, answer_timeout_s: float) -> None:
        self._client = client
        self._answer_timeout_s = answer_timeout_s
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def is_lost(self) -> bool:
        """Whether the connection has ended."""
        return self._lost.done()

    def close(self) -> None:
        """End every call that still waits. The socket belongs to the client, which whoever opened it closes."""
        if not self._lost.done():
            self._lost.set_result(None)

    async def subscribe(self, topics: Sequence[tuple[str, int]]) -> tuple[str, ...]:
        """Subscribe to (topic, QoS) pairs in one packet; return the topics that the broker did not grant."""
        codes: Sequence[int | ReasonCode] = await self._answered(
            self._client.subscribe(list(topics), timeout=self._answer_timeout_s)
        )
        return tuple(
            topic
            for (topic, _qos), code in zip(topics, codes, strict=True)
            if (code if isinstance(code, int) else code.value) >= _REFUSED
        )

    async def unsubscribe(self, topics: Sequence[str]) -> None:
        """Unsubscribe from all in one packet."""
        await self._answered(self._client.unsubscribe(list(topics), timeout=self._answer_timeout_s))

    async def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool) -> None:
        """Return when the broker acknowledged (QoS 1), or when the packet is on its way (QoS 0)."""
        await self._answered(
            self._client.publish(topic, payload, qos=qos, retain=retain, timeout=self._answer_timeout_s)
        )

    async def _answered(self, call: Coroutine[Any, Any, _T]) -> _T:
        asking = asyncio.create_task(call)
        waited: set[asyncio.Future[Any]] = {asking, self._lost}
        try:
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                return asking.result()
        except aiomqtt.MqttError as error:
            raise LinkError(f"The broker did not answer: {error}.", "It will be asked again.") from error
        finally:
            if not asking.done():
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)
        raise LinkError("The connection to the broker was lost.", "It will be made again.")
