"""A failure that lasts is logged once when it begins and once when it ends."""

import logging

from edge_agent.model.errors import EdgeAgentError


class Trouble:
    """One thing that may be failing. `begin` and `end` may be called any number of times."""

    def __init__(self, log: logging.Logger, over: str) -> None:
        self._log = log
        self._over = over
        self.lasts = False

    def begin(self, error: EdgeAgentError) -> bool:
        """Note a failure; log it and return True when it is the first."""
        first, self.lasts = not self.lasts, True
        if first:
            self._log.warning("%s", error.for_person())
        return first

    def end(self) -> None:
        """Note a success; log it when there was trouble before."""
        if self.lasts:
            self._log.info("%s", self._over)
        self.lasts = False
