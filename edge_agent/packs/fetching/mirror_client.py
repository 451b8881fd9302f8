"""Shell: asks one mirror for parts of whole assets over HTTPS, and believes nothing of what it answers.

1. The address is the mirror's own with `/asset/<sha256>`; a redirection is not followed, no proxy is asked.
2. A request has the same headers on every device: no cookies, no referrer, no version. TLS is always verified, and no
   session of it is ever resumed, which would tell one device from another.
3. An answer is taken when it is exactly the part that was asked for: status 206, its Content-Range, its length, and
   not compressed. No more of its body is read than that; an answer that is refused is cut off at once.
4. Each piece has its hash, or nothing more is taken from this mirror.
5. A piece arrives within the patience, from the request or from the piece before it. Time in which nobody wants the
   next piece does not count.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Final, Self

import aiohttp
from yarl import URL

from edge_agent.model.errors import MirrorError
from edge_agent.packs.fetching.ranges import Part, parts_of
from edge_agent.packs.source import Piece

CONNECTIONS: Final = 2
"""A second one covers the time until the next answer begins; it is opened once the line has shown that it is fast."""

HEADERS: Final = {"User-Agent": "edge-agent", "Accept": "*/*", "Accept-Encoding": "identity"}
"""All that a request says beside its address and its range."""

_FAST_S: Final = 1.0
_LACKING: Final = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}

_Arrival = tuple[Piece, bytes]


@dataclass(slots=True)
class _Job:
    """Parts that are still to be asked for, what came of them, and assets that the mirror turned out to lack.

    `room` is taken before a piece is read and given back when somebody took the piece, so that nothing that was
    verified is ever in the way of an end.
    """

    parts: deque[Part]
    room: asyncio.Semaphore
    arrived: "asyncio.Queue[_Arrival | Exception | None]" = field(default_factory=asyncio.Queue)
    lacking: set[str] = field(default_factory=set)


class MirrorRefusalError(MirrorError):
    """As MirrorError, where the mirror said for how many seconds it wants to be left alone."""

    wished_s = 0.0


class MirrorClient:
    """One mirror, for as long as `async with` lasts. `patience` is for one piece.

    `on_waste` is told how many bytes came that were of no use, and `lacking` says which assets it did not have.
    """

    def __init__(
        self, url: str, context: ssl.SSLContext, patience: timedelta, on_waste: Callable[[int], None]
    ) -> None:
        self._url = url
        self._context = context
        self._patience_s = patience.total_seconds()
        self._on_waste = on_waste
        self.lacking: frozenset[str] = frozenset()

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._context, limit=CONNECTIONS),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=HEADERS,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),
            trust_env=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def fetch(self, pieces: Iterable[Piece], window: int) -> AsyncGenerator[_Arrival, None]:
        """Yield each of `pieces` that the mirror has, verified, in any order.

        At most `window` are on their way or waiting at a time. Raises MirrorError at the first thing that is wrong;
        assets that it does not have are passed over.
        """
        connections = max(1, min(CONNECTIONS, (window - 1) // CONNECTIONS))
        parts = parts_of(pieces, max(1, window // CONNECTIONS - 1))
        job = _Job(deque(parts), asyncio.Semaphore(connections))
        running = asyncio.create_task(self._run(job, connections))
        try:
            while (arrival := await job.arrived.get()) is not None:
                if isinstance(arrival, Exception):
                    raise arrival
                job.room.release()
                yield arrival
        finally:
            self.lacking = frozenset(job.lacking)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _run(self, job: _Job, connections: int) -> None:
        end: Exception | None = None
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._work(job, group if connections > 1 else None))
        except* Exception as failed:  # noqa: BLE001  it is raised again where the pieces are taken
            end = failed.exceptions[0]
        job.arrived.put_nowait(end)

    async def _work(self, job: _Job, helpers: asyncio.TaskGroup | None = None) -> None:
        now = asyncio.get_running_loop().time
        while job.parts:
            part = job.parts.popleft()
            if part.asset in job.lacking:
                continue
            began = now()
            await self._take(part, job)
            if helpers is not None and job.parts and now() - began < _FAST_S:
                helpers.create_task(self._work(job))
                helpers = None

    async def _take(self, part: Part, job: _Job) -> None:
        address = URL(f"{self._url}/asset/{part.asset}", encoded=True)
        await job.room.acquire()
        try:
            async with (
                asyncio.timeout(self._patience_s) as limit,
                self._session.get(address, headers={"Range": part.header}, allow_redirects=False) as response,
            ):
                await self._read(response, part, job, limit)
        except (TimeoutError, aiohttp.ClientError, asyncio.IncompleteReadError, OSError, ValueError) as error:
            raise MirrorError(self._url, *_deed(error)) from error

    async def _read(self, response: aiohttp.ClientResponse, part: Part, job: _Job, limit: asyncio.Timeout) -> None:
        now, used_bytes = asyncio.get_running_loop().time, 0
        try:
            if response.status in _LACKING:
                job.lacking.add(part.asset)
                job.room.release()
                return
            self._judge(response, part)
            for piece in part.pieces:
                if piece is not part.pieces[0]:
                    limit.reschedule(None)
                    await job.room.acquire()
                    limit.reschedule(now() + self._patience_s)
                content = await response.content.readexactly(piece.length)
                if not piece.matches(content):
                    raise MirrorError(
                        self._url,
                        "sent what is not what was signed",
                        "Upload the mirror's folder again; if it stays, somebody may be tampering with it.",
                    )
                used_bytes += piece.length
                job.arrived.put_nowait((piece, content))
        finally:
            wasted_bytes = response.content.total_bytes - used_bytes
            if wasted_bytes:
                self._on_waste(wasted_bytes)
            if used_bytes < part.length:
                _cut_off(response)

    def _judge(self, response: aiohttp.ClientResponse, part: Part) -> None:
        """Raise MirrorError unless the answer is the part that was asked for, whole and as it is."""
        headers, status = response.headers, response.status
        if status != HTTPStatus.PARTIAL_CONTENT:
            refusal = MirrorRefusalError(self._url, _refusal(status))
            wished = headers.get("Retry-After", "")
            refusal.wished_s = float(wished[:9]) if wished.isascii() and wished.isdecimal() else 0.0
            raise refusal
        if headers.get("Content-Encoding", "identity").lower() != "identity":
            raise MirrorError(self._url, "compresses what it was asked for as it is")
        if not part.is_told_by(headers.get("Content-Range")):
            raise MirrorError(self._url, "answers with another part than it was asked for")
        if response.content_length != part.length:
            raise MirrorError(self._url, "says of its answer another length than it was asked for, or none")


def _cut_off(response: aiohttp.ClientResponse) -> None:
    """End the connection without the goodbye of TLS, for which what is still coming would have to be read."""
    connection = response.connection
    if connection is not None and connection.transport is not None:
        connection.transport.abort()


def _refusal(status: int) -> str:
    if status == HTTPStatus.OK:
        return "answers with the whole file, not the part that it was asked for (status 200)"
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return f"sends devices elsewhere, which they do not follow (status {status})"
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return "has less of a file than was signed (status 416)"
    return f"answers with status {status}"


def _deed(error: Exception) -> tuple[str, str]:
    """Return what a foreign error says of the mirror, without numbers that change each time, and what to do."""
    match error:
        case TimeoutError():
            return "is too slow, or says nothing", "Check that it runs, and the network on the way."
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            step = (
                "Name its authority's file, or give it a certificate of one that is known; check the clock here, too."
            )
            return "shows a certificate that is not trusted here", step
        case aiohttp.ClientConnectorDNSError():
            return "has a name that is not found", "Check its address, and the network here."
        case aiohttp.ClientConnectorError():
            return "cannot be reached", "Check that it runs, its address, and the network here."
        case aiohttp.ClientPayloadError() | asyncio.IncompleteReadError() | OSError():
            return "breaks off", "Look into its log."
        case _:
            return "does not speak HTTP as it should", "Check that its address is that of an HTTPS server."
