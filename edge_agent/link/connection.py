"""What can be asked of a broker, from CONNACK until the connection is lost (shell: sockets, through aiomqtt).

Every call ends when the connection is lost, instead of waiting for an acknowledgement that cannot come any more.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import aiomqtt

from edge_agent.link.client import WireClient
from edge_agent.link.offer import BrokerOffer
from edge_agent.link.reasons import FAILURES, NOT_AUTHORIZED, reason
from edge_agent.model.errors import LinkError, NotAllowedError

_T = TypeVar("_T")

_NOT_ALLOWED: Final = frozenset({FAILURES, NOT_AUTHORIZED})
"""3.1.1 has one word for every refusal of a subscription, and 5.0 has it for brokers that do not say why."""


class Connection:
    """What can be asked of a broker while it is there. All methods raise LinkError."""

    def __init__(self, client: WireClient, *, answer_timeout_s: float) -> None:
        self._client = client
        self._answer_timeout_s = answer_timeout_s
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting: set[asyncio.Future[Sequence[int]]] = set()
        self._in_flight = asyncio.Semaphore(client.offer.in_flight)

    @property
    def is_lost(self) -> bool:
        """Whether the connection has ended."""
        return self._lost.done()

    @property
    def offer(self) -> BrokerOffer:
        """What the broker says that it takes."""
        return self._client.offer

    def close(self) -> None:
        """End every call that still waits. The socket belongs to the client, which whoever opened it closes."""
        if not self._lost.done():
            self._lost.set_result(None)
        for answer in list(self._waiting):
            if not answer.done():
                answer.set_exception(_lost())

    async def subscribe(self, topics: Sequence[tuple[str, int]]) -> Mapping[str, LinkError]:
        """Subscribe to (topic, QoS) pairs in one packet; return why, for each topic that the broker did not grant."""
        codes = await self._acknowledged(partial(self._client.ask, topics))
        refused = dict[str, LinkError]()
        if len(codes) != len(topics):
            raise _silent("it acknowledges another number of topics than it was asked for")
        for (topic, _qos), code in zip(topics, codes, strict=True):
            if code >= FAILURES:
                refused[topic] = NotAllowedError(topic) if code in _NOT_ALLOWED else _refusal(topic, code)
        return refused

    async def unsubscribe(self, topics: Sequence[str]) -> None:
        """Unsubscribe from all in one packet."""
        await self._acknowledged(partial(self._client.drop, topics))

    async def publish(
        self, topic: str, payload: bytes, *, qos: int, retain: bool, expiry_s: int | None = None
    ) -> None:
        """Return when the broker acknowledged (QoS 1), or when the packet is on its way (QoS 0).

        What is larger than the broker takes is refused before it is sent. `expiry_s` is how long it may be kept, on
        brokers that speak 5.0.
        """
        self._client.offer.refuse_oversize(topic, len(payload))
        async with self._in_flight:
            code = await self._answered(self._client.put(topic, payload, qos=qos, retain=retain, expiry_s=expiry_s))
        if code >= FAILURES:
            raise _refusal(topic, code)

    async def _acknowledged(self, ask: Callable[[], asyncio.Future[Sequence[int]]]) -> Sequence[int]:
        """Return the broker's codes. No task is made for it: chunks are asked for and given up all the time."""
        if self.is_lost:
            raise _lost()
        try:
            answer = ask()
        except aiomqtt.MqttError as error:
            raise _silent(error) from error
        self._waiting.add(answer)
        try:
            async with asyncio.timeout(self._answer_timeout_s):
                return await answer
        except TimeoutError as error:
            raise _silent("it took too long") from error
        finally:
            self._waiting.discard(answer)

    async def _answered(self, call: Coroutine[Any, Any, _T]) -> _T:
        asking = asyncio.create_task(call)
        waited: set[asyncio.Future[Any]] = {asking, self._lost}
        try:
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                return asking.result()
        except aiomqtt.MqttError as error:
            raise _silent(error) from error
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)  # also of one whose failure nobody waits for now
        raise _lost()


def _silent(why: object) -> LinkError:
    return LinkError(f"The broker did not answer: {why}.", "It will be asked again.")


def _lost() -> LinkError:
    return LinkError("The connection to the broker was lost.", "It will be made again.")


def _refusal(topic: str, code: int) -> LinkError:
    what, step = reason(code)
    return LinkError(f"The broker refuses {topic}: {what}.", step)
