"""The clock port of the room, and the real clock behind it (shell: reads the system clock)."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

LONGEST_NAP: Final = timedelta(minutes=15)
"""How late a step of the system clock (NTP after a boot in 1970) may be noticed."""
STEP: Final = timedelta(seconds=30)
"""A difference between the clock and elapsed time that is a step, not drift."""


class Clock(Protocol):
    """Wall-clock time. Callers look at `now()` again after `wait_until`, which may return early."""

    def now(self) -> datetime:
        """Return the time, aware, in UTC."""
        ...

    async def wait_until(self, when: datetime) -> None:
        """Wait until `now()` has reached `when`, or the clock was set; cancelling it is safe."""
        ...


class WallClock:
    """The system's clock. Timers of the event loop do not see its steps, so a long wait is cut into naps."""

    def now(self) -> datetime:
        """Return the time, aware, in UTC."""
        return datetime.now(UTC)

    async def wait_until(self, when: datetime) -> None:
        """Wait until `when`, or until the clock was found to have been set."""
        began, ran = self.now(), time.monotonic()
        while (left := when - self.now()) > timedelta(0):
            await asyncio.sleep(min(left, LONGEST_NAP).total_seconds())
            if abs(self.now() - began - timedelta(seconds=time.monotonic() - ran)) > STEP:
                return


async def either(clock: Clock, when: datetime | None, changed: asyncio.Event) -> None:
    """Wait until `when` (None: for ever) or until `changed` is set, whichever comes first."""
    if when is None:
        await changed.wait()
        return
    waits = [asyncio.ensure_future(clock.wait_until(when)), asyncio.ensure_future(changed.wait())]
    try:
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in done:
            wait.result()
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
