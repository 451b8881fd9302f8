"""The driver: the only caller of the engine, and the only place where it meets the clock and chance."""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime

from edge_agent import engine
from edge_agent.model.effects import Effect
from edge_agent.model.events import CloseRequested, Event
from edge_agent.model.play import CloseCause
from edge_agent.plays import EngineState


class Driver:
    """Feeds events to the engine one after another and has each effect carried out, in order.

    `carry` must not raise and not wait. An event that is told from inside `carry` is handled after the present one,
    so that every event sees the state that all earlier ones left. Belongs to the event loop's thread.
    """

    def __init__(
        self,
        state: EngineState,
        *,
        now: Callable[[], datetime],
        draw: Callable[[], float],
        carry: Callable[[Effect], None],
        noticed: Callable[[Event], None],
    ) -> None:
        self.state = state
        self._now = now
        self._draw = draw
        self._carry = carry
        self._noticed = noticed
        self._waiting: deque[Event] = deque()
        self._busy = False

    async def run(self) -> None:
        """Wait until cancelled, and close what plays then, software that renders by itself included."""
        try:
            await asyncio.Event().wait()
        finally:
            self.tell(CloseRequested(CloseCause.SHUTDOWN))

    def tell(self, event: Event) -> None:
        """Handle `event`, and whatever it leads to, before returning (unless called from inside `carry`)."""
        self._waiting.append(event)
        if self._busy:
            return
        self._busy = True
        try:
            while self._waiting:
                upcoming = self._waiting.popleft()
                self.state, effects = engine.step(self.state, upcoming, self._now(), self._draw())
                for effect in effects:
                    self._carry(effect)
                self._noticed(upcoming)
        finally:
            self._busy = False
