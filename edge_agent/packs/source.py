"""The ports through which packs arrive: a source of topics (`edge_agent.link` fulfils it), and one of chunks alone.

Signed documents and metadata come by topics. Chunks, which are most of the bytes, are asked of a `ChunkSource`, so
that they may come from elsewhere: `BrokerChunks` asks the topics too.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, Protocol

from edge_agent.model.errors import LinkError
from edge_agent.model.identity import sha256_hex
from edge_agent.packs.formats.manifest import MAX_CHUNK_BYTES

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

        That includes the retained one, each time the session is (re)subscribed, and the newest that came before.
        """
        ...


METADATA_TOPICS: Final = "repo/meta/"
"""What the topic of any metadata begins with."""


def metadata_topic(name: str) -> str:
    """Return the topic of signed metadata: `timestamp`, or `<version>.<role>` for every other role.

    No topic of the repository has a dot (`~` stands for one in a role): brokers that speak AMQP or NATS inside part
    names with it, so that RabbitMQ hands out `4/snapshot` for `4.snapshot`, and NATS hangs up.
    """
    version, dot, role = name.partition(".")
    return METADATA_TOPICS + (f"{version}/{role.replace('.', '~')}" if dot else name)


def metadata_name(topic: str) -> str | None:
    """Return what `metadata_topic` made this topic of, or None for other topics. Versions are decimal numbers."""
    version, slash, role = topic.removeprefix(METADATA_TOPICS).partition("/")
    if not topic.startswith(METADATA_TOPICS) or (slash and not version.isdecimal()):
        return None
    return f"{version}.{role.replace('~', '.')}" if slash else version


def target_topic(sha256: str) -> str:
    """Return the topic of a small signed document, named by its own hash."""
    return f"repo/target/{sha256}"


def chunk_topic(sha256: str) -> str:
    """Return the topic of a chunk of an asset, named by its own hash."""
    return f"repo/chunk/{sha256}"


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk that is asked for: `length` bytes with that SHA-256, which are at `offset` of the asset `asset`.

    `asset` is a SHA-256 too, or empty for what is part of none. A chunk may be at other places as well; this is one.
    """

    sha256: str
    length: int
    asset: str = ""
    offset: int = 0

    def matches(self, content: bytes) -> bool:
        """Whether that is what was asked for."""
        return len(content) == self.length and sha256_hex(content) == self.sha256


class ChunkSource(Protocol):
    """Where the downloader asks for chunks. Whoever asks checks every hash; nothing that comes is trusted."""

    def fetch_chunks(
        self, pieces: Sequence[Piece], window: int
    ) -> AsyncGenerator[tuple[Piece, bytes | LinkError], None]:
        """Yield each of `pieces` once, in any order, with what is said to be its bytes, or the error for them.

        At most `window` pieces are on their way or waiting in memory at a time, and none is longer than
        MAX_CHUNK_BYTES. NotAllowedError means that it is no use to ask for more. Closing it early ends what is under
        way. Never raises for one piece's sake; raises LinkError at the first step when nobody can be asked at all.
        """
        ...


class BrokerChunks:
    """Chunks as retained messages, each on the topic that its hash names."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def fetch_chunks(
        self, pieces: Sequence[Piece], window: int
    ) -> AsyncGenerator[tuple[Piece, bytes | LinkError], None]:
        """As in ChunkSource."""
        asked = {chunk_topic(piece.sha256): piece for piece in pieces}
        async with aclosing(self._source.fetch_many(list(asked), window, MAX_CHUNK_BYTES)) as answers:
            async for topic, answer in answers:
                yield asked[topic], answer
