"""What a device says of itself on `device/<id>/state`, and the adapter through which packs reach the broker."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Final

from edge_agent.link.session import Link
from edge_agent.link.topics import Timestamp, format_topic
from edge_agent.model.errors import LinkError
from edge_agent.troubles import Trouble, Troubles

MAX_PROBLEMS: Final = 8
MAX_PROBLEM_CHARS: Final = 200


def told_problems(lasting: Mapping[str, Trouble]) -> tuple[str, ...]:
    """Return what the fleet is told of the troubles that last, by subject.

    What a hook says may name the picture that it was to show, so of hooks it is told only that they fail.
    """
    told = (
        f"The {subject} fails; the device's own log says why." if subject.endswith(" hook") else trouble.what
        for subject, trouble in lasting.items()
    )
    return tuple(sentence[:MAX_PROBLEM_CHARS] for sentence in told)[:MAX_PROBLEMS]


class Presence:
    """Keeps the retained state topic true: told after each connection and after each change, never twice the same.

    `document` returns the state as it is now; `wanted()` says that it may have changed. `link_changed` is told of
    every change of the link.
    """

    def __init__(
        self,
        link: Link,
        topic: str,
        document: Callable[[], bytes],
        troubles: Troubles,
        link_changed: Callable[[], None],
    ) -> None:
        self._link = link
        self._topic = topic
        self._document = document
        self._troubles = troubles
        self._link_changed = link_changed
        self._changed = asyncio.Event()
        self._told = b""

    def wanted(self) -> None:
        """Tell the fleet again, if anything is different from what it was told last."""
        self._changed.set()

    async def run(self) -> None:
        """Tell until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_link())
            tasks.create_task(self._tell())

    async def _follow_link(self) -> None:
        async for status in self._link.changes():
            if status.connected:
                self._troubles.end("broker")
                self._told = b""  # the last will may have overwritten it
                self._changed.set()
            elif status.error is not None:
                self._troubles.begin("broker", status.error, logging.DEBUG)  # the link told of it
            self._link_changed()

    async def _tell(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            document = self._document()
            if document == self._told:
                continue
            try:
                await self._link.publish(self._topic, document, retain=True)
            except LinkError:
                continue  # the next connection tells it
            self._told = document


class RetainedRepository:
    """The signed repository below one topic root, as `packs.source.Source` wants it."""

    def __init__(self, link: Link, root: str) -> None:
        self._link = link
        self._root = root
        self._callback: Callable[[bytes], None] | None = None
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
        """Call `callback` with each timestamp from now on, in place of an earlier one."""
        self._callback = callback

    def _timestamp(self, _topic: str, payload: bytes) -> None:
        if self._callback is not None:
            self._callback(payload)
