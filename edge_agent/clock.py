"""The clock (shell): the only reader of the time of day, besides the stand-in's that can be set.

Waiting is sliced, so that a wall clock that is corrected (a Pi wakes up in 1970 until NTP answers) is noticed.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

_SLICE: Final = timedelta(seconds=60)


class Clock(Protocol):
    """The time of day, aware, and a way to wait for it."""

    def now(self) -> datetime:
        """Return the present time in UTC."""
        ...

    async def wait_until(self, when: datetime) -> None:
        """Return when `now()` has reached `when`, at once if it is past."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the present time in UTC."""
        return datetime.now(UTC)

    async def wait_until(self, when: datetime) -> None:
        """Return when the machine's clock has reached `when`."""
        while (left := when - self.now()) > timedelta(0):  # noqa: ASYNC110  a wall clock sends no event
            await asyncio.sleep(min(left, _SLICE).total_seconds())


class SettableClock:
    """A stand-in's clock: runs like the machine's, from wherever it was last set to."""

    def __init__(self, machine: Clock) -> None:
        self._machine = machine
        self._offset = timedelta(0)
        self._was_set = asyncio.Event()

    def now(self) -> datetime:
        """Return the simulated time in UTC."""
        return self._machine.now() + self._offset

    def set(self, now: datetime) -> None:
        """Make it `now`; everyone who waits looks at the clock again."""
        self._offset = now - self._machine.now()
        self._was_set.set()
        self._was_set = asyncio.Event()

    async def wait_until(self, when: datetime) -> None:
        """Return when the simulated time has reached `when`."""
        while (left := when - self.now()) > timedelta(0):
            try:
                async with asyncio.timeout(min(left, _SLICE).total_seconds()):
                    await self._was_set.wait()
            except TimeoutError:
                continue
