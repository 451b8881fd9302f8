"""Failures that last: each is told of once when it begins and once when it ends, however often it is met.

One that comes and goes all the time, since somebody on the broker makes it, is told of a few times an hour.

One instance a device: every room reports into it, the health endpoint and the reported state read it. It belongs to
the event loop's thread.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from edge_agent.model.errors import EdgeAgentError
from edge_agent.model.wording import Said

_log = logging.getLogger(__name__)

_MOST_LINES: Final = 9
"""In an hour about one subject: four times begun and ended, and begun once more."""
_HOUR: Final = timedelta(hours=1)


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
        self._logged: dict[str, list[datetime]] = {}

    def begin(self, subject: str, error: EdgeAgentError, level: int = logging.WARNING, *, more: str = "") -> bool:
        """Note that `subject` fails with `error`. Returns whether that is news; only news is logged, with `more`."""
        known = self._lasting.get(subject)
        if known is not None and known.what == str(error):
            return False
        since = self._now() if known is None else known.since
        self._lasting[subject] = Trouble(str(error), error.next_step, since, error.said())
        self._tell(subject, level, f"{error.for_person()} {more}".rstrip())
        self._changed()
        return True

    def _tell(self, subject: str, level: int, text: str) -> None:
        now = self._now()
        lately = [at for at in self._logged.get(subject, ()) if abs(now - at) < _HOUR]
        if level <= logging.DEBUG or len(lately) >= _MOST_LINES:
            _log.debug("%s", text)
            return
        self._logged[subject] = [*lately, now]
        often = len(lately) + 1 == _MOST_LINES
        _log.log(level, "%s", f"{text} It comes and goes: no more of it is told for an hour." if often else text)

    def end(self, subject: str) -> bool:
        """Note that `subject` works. Returns whether it did not before; then that is logged."""
        if self._lasting.pop(subject, None) is None:
            return False
        self._tell(subject, logging.INFO, f"The {subject} is in order again.")
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
