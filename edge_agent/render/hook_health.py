"""Which hooks fail at the moment. A lasting trouble of the device, with what the hook itself said about it."""

import logging

from edge_agent.model.errors import EdgeAgentError
from edge_agent.troubles import Troubles

_log = logging.getLogger(__name__)


class HookHealth:
    """Notes each verb's hook. What a hook prints on stderr is logged with its failure, or for debugging."""

    def __init__(self, troubles: Troubles) -> None:
        self._troubles = troubles

    def failed(self, verb: str, error: EdgeAgentError, complaint: str = "") -> None:
        """Note that a hook failed, and why now; the first failure in a row is logged for people."""
        about = self._troubles.about(f"{verb} hook")
        said = f"It printed: {complaint}" if complaint else ""
        self._troubles.begin(about.name, error, logging.DEBUG if about.lasts else logging.WARNING, more=said)

    def worked(self, verb: str, complaint: str = "") -> None:
        """Note that a hook did what it should."""
        self._troubles.end(f"{verb} hook")
        if complaint:
            _log.debug("The %s hook printed: %s", verb, complaint)
