"""The clock port of the room, and how to wait for a time or a change (shell: timers)."""

import asyncio
from datetime import datetime, timedelta
from typing import Final, Protocol

LOOK_AGAIN: Final = timedelta(minutes=15)
"""How late a step backwards of the system clock may be noticed; no event tells of one."""


class Clock(Protocol):
    """Wall-clock time, which may be stepped in either direction while somebody waits."""

    def now(self) -> datetime:
        """Return the time, aware, in UTC."""
        ...

    async def wait_until(self, when: datetime) -> None:
        """Wait until `now()` has reached `when`, at once if it has; cancelling it is safe."""
        ...


async def either(clock: Clock, when: datetime | None, changed: asyncio.Event) -> None:
    """Wait until `when` (None: for ever) or until `changed` is set, or a quarter of an hour: callers look again."""
    if when is None:
        await changed.wait()
        return
    waits = [asyncio.ensure_future(clock.wait_until(when)), asyncio.ensure_future(changed.wait())]
    try:
        done, _ = await asyncio.wait(waits, timeout=LOOK_AGAIN.total_seconds(), return_when=asyncio.FIRST_COMPLETED)
        for wait in done:
            wait.result()
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
