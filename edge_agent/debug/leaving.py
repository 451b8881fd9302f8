"""Shell (a connection): when has a client left? Whoever only writes would not learn it before the next write."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web


@contextmanager
def leaving(request: web.Request) -> Iterator[asyncio.Event]:
    """Give an event that is set as soon as the connection of `request` is lost; what comes through it goes on."""
    left, transport, server = asyncio.Event(), request.transport, request.protocol
    if transport is None:
        left.set()
        yield left
        return
    transport.set_protocol(_Watch(server, left))
    try:
        yield left
    finally:
        if not left.is_set():
            transport.set_protocol(server)


class _Watch(asyncio.Protocol):
    """In the server's place at its transport: hands everything on, and tells of the end."""

    def __init__(self, server: asyncio.Protocol, left: asyncio.Event) -> None:
        self.data_received = server.data_received  # type: ignore[method-assign]
        self.eof_received = server.eof_received  # type: ignore[method-assign]
        self.pause_writing = server.pause_writing  # type: ignore[method-assign]
        self.resume_writing = server.resume_writing  # type: ignore[method-assign]
        self._server = server
        self._left = left

    def connection_lost(self, exc: Exception | None) -> None:
        self._left.set()
        self._server.connection_lost(exc)
