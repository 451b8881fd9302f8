"""Failures that last: each is told of once when it begins and once when it ends, however often it is met.

One instance a device: rooms report into it, the health endpoint and the reported state read it. Not thread-safe; it
belongs to the event loop's thread.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from edge_agent.model.errors import EdgeAgentError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that does not work: what, since when, and what a person can do."""

    subject: str
    what: str
    next_step: str
    since: datetime


class Troubles:
    """What is wrong now, by subject (`repository`, `microphone`, `journal`, `pack acme/spring`)."""

    def __init__(
        self, *, now: Callable[[], datetime] = lambda: datetime.now(UTC), changed: Callable[[], None] = lambda: None
    ) -> None:
        self._now = now
        self._changed = changed
        self._lasting: dict[str, Trouble] = {}

    def begin(self, subject: str, error: EdgeAgentError) -> bool:
        """Note that `subject` fails with `error`. Returns whether that is news; only news is logged."""
        known = self._lasting.get(subject)
        if known is not None and known.what == str(error):
            return False
        since = self._now() if known is None else known.since
        self._lasting[subject] = Trouble(subject, str(error), error.next_step, since)
        _log.warning("%s", error.for_person())
        self._changed()
        return True

    def end(self, subject: str) -> bool:
        """Note that `subject` works. Returns whether it did not before; then that is logged."""
        if self._lasting.pop(subject, None) is None:
            return False
        _log.info("The %s is in order again.", subject)
        self._changed()
        return True

    def forget(self, subject: str) -> None:
        """Drop `subject`, which no longer exists, without a word."""
        if self._lasting.pop(subject, None) is not None:
            self._changed()

    @property
    def lasting(self) -> tuple[Trouble, ...]:
        """What is wrong now, oldest first."""
        return tuple(self._lasting.values())
