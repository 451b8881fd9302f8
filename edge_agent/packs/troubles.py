"""Failures that last: each is logged once when it begins and once when it ends, however often it is met."""

import logging
from collections.abc import Mapping
from types import MappingProxyType

from edge_agent.model.errors import EdgeAgentError

_log = logging.getLogger(__name__)


class Troubles:
    """What is wrong now, by subject (`repository`, `pack acme/spring`). One instance a room, one thread."""

    def __init__(self) -> None:
        self._lasting: dict[str, str] = {}

    def begin(self, subject: str, error: EdgeAgentError, level: int = logging.WARNING) -> None:
        """Remember that `subject` fails with `error`; log it unless it failed with the same message before."""
        if self._lasting.get(subject) != str(error):
            self._lasting[subject] = str(error)
            _log.log(level, "%s", error.for_person())

    def end(self, subject: str) -> None:
        """Remember that `subject` works; log it if it did not before."""
        if self._lasting.pop(subject, None) is not None:
            _log.info("The %s is in order again.", subject)

    def forget(self, subject: str) -> None:
        """Drop `subject`, which no longer exists, without a word."""
        self._lasting.pop(subject, None)

    @property
    def lasting(self) -> Mapping[str, str]:
        """What is wrong now: subject to message."""
        return MappingProxyType(self._lasting)
