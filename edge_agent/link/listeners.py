"""Who listens to which topic, and what of the arriving messages is news to them. Pure."""

import hashlib
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from edge_agent.link.topics import check_topic

_log = logging.getLogger(__name__)

OnMessage = Callable[[str, bytes], None]
"""Called on the event loop with (topic, payload). An empty payload means that a retained message was cleared."""


@dataclass(slots=True, eq=False)
class _Listener:
    topic: str
    callback: OnMessage
    max_bytes: int
    last: bytes | None = None
    """Digest of what was delivered last over this connection."""


class Listeners:
    """The callbacks of one link.

    A broker repeats a retained message whenever its topic is subscribed to again, which reading retained messages
    does all the time. Over one connection a listener gets such a copy once; over the next it gets it again.
    """

    def __init__(self) -> None:
        self._listeners: list[_Listener] = []

    def add(self, topic: str, callback: OnMessage, max_bytes: int) -> Callable[[], None]:
        """Add a listener to an exact topic; return the function that removes it. Raises LinkError for others."""
        listener = _Listener(check_topic(topic), callback, max_bytes)
        self._listeners.append(listener)

        def remove() -> None:
            with suppress(ValueError):
                self._listeners.remove(listener)

        return remove

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics that somebody listens to, sorted."""
        return tuple(sorted({listener.topic for listener in self._listeners}))

    def has(self, topic: str) -> bool:
        """Whether somebody listens to this topic."""
        return any(listener.topic == topic for listener in self._listeners)

    def begin_connection(self) -> None:
        """Make retained messages news again."""
        for listener in self._listeners:
            listener.last = None

    def pass_over(self, topic: str, length: int) -> None:
        """Log that a message was too large, if anybody listens to its topic."""
        if self.has(topic):
            _log.error("A message of %d bytes on %s is too large and was dropped.", length, topic)

    def news(self, topic: str, payload: bytes, *, retained: bool) -> list[OnMessage]:
        """Return the callbacks that this message is for. One too large for its listener is logged and left out."""
        called: list[OnMessage] = []
        for listener in self._listeners:
            if listener.topic != topic:
                continue
            digest = hashlib.sha256(payload).digest()
            if retained and listener.last == digest:
                continue
            listener.last = digest
            if len(payload) > listener.max_bytes:
                self.pass_over(topic, len(payload))
            else:
                called.append(listener.callback)
        return called
