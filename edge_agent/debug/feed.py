"""The live feed: what happens, for as many watchers as there are; none of them can slow the agent down."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Final, Self

from edge_agent.debug.messages import AgentMessage, DroppedMessage

DEFAULT_DEPTH: Final = 256


class Feed:
    """Gives every subscriber each message in order, or says how many it lost.

    `publish` never waits. A subscriber that falls `depth` messages behind loses its oldest ones and is told so by
    a `dropped` message in their place. Memory is bounded by `depth` per subscriber.
    """

    def __init__(self, depth: int = DEFAULT_DEPTH) -> None:
        self._depth = depth
        self._watchers: set[_Watcher] = set()

    @property
    def watchers(self) -> int:
        """How many subscriptions are open. Building a message that nobody gets can be saved when it is 0."""
        return len(self._watchers)

    def publish(self, message: AgentMessage) -> None:
        """Hand `message` to every subscriber."""
        for watcher in self._watchers:
            watcher.put(message)

    def begin_anew(self) -> None:
        """Have every subscriber look at everything again, and drop what waits: it was erased."""
        for watcher in self._watchers:
            watcher.drop()

    def subscribe(self) -> "Subscription":
        """Return everything published from now on, to be read inside `with`."""
        watcher = _Watcher(self._depth)
        self._watchers.add(watcher)
        return Subscription(watcher, self._watchers)


class _Watcher:
    """One subscriber's bounded queue."""

    def __init__(self, depth: int) -> None:
        self._waiting: deque[AgentMessage] = deque(maxlen=depth)
        self._lost = 0
        self._is_dropped = False
        self._something = asyncio.Event()

    def put(self, message: AgentMessage) -> None:
        if len(self._waiting) == self._waiting.maxlen:
            self._lost += 1
        self._waiting.append(message)
        self._something.set()

    def drop(self) -> None:
        self._lost += len(self._waiting)
        self._waiting.clear()
        self._is_dropped = True
        self._something.set()

    async def take(self) -> AgentMessage | DroppedMessage:
        await self._something.wait()
        message: AgentMessage | DroppedMessage
        if self._is_dropped or self._lost:
            message = DroppedMessage(type="dropped", count=self._lost)
            self._lost, self._is_dropped = 0, False
        else:
            message = self._waiting.popleft()
        if not self._waiting:
            self._something.clear()
        return message


class Subscription(AsyncIterator[AgentMessage | DroppedMessage]):
    """The subscriber's end: `with feed.subscribe() as messages: async for message in messages: …`.

    Registered on creation, so that nothing between `subscribe` and the first wait is lost; given up on leaving.
    """

    def __init__(self, watcher: _Watcher, watchers: set[_Watcher]) -> None:
        self._watcher = watcher
        self._watchers = watchers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._watchers.discard(self._watcher)

    async def __anext__(self) -> AgentMessage | DroppedMessage:
        return await self._watcher.take()
