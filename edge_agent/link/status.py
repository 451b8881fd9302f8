"""Whether the broker is there, for whoever wants to wait for it or show it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from edge_agent.model.errors import LinkError


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """Whether the broker is there and `since` when.

    While it is not: how many `attempts` were made since it was last there, and the `error` of the newest.
    """

    connected: bool
    since: datetime
    attempts: int = 0
    error: LinkError | None = None


class StatusBoard:
    """Holds the newest status and wakes who waits for another."""

    def __init__(self, status: LinkStatus) -> None:
        self._status = status
        self._changed = asyncio.Event()

    @property
    def newest(self) -> LinkStatus:
        """The newest status."""
        return self._status

    def post(self, status: LinkStatus) -> None:
        """Replace the status."""
        self._status = status
        self._changed.set()
        self._changed = asyncio.Event()

    async def after(self, seen: LinkStatus | None) -> LinkStatus:
        """Return the newest status as soon as it is not the one that was `seen`."""
        while self._status is seen:
            await self._changed.wait()
        return self._status

    async def changes(self) -> AsyncIterator[LinkStatus]:
        """Yield the status now and whenever it changes; a slow consumer gets the newest and may miss some between."""
        seen: LinkStatus | None = None
        while True:
            seen = await self.after(seen)
            yield seen
