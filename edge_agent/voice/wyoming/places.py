"""Who gives way when all places are taken, so that one address cannot hold them all. Pure."""

from collections import Counter
from collections.abc import Collection
from typing import Protocol, TypeVar

from edge_agent.model.errors import WyomingError


class Guest(Protocol):
    """Who has a place."""

    @property
    def host(self) -> str:
        """The address it comes from; of a Unix socket, nothing."""

    @property
    def spoke_at(self) -> float:
        """When its newest message was complete."""


_Guest = TypeVar("_Guest", bound=Guest)


def who_gives_way(there: Collection[_Guest], newcomer_host: str) -> _Guest | None:
    """Return whose place one from that address gets, where none is free, or None where it has to wait.

    It is one of the address that has most of them, where that has at least two more than the newcomer's: the one that
    said nothing for longest. So each of two addresses comes to half of the places, and nobody takes from an equal.
    """
    places = Counter(guest.host for guest in there)
    most = max(places.values(), default=0)
    if most < places[newcomer_host] + 2:
        return None
    return min((guest for guest in there if places[guest.host] == most), key=lambda guest: guest.spoke_at)


def gave_way() -> WyomingError:
    """Return what is told of it."""
    return WyomingError("gives its place to another address", "gave-way", "No address had more of them.")
