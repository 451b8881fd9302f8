"""Shell: chunks from mirrors first, and from the broker where those do not have them."""

import asyncio
import logging
import ssl
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from typing import Final

from edge_agent.model.errors import LinkError, MirrorError, NotRetainedError, SettingsError
from edge_agent.packs.fetching.mirrors import AssetSource, Mirror, Mirrors
from edge_agent.packs.source import ChunkSource, Piece
from edge_agent.packs.threads import in_thread

_log = logging.getLogger(__name__)

_NOWHERE: Final = (
    "Neither a mirror nor the broker has all of it.",
    "Upload the mirrors' folder, or publish again.",
)


def mirror_trust(ca_file: Path | None) -> ssl.SSLContext:
    """Return what verifies mirrors' certificates: the system's authorities, or those in `ca_file` alone.

    Reads files. Raises SettingsError when it cannot be used.
    """
    try:
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except OSError as error:  # ssl.SSLError is one
        raise SettingsError(
            f"{ca_file} is no authority's certificate that mirrors could be checked with.",
            "Name a PEM file that can be read.",
        ) from error


class MirroredChunks:
    """A ChunkSource: each mirror in its order is asked for what is still missing, and then the broker.

    A mirror that is slow, silent or wrong is left alone for a while, and what it owes comes from the next. `patience`
    is how long the downloader waits for anything at all: shared out, so that it outlasts every mirror's silence.
    `on_waste` is told of bytes that came from a mirror and were of no use. The library for HTTP is imported when the
    first mirror is asked.
    """

    def __init__(
        self,
        mirrors: Mirrors,
        broker: ChunkSource,
        *,
        ca_file: Path | None,
        patience: timedelta,
        draw: Callable[[], float],
        on_waste: Callable[[int], None],
    ) -> None:
        self._mirrors = mirrors
        self._broker = broker
        self._ca_file = ca_file
        self._patience = patience / (len(mirrors) + 1)
        self._draw = draw
        self._on_waste = on_waste
        self._context: ssl.SSLContext | None = None
        self._broker_bytes = 0

    async def fetch_chunks(
        self, pieces: Sequence[Piece], window: int
    ) -> AsyncGenerator[tuple[Piece, bytes | LinkError], None]:
        """As in ChunkSource. What comes from a mirror is verified already: if it is wrong, somebody else is asked."""
        missing = {piece.sha256: piece for piece in pieces}
        for mirror in self._mirrors.usable(asyncio.get_running_loop().time()):
            wanted = [piece for piece in missing.values() if piece.asset]
            if not wanted:
                break
            async with aclosing(self._from_mirror(mirror, wanted, window)) as arrivals:
                async for piece, content in arrivals:
                    del missing[piece.sha256]
                    yield piece, content
        if missing:
            async with aclosing(self._from_broker(list(missing.values()), window)) as answers:
                async for answer in answers:
                    yield answer

    async def _from_mirror(
        self, mirror: Mirror, pieces: Sequence[Piece], window: int
    ) -> AsyncGenerator[tuple[Piece, bytes], None]:
        """Yield what a mirror has of `pieces`; take its first failure down, and end."""
        from edge_agent.packs.fetching.mirror_client import (  # noqa: PLC0415  loaded only where there are mirrors
            MirrorClient,
            MirrorRefusalError,
        )

        came = False
        try:
            context = await self._trusted(mirror.url)
            async with MirrorClient(mirror.url, context, self._patience, self._on_waste) as client:
                async with aclosing(client.fetch(pieces, window)) as arrivals:
                    async for piece, content in arrivals:
                        came = True
                        mirror.bytes += piece.length
                        yield piece, content
                mirror.lacks = len(client.lacking)
        except MirrorError as error:
            wished_s = error.wished_s if isinstance(error, MirrorRefusalError) else 0.0
            self._mirrors.went_wrong(error, asyncio.get_running_loop().time(), self._draw(), wished_s)
            return
        if came:
            self._mirrors.went_well(mirror)

    async def _from_broker(
        self, pieces: Sequence[Piece], window: int
    ) -> AsyncGenerator[tuple[Piece, bytes | LinkError], None]:
        async with aclosing(self._broker.fetch_chunks(pieces, window)) as answers:
            async for piece, answer in answers:
                if isinstance(answer, bytes):
                    self._broker_bytes += len(answer)
                elif isinstance(answer, NotRetainedError) and len(self._mirrors):
                    yield piece, NotRetainedError(answer.topic, *_NOWHERE)
                    continue
                yield piece, answer

    async def _trusted(self, url: str) -> ssl.SSLContext:
        if self._context is None:
            try:
                self._context = await in_thread(mirror_trust, self._ca_file)
            except SettingsError as error:
                raise MirrorError(url, f"cannot be asked: {self._ca_file} cannot be used", error.next_step) from error
        return self._context

    def sources(self) -> tuple[AssetSource, ...]:
        """Return where assets come from, in the order in which they are asked; the broker is the last."""
        return (*self._mirrors.sources(), AssetSource("", self._broker_bytes))

    def begin(self) -> None:
        """Forget what was wrong with mirrors that are not asked any more."""
        self._mirrors.forget_others()
