"""The port through which packs arrive. `edge_agent.link` fulfils it; any transport that keeps topics could."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Final, Protocol, cast

from edge_agent.model.errors import LinkError

METADATA_URL: Final = "mqtt:meta/"
"""Base of the URLs that python-tuf makes up for metadata; what follows is `[<version>.]<role>.json`."""

MAX_METADATA_BYTES: Final = 512 * 1024


class Source(Protocol):
    """Retained messages of one repository. Topics are relative to the link's root (`repo/meta/timestamp`).

    Nothing that a source delivers is trusted: everything is checked against signed hashes after it.
    """

    async def fetch(self, topic: str, max_bytes: int) -> bytes:
        """Return the retained message on `topic`.

        Raises NotRetainedError when the broker holds none, and LinkError when it cannot be reached, does not
        answer in time, or the message is longer than `max_bytes`.
        """
        ...

    def fetch_many(
        self, topics: Sequence[str], window: int, max_bytes: int
    ) -> AsyncGenerator[tuple[str, bytes | LinkError], None]:
        """Yield each of `topics` once, in any order, with its bytes or the error that stands for them.

        At most `window` are asked for at a time. Never raises for one topic's sake; raises LinkError at the first
        step when there is no connection at all.
        """
        ...

    def on_timestamp(self, callback: Callable[[bytes], None]) -> None:
        """Call `callback` with each message on `repo/meta/timestamp`, on the event loop's thread.

        That includes the retained one, each time the session is (re)subscribed.
        """
        ...


class Retained(Protocol):
    """What a link offers: exact topics as the broker knows them, below whatever root."""

    async def fetch(self, topic: str, max_bytes: int) -> bytes:
        """As in Source."""
        ...

    def fetch_many(
        self, topics: Sequence[str], window: int, max_bytes: int
    ) -> AsyncIterator[tuple[str, bytes | LinkError]]:
        """As in Source."""
        ...

    def on(self, topic: str, callback: Callable[[str, bytes], None]) -> Callable[[], None]:
        """Subscribe from now on, over every reconnect."""
        ...


class RepositorySource:
    """The Source that lies under one topic root of a link: `RepositorySource(link, settings.root)`."""

    def __init__(self, link: Retained, root: str) -> None:
        self._link = link
        self._prefix = f"{root}/"

    async def fetch(self, topic: str, max_bytes: int) -> bytes:
        """As in Source."""
        return await self._link.fetch(self._prefix + topic, max_bytes)

    async def fetch_many(
        self, topics: Sequence[str], window: int, max_bytes: int
    ) -> AsyncGenerator[tuple[str, bytes | LinkError], None]:
        """As in Source."""
        answers = self._link.fetch_many([self._prefix + topic for topic in topics], window, max_bytes)
        async with aclosing(cast("AsyncGenerator[tuple[str, bytes | LinkError], None]", answers)) as stream:
            async for topic, answer in stream:
                yield topic.removeprefix(self._prefix), answer

    def on_timestamp(self, callback: Callable[[bytes], None]) -> None:
        """As in Source."""
        self._link.on(self._prefix + metadata_topic("timestamp"), lambda _topic, content: callback(content))


def metadata_topic(name: str) -> str:
    """Return the topic of signed metadata: `timestamp`, or `<version>.<role>` for every other role."""
    return f"repo/meta/{name}"


def target_topic(sha256: str) -> str:
    """Return the topic of a small signed document, named by its own hash."""
    return f"repo/target/{sha256}"


def chunk_topic(sha256: str) -> str:
    """Return the topic of a chunk of an asset, named by its own hash."""
    return f"repo/chunk/{sha256}"
