"""Which hooks fail at the moment, so that a failure is logged once when it begins and once when it ends."""

import logging

from edge_agent.model.errors import EdgeAgentError

_log = logging.getLogger(__name__)


class HookHealth:
    """Remembers the failing verbs. What a hook prints on stderr is logged with its failure, or for debugging."""

    def __init__(self) -> None:
        self._failing: set[str] = set()

    def failed(self, verb: str, error: EdgeAgentError, complaint: str = "") -> None:
        """Note that a hook failed; a person is told of the first failure in a row."""
        level = logging.DEBUG if verb in self._failing else logging.WARNING
        self._failing.add(verb)
        said = f" It printed: {complaint}" if complaint else ""
        _log.log(level, "The %s hook failed. %s%s", verb, error.for_person(), said)

    def worked(self, verb: str, complaint: str = "") -> None:
        """Note that a hook did what it should."""
        if verb in self._failing:
            self._failing.discard(verb)
            _log.info("The %s hook works again.", verb)
        if complaint:
            _log.debug("The %s hook printed: %s", verb, complaint)
