"""Shell: checks what a chunk source brings and hands it to a worker thread, some at a time; bounded in memory."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from edge_agent.model.errors import EdgeAgentError, IncompleteError, LinkError, NotAllowedError, UntrustedError
from edge_agent.packs.source import ChunkSource, Piece
from edge_agent.packs.threads import in_thread

Pace = Callable[[int, bool], Awaitable[str | None]]
"""Told the length of each piece that came and whether more is to come.

Returns when the next may come, or the sentence why none may for now.
"""

Arrival = tuple[Piece, bytes]

Keep = Callable[[Sequence[Arrival]], None]
"""Writes pieces that were as they should be, in a worker thread."""


class Disk(Protocol):
    """Where what is kept goes. It is flushed now and then, while more is written."""

    def begin_flush(self) -> Callable[[], None] | None:
        """Return what flushes it, which blocks, when it is time to."""
        ...


_BATCH_BYTES: Final = 1024 * 1024
"""So much is written at a time; twice that may wait, after which nothing more is taken in."""

_GATHER_S: Final = 0.02
"""How long less than that waits, so that a worker thread is not woken for each piece."""

_LEAST_PATIENCE: Final = 0.9
"""So much of the patience is left after each piece: setting a timer for each would cost more than taking it in."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The first thing that went wrong, and whether nothing more may be asked for now."""

    failure: EdgeAgentError | None = None
    is_over: bool = False


class Receiver:
    """Brings pieces of the pack `name`. `patience` is how long nothing at all may arrive."""

    def __init__(
        self,
        name: str,
        source: ChunkSource,
        disk: Disk,
        *,
        window: int,
        patience: timedelta,
        pace: Pace | None,
    ) -> None:
        self._name = name
        self._source = source
        self._disk = disk
        self._window = window
        self._patience_s = patience.total_seconds()
        self._least_patience_s = self._patience_s * _LEAST_PATIENCE
        self._pace = pace

    async def receive(
        self, pieces: Sequence[Piece], keep: Keep, on_kept: Callable[[Piece], None], *, more_follows: bool
    ) -> Outcome:
        """Ask for each piece once, and keep it; return after the last one, or when no more may be asked for.

        A piece that is absent or altered does not hold up the others. Each is checked as it arrives; writing goes on
        in a worker thread meanwhile, and `on_kept` is told of each one on the event loop. Raises what `keep` raises.
        What arrived until then, or until this is cancelled, is kept.
        """
        if not pieces:
            return Outcome()
        batches = _Batches(keep, on_kept, self._disk)
        keeping = asyncio.create_task(batches.run())
        try:
            outcome = await self._take(pieces, batches, keeping, more_follows=more_follows)
            batches.end()
            await keeping
            return outcome
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    async def _take(
        self, pieces: Sequence[Piece], batches: "_Batches", keeping: "asyncio.Task[None]", *, more_follows: bool
    ) -> Outcome:
        failure: EdgeAgentError | None = None
        now, left = asyncio.get_running_loop().time, len(pieces)
        try:
            async with (
                asyncio.timeout(self._patience_s) as limit,
                aclosing(self._source.fetch_chunks(pieces, self._window)) as stream,
            ):
                async for piece, answer in stream:
                    left -= 1
                    if isinstance(answer, NotAllowedError):
                        return Outcome(answer, is_over=True)
                    if isinstance(answer, LinkError):
                        failure = failure or answer
                    elif not piece.matches(answer):  # a mirror's once more: nothing passes here unchecked
                        failure = failure or self._altered(piece)
                    else:
                        batches.add((piece, answer))
                    if batches.is_full or keeping.done() or self._pace is not None:
                        limit.reschedule(None)
                        held = await self._catch_up(batches, keeping, answer, more=left > 0 or more_follows)
                        if held is not None:
                            return Outcome(failure or IncompleteError(held), is_over=True)
                    until = limit.when()
                    if until is None or until < now() + self._least_patience_s:
                        limit.reschedule(now() + self._patience_s)
        except TimeoutError:
            stopped = IncompleteError(f"The pack {self._name} stopped arriving.", "It is tried again by itself.")
            return Outcome(failure or stopped, is_over=True)
        except LinkError as error:
            return Outcome(failure or error, is_over=True)
        return Outcome(failure)

    async def _catch_up(
        self, batches: "_Batches", keeping: "asyncio.Task[None]", answer: bytes | LinkError, *, more: bool
    ) -> str | None:
        """Return when the next piece may come, or with the sentence why none may for now."""
        while batches.is_full or keeping.done():
            await batches.emptied(keeping)
        if self._pace is None or isinstance(answer, LinkError):
            return None
        return await self._pace(len(answer), more)

    def _altered(self, piece: Piece) -> UntrustedError:
        return UntrustedError(
            f"The pack {self._name} has a chunk that was altered on its way ({piece.sha256[:12]}…).",
            "Publish the pack again; if it stays, somebody may be tampering with the broker.",
        )


class _Batches:
    """What arrived and is not written yet. `run` writes it until `end`."""

    def __init__(self, keep: Keep, on_kept: Callable[[Piece], None], disk: Disk) -> None:
        self._keep = keep
        self._on_kept = on_kept
        self._disk = disk
        self._flushing: asyncio.Task[None] | None = None
        self._waiting: list[Arrival] = []
        self._waiting_bytes = 0
        self._is_ending = False
        self._due = asyncio.Event()
        self._taken = asyncio.Event()
        self._flush: asyncio.TimerHandle | None = None

    @property
    def is_full(self) -> bool:
        return self._waiting_bytes >= 2 * _BATCH_BYTES

    def add(self, arrival: Arrival) -> None:
        self._waiting.append(arrival)
        self._waiting_bytes += len(arrival[1])
        if self.is_full:
            self._taken.clear()
        if self._waiting_bytes >= _BATCH_BYTES:
            self._due.set()
        elif self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(_GATHER_S, self._due.set)

    def end(self) -> None:
        self._is_ending = True
        self._due.set()

    async def emptied(self, keeping: "asyncio.Task[None]") -> None:
        """Return when there is room again. Raises what ended `keeping`."""
        taking = asyncio.ensure_future(self._taken.wait())
        try:
            await asyncio.wait({taking, keeping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            taking.cancel()
        if keeping.done():
            keeping.result()

    async def run(self) -> None:
        try:
            while not self._is_ending:
                await self._due.wait()
                await self._write()
        finally:
            if self._flush is not None:
                self._flush.cancel()
            try:
                await self._write()  # when this is cancelled, too
            finally:
                await self._flushed()

    async def _write(self) -> None:
        batch, self._waiting, self._waiting_bytes = self._waiting, [], 0
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        self._due.clear()
        self._taken.set()  # until it is full again: whoever begins to wait later must not miss it
        if not batch:
            return
        await in_thread(self._keep, batch)
        flush = self._disk.begin_flush()
        if flush is not None:
            await self._flushed()  # no more than one at a time: a slow disk holds up what arrives
            self._flushing = asyncio.create_task(in_thread(flush))
        for piece, _ in batch:
            self._on_kept(piece)

    async def _flushed(self) -> None:
        """Wait for the flush that is under way. Raises what went wrong with it."""
        flushing, self._flushing = self._flushing, None
        if flushing is not None:
            await flushing
