"""The engine's timers (shell: tasks): named, replaceable, and never later than they were set for.

They ring when the clock says so, or when as long has passed as it was away: a clock that is set back an hour leaves
no window open for an hour in which a "yes" still means something.
"""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime

from edge_agent.clock import Clock


class Timers:
    """Calls `ring(name)` when a timer is due. Belongs to the event loop's thread."""

    def __init__(self, clock: Clock, ring: Callable[[str], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def set(self, name: str, at: datetime | None) -> None:
        """Ring `name` at `at`, replacing an earlier timer of that name; None only cancels."""
        if (running := self._tasks.pop(name, None)) is not None:
            running.cancel()
        if at is not None:
            self._tasks[name] = asyncio.get_running_loop().create_task(self._wait(name, at), name=f"timer {name}")

    def cancel_all(self) -> None:
        """Cancel every timer."""
        for name in list(self._tasks):
            self.set(name, None)

    async def _wait(self, name: str, at: datetime) -> None:
        left = (at - self._clock.now()).total_seconds()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(left):
                await self._clock.wait_until(at)
        self._tasks.pop(name, None)
        self._ring(name)
