"""Shell: judges this device's clock by what was signed, now and then, and tells of it."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from edge_agent.model.events import ClockJudged, Event
from edge_agent.packs.shelf import Shelf
from edge_agent.packs.trust.clock_floor import is_believable, judge_expiry_at

_log = logging.getLogger(__name__)

_EVERY: Final = timedelta(seconds=30)


class ClockWatch:
    """What the shelf's floor makes of the clock `now`. `emit` gets ClockJudged whenever that is another."""

    def __init__(self, shelf: Shelf, now: Callable[[], datetime], emit: Callable[[Event], None]) -> None:
        self._shelf = shelf
        self._now = now
        self._emit = emit
        self._judged: ClockJudged | None = None

    @property
    def is_trusted(self) -> bool:
        """Whether the clock was believable when it was last judged; not before that."""
        return self._judged is not None and self._judged.trusted

    def reference_time(self) -> datetime:
        """Return the time at which expiry is judged: the clock's, but never before the floor."""
        return judge_expiry_at(self._now(), self._shelf.record.floor)

    def judge(self) -> None:
        """Judge the clock now."""
        floor = self._shelf.record.floor
        judged = ClockJudged(is_believable(self._now(), floor), floor)
        if judged == self._judged:
            return
        was_trusted = self._judged is None or self._judged.trusted
        if was_trusted and not judged.trusted:
            _log.warning("This device's clock is behind %s, which has been: it is not believed.", floor.date())
        elif judged.trusted and not was_trusted:
            _log.info("This device's clock is believable again.")
        self._judged = judged
        self._emit(judged)

    async def run(self) -> None:
        """Judge the clock again and again until cancelled."""
        while True:
            await asyncio.sleep(_EVERY.total_seconds())
            self.judge()
