"""Reading retained messages by exact topic over one connection, and knowing soon when there are none.

A broker sends what it retains when it is subscribed to, and sends nothing when it retains nothing; MQTT has no "no".
So the reader asks a second question whose answer it knows: it subscribes to a *sentinel*, a topic that is retained
while there is anything to read. Brokers answer in order (mosquitto and amqtt do, see tests/contract), so once the
sentinel came and the wanted message did not, it is not there. A short grace is left to brokers that hurry.

    1. SUBSCRIBE to the wanted topics, at most eight in a packet (what managed brokers take), at most `window` open.
    2. Nothing came for a while (at once for a single topic): SUBSCRIBE to the sentinel again, after the SUBACKs.
    3. The sentinel came and nothing more within the grace: what was open when it was asked for is not there. Of many
       topics those are asked for once more before NotRetainedError, since brokers drop QoS 0 bursts without a word.
    4. No sentinel either: LinkError after the timeout.
    5. UNSUBSCRIBE from what arrived, eight at a time.

Retained messages are read at QoS 0: TCP carries them, the window bounds them, and a lost connection fails the read.
Source: MQTT 3.1.1, section 3.8.4, and 5.0, section 3.8.3.1, Retain Handling 0 (a repeated SUBSCRIBE makes the broker
send retained messages again).
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

from edge_agent.model.errors import LinkError, NotRetainedError, OversizeError

TOPICS_IN_A_PACKET: Final = 8
STALL_S: Final = 0.3
GRACE_S: Final = 0.2


class Subscriber(Protocol):
    """The part of a connection that reading needs."""

    async def subscribe(self, topics: Sequence[tuple[str, int]]) -> Mapping[str, LinkError]:
        """Subscribe; return why, for each topic that was not granted."""
        ...

    async def unsubscribe(self, topics: Sequence[str]) -> None:
        """Unsubscribe from all."""
        ...


@dataclass(slots=True)
class _Read:
    """One `read` under way: what it still waits for, and what arrived but was not yet handed out."""

    max_bytes: int
    open: set[str]
    arrived: asyncio.Queue[tuple[str, bytes | LinkError]]
    subscribing: set[asyncio.Task[None]]
    asked_twice: set[str] = field(default_factory=set)
    arrivals: int = 0

    def settle(self, topic: str, outcome: bytes | LinkError) -> None:
        if topic in self.open:
            self.open.discard(topic)
            self.arrivals += 1
            self.arrived.put_nowait((topic, outcome))

    def settle_all(self, error: Callable[[str], LinkError], topics: Sequence[str] | None = None) -> None:
        for topic in sorted(self.open if topics is None else topics):
            self.settle(topic, error(topic))


class RetainedReader:
    """Reads over one connection. `standing` says at which QoS a topic has a subscription that must stay, if any."""

    def __init__(self, connection: Subscriber, sentinel: str, standing: Callable[[str], int | None]) -> None:
        self._connection = connection
        self._sentinel = sentinel
        self._standing = standing
        self._reads: list[_Read] = []
        self._probes: deque[asyncio.Future[None]] = deque()
        self._leaving: set[str] = set()
        self._chores: set[asyncio.Task[None]] = set()

    def deliver(self, topic: str, payload: bytes, *, retained: bool) -> bool:
        """Take a message that arrived; return whether anybody here asked for its topic."""
        return self._settle(topic, lambda most_bytes: _judge(topic, payload, most_bytes), retained=retained)

    def pass_over(self, topic: str, length: int, *, retained: bool) -> bool:
        """Take notice of a message that was too long to be read; return whether anybody here asked for its topic."""
        return self._settle(topic, lambda most_bytes: OversizeError(topic, length, most_bytes), retained=retained)

    def _settle(self, topic: str, outcome: Callable[[int], bytes | LinkError], *, retained: bool) -> bool:
        # What comes late, though nobody wants it any more, was sent before the question and answers nothing.
        if topic == self._sentinel and retained and self._probes:
            probe = self._probes.popleft()
            if not probe.done():
                probe.set_result(None)
        asked = topic == self._sentinel or topic in self._leaving
        for read in self._reads:
            if topic in read.open:
                asked = True
                read.settle(topic, outcome(read.max_bytes))
        return asked

    def close(self) -> None:
        """Fail every read: the connection is gone."""
        for read in self._reads:
            read.settle_all(lambda topic: LinkError(f"The connection was lost before {topic} arrived."))
        for task in self._chores:
            task.cancel()

    async def read(
        self, topics: Sequence[str], *, window: int, max_bytes: int, timeout_s: float, hurry: bool = False
    ) -> AsyncIterator[tuple[str, bytes | LinkError]]:
        """Yield (topic, payload or error) for each distinct topic in the order of arrival.

        At most `window` topics are open at any time, so that at most `window * max_bytes` wait in memory for a slow
        consumer. `hurry` asks for the sentinel at once. `timeout_s` is how long nothing at all may arrive.
        """
        waiting = deque(dict.fromkeys(topics))
        batch = max(1, min(TOPICS_IN_A_PACKET, window // 2))
        read = _Read(max_bytes, set(), asyncio.Queue(), set())
        unheld, done = len(waiting), list[str]()
        self._reads.append(read)
        watch = asyncio.create_task(self._watch(read, timeout_s, hurry=hurry))
        try:
            while unheld:
                while waiting and len(read.open) + read.arrived.qsize() + min(batch, len(waiting)) <= window:
                    self._subscribe(read, [waiting.popleft() for _ in range(min(batch, len(waiting)))])
                topic, outcome = await read.arrived.get()
                unheld -= 1
                done.append(topic)
                if len(done) >= TOPICS_IN_A_PACKET:
                    self._unsubscribe(done)
                    done = []
                yield topic, outcome
        finally:
            watch.cancel()
            self._reads.remove(read)
            self._unsubscribe([*done, *read.open])
            for task in read.subscribing:
                task.cancel()
            await asyncio.gather(watch, *read.subscribing, return_exceptions=True)

    def _subscribe(self, read: _Read, topics: list[str]) -> None:
        async def subscribe() -> None:
            try:
                refused = await self._connection.subscribe([(topic, self._standing(topic) or 0) for topic in topics])
            except LinkError as error:
                text, step = str(error), error.next_step
                read.settle_all(lambda _topic: LinkError(text, step), topics)
            else:
                for topic, refusal in refused.items():
                    read.settle(topic, refusal)

        read.open.update(topics)
        task = asyncio.create_task(subscribe())
        read.subscribing.add(task)
        task.add_done_callback(read.subscribing.discard)

    def _unsubscribe(self, topics: Sequence[str]) -> None:
        wanted = {topic for read in self._reads for topic in read.open}
        spent = [topic for topic in topics if topic not in wanted and self._standing(topic) is None]
        for start in range(0, len(spent), TOPICS_IN_A_PACKET):
            task = asyncio.create_task(self._leave(spent[start : start + TOPICS_IN_A_PACKET]))
            self._chores.add(task)
            task.add_done_callback(self._chores.discard)

    async def _leave(self, topics: Sequence[str]) -> None:
        self._leaving.update(topics)
        with suppress(LinkError):  # a lost connection unsubscribes too
            await self._connection.unsubscribe(topics)
        self._leaving.difference_update(topics)

    async def _watch(self, read: _Read, timeout_s: float, *, hurry: bool) -> None:
        """Do steps 2 to 4: notice silence, ask for the sentinel, and settle what is not there."""
        loop = asyncio.get_running_loop()
        while True:
            seen, quiet_since = read.arrivals, loop.time()
            if not (hurry and read.open):
                await asyncio.sleep(STALL_S)
                if read.arrivals != seen or not read.open:
                    continue
            asked_for = set(read.open)
            try:
                async with asyncio.timeout_at(quiet_since + timeout_s):
                    await self._ask_for_sentinel(read)
            except TimeoutError:
                if read.arrivals == seen:
                    read.settle_all(
                        lambda topic: LinkError(
                            f"Nothing arrived for {topic} within {timeout_s:g} s.", "It will be asked for again."
                        )
                    )
                continue
            while True:
                seen = read.arrivals
                await asyncio.sleep(GRACE_S)
                if read.arrivals == seen:
                    break
            absent = asked_for & read.open
            if not hurry:
                asked_once, absent = absent - read.asked_twice, absent & read.asked_twice
                self._ask_again(read, sorted(asked_once))
            read.settle_all(NotRetainedError, sorted(absent))

    def _ask_again(self, read: _Read, topics: list[str]) -> None:
        read.asked_twice.update(topics)
        for start in range(0, len(topics), TOPICS_IN_A_PACKET):
            self._subscribe(read, topics[start : start + TOPICS_IN_A_PACKET])

    async def _ask_for_sentinel(self, read: _Read) -> None:
        if read.subscribing:
            await asyncio.wait(set(read.subscribing))
        probe: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._probes.append(probe)
        try:
            with suppress(LinkError):  # without a sentinel only the timeout can tell; a lost connection ends the read
                await self._connection.subscribe([(self._sentinel, self._standing(self._sentinel) or 0)])
            await probe
        finally:
            with suppress(ValueError):
                self._probes.remove(probe)


def _judge(topic: str, payload: bytes, max_bytes: int) -> bytes | LinkError:
    if len(payload) > max_bytes:
        return OversizeError(topic, len(payload), max_bytes)
    if not payload:
        return NotRetainedError(topic)  # somebody cleared it at this moment
    return payload
