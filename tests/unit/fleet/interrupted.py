"""The folder of a person who presses Ctrl-C in the middle of a change."""

from datetime import datetime

from edge_agent.fleet.signing.repository import FleetRepository


class StopsBeforeCommit(FleetRepository):
    """Before anything is signed."""

    def commit(self, now: datetime, *, first: bool = False) -> None:  # noqa: ARG002
        raise KeyboardInterrupt


class StopsAfterCommit(FleetRepository):
    """As soon as everything is signed."""

    def commit(self, now: datetime, *, first: bool = False) -> None:
        super().commit(now, first=first)
        raise KeyboardInterrupt
