"""Writes that may wait a moment, because somebody is owed an answer first (shell: one timer of the event loop)."""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from typing import Final

ANSWER_FIRST: Final = timedelta(milliseconds=10)
"""Long enough for an answer to leave through the socket, short enough for a power cut to cost one decision."""


class Writes:
    """Carries writes out in order, at once; between `hold` and `release` they are put off by `ANSWER_FIRST`.

    A later write, or `now()`, brings what was put off before it. Belongs to the event loop's thread.
    """

    def __init__(self) -> None:
        self._held = False
        self._waiting: deque[Callable[[], None]] = deque()

    def hold(self) -> None:
        """Put off what is written until `release`."""
        self._held = True

    def release(self) -> None:
        """Write at once again, from the next write on."""
        self._held = False

    def add(self, write: Callable[[], None]) -> None:
        """Write, or put it off."""
        self._waiting.append(write)
        if not self._held:
            self.now()
        elif len(self._waiting) == 1:
            asyncio.get_running_loop().call_later(ANSWER_FIRST.total_seconds(), self.now)

    def now(self) -> None:
        """Carry out what was put off."""
        while self._waiting:
            self._waiting.popleft()()
