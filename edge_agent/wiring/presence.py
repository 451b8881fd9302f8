"""Keeps what a device says of itself on `device/<id>/state` true."""

import asyncio
import logging
from collections.abc import Callable

from edge_agent.link.session import Link
from edge_agent.model.errors import LinkError
from edge_agent.troubles import Troubles


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
