"""Failures that last: each is told of once when it begins and once when it ends, however often it is met.

One instance a device: every room reports into it, the health endpoint and the reported state read it. It belongs to
the event loop's thread.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from edge_agent.model.errors import EdgeAgentError
from edge_agent.model.wording import Said

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that does not work: what, since when, and what a person can do. `said` is all of it for pages."""

    what: str
    next_step: str
    since: datetime
    said: Said


class Troubles:
    """What is wrong now, by subject (`repository`, `journal`, `show hook`, `pack acme/spring`)."""

    def __init__(
        self, *, now: Callable[[], datetime] = lambda: datetime.now(UTC), changed: Callable[[], None] = lambda: None
    ) -> None:
        self._now = now
        self._changed = changed
        self._lasting: dict[str, Trouble] = {}

    def begin(self, subject: str, error: EdgeAgentError, level: int = logging.WARNING, *, more: str = "") -> bool:
        """Note that `subject` fails with `error`. Returns whether that is news; only news is logged, with `more`."""
        known = self._lasting.get(subject)
        if known is not None and known.what == str(error):
            return False
        since = self._now() if known is None else known.since
        self._lasting[subject] = Trouble(str(error), error.next_step, since, error.said())
        _log.log(level, "%s", f"{error.for_person()} {more}".rstrip())
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

    def about(self, subject: str) -> "Subject":
        """Return a handle for one subject."""
        return Subject(self, subject)

    @property
    def lasting(self) -> Mapping[str, Trouble]:
        """What is wrong now by subject, oldest first."""
        return MappingProxyType(self._lasting)


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing that may be failing. `begin` and `end` may be called any number of times."""

    troubles: Troubles
    name: str

    @property
    def lasts(self) -> bool:
        """Whether it fails now."""
        return self.name in self.troubles.lasting

    def begin(self, error: EdgeAgentError) -> bool:
        """Note a failure; True when it did not fail before, whatever the reason is now."""
        lasted = self.lasts
        self.troubles.begin(self.name, error)
        return not lasted

    def end(self) -> None:
        """Note a success."""
        self.troubles.end(self.name)
