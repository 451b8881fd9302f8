"""What Wyoming peers do wrong, told in few words: one that comes again and again must not fill the log."""

import logging
import math
import time
from collections.abc import Callable
from typing import Final

from edge_agent.model.errors import VoiceError, WyomingError

SAY_AGAIN_AFTER_S: Final = 60.0

MUTED: Final = "muted"
"""The code of what is refused only because somebody muted the device: nobody does wrong by that."""

_log = logging.getLogger(__name__)


class Complaints:
    """Logs each kind of wrong at once, and then at most once in `SAY_AGAIN_AFTER_S`, with how often."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._told: dict[str, tuple[float, int]] = {}

    def add(self, error: VoiceError, outcome: str = "It was sent away.") -> None:
        """Log a peer's wrong and what came of it, or count it."""
        kind = code_of(error)
        if kind == MUTED:
            return
        told_at, untold = self._told.get(kind, (-math.inf, 0))
        if self._now() - told_at < SAY_AGAIN_AFTER_S:
            self._told[kind] = (told_at, untold + 1)
            return
        more = f" {untold} more did so since the last time." if untold else ""
        _log.warning("%s %s%s", error.for_person(), outcome, more)
        self._told[kind] = (self._now(), 0)


def code_of(error: VoiceError) -> str:
    """Return the short word for programs; `failed` for what is no peer's wrong."""
    return error.code if isinstance(error, WyomingError) else "failed"
