"""The port through which packs arrive. `edge_agent.link` fulfils it; any transport that keeps topics could."""

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Final, Protocol

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


def metadata_topic(name: str) -> str:
    """Return the topic of signed metadata: `timestamp`, or `<version>.<role>` for every other role."""
    return f"repo/meta/{name}"


def target_topic(sha256: str) -> str:
    """Return the topic of a small signed document, named by its own hash."""
    return f"repo/target/{sha256}"


def chunk_topic(sha256: str) -> str:
    """Return the topic of a chunk of an asset, named by its own hash."""
    return f"repo/chunk/{sha256}"
