"""The adapter through which packs reach the broker: `packs.source.Source` over `link.session.Link`."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from edge_agent.link.session import Link
from edge_agent.link.topics import Timestamp, format_topic
from edge_agent.model.errors import LinkError


class RetainedRepository:
    """The signed repository below one topic root, as `packs.source.Source` wants it."""

    def __init__(self, link: Link, root: str) -> None:
        self._link = link
        self._root = root
        self._callback: Callable[[bytes], None] | None = None
        self._newest: bytes | None = None
        link.on(format_topic(root, Timestamp()), self._timestamp)

    async def fetch(self, topic: str, max_bytes: int) -> bytes:
        """Return the retained message on `topic`."""
        return await self._link.fetch(f"{self._root}/{topic}", max_bytes)

    async def fetch_many(
        self, topics: Sequence[str], window: int, max_bytes: int
    ) -> AsyncGenerator[tuple[str, bytes | LinkError], None]:
        """Yield each topic with its bytes or the error that stands for them."""
        prefix = f"{self._root}/"
        async with aclosing(self._link.fetch_many([prefix + topic for topic in topics], window, max_bytes)) as found:
            async for topic, outcome in found:
                yield topic.removeprefix(prefix), outcome

    def on_timestamp(self, callback: Callable[[bytes], None]) -> None:
        """Call `callback` with the newest timestamp soon, and each from now on, in place of an earlier one."""
        self._callback = callback
        if self._newest is not None:  # a shelf that took another's place: the broker does not say it again
            asyncio.get_running_loop().call_soon(callback, self._newest)

    def _timestamp(self, _topic: str, payload: bytes) -> None:
        self._newest = payload
        if self._callback is not None:
            self._callback(payload)
