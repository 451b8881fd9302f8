"""Shell: brings what is missing of one pack to the disk, verified chunk by chunk."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol

from edge_agent.model.errors import (
    EdgeAgentError,
    IncompleteError,
    LinkError,
    NotAllowedError,
    UntrustedError,
)
from edge_agent.packs.manifest import Chunk, PackedAsset
from edge_agent.packs.source import ChunkSource, Piece
from edge_agent.packs.store import BlobStore, Digest
from edge_agent.packs.threads import in_thread

Pace = Callable[[int, bool], Awaitable[str | None]]
"""Told the length of each chunk that came and whether more is to come.

Returns when the next may come, or the sentence why none may for now.
"""

Holders = Mapping[str, tuple[PackedAsset, int]]
"""Where chunks are on this device already: chunk hash to (whole asset, offset)."""


class Parcel(Protocol):
    """What comes in chunks: a pack's manifest, a voice pack."""

    @property
    def shelf_name(self) -> str:
        """What messages call it."""
        ...

    @property
    def assets(self) -> Mapping[str, PackedAsset]:
        """What it is made of, by name."""
        ...


@dataclass(slots=True)
class _Wanted:
    chunk: Chunk
    places: list[tuple[PackedAsset, int]] = field(default_factory=list)

    def piece(self) -> Piece:
        asset, offset = self.places[0]
        return Piece(self.chunk.sha256, self.chunk.length, asset.sha256, offset)


_GATHER_S: Final = 0.02
"""How long arrivals are gathered, so that a worker thread is not woken for each."""

_Arrival = tuple[_Wanted, bytes]
"""What was wanted, and what came."""


async def complete_pack(
    parcel: Parcel,
    store: BlobStore,
    source: ChunkSource,
    holders: Holders,
    *,
    window: int,
    patience: timedelta,
    on_missing: Callable[[int], None],
    pace: Pace | None = None,
) -> None:
    """Fetch every chunk of `parcel` that the disk lacks, and turn each asset whole.

    Chunks that another asset on this device has are copied. `on_missing` is told the bytes still missing, at first
    and after each chunk. Every topic is asked for once; a chunk that is absent or altered does not hold up the
    others, but when the broker refuses one, or `pace` says to wait, no more are asked for. Afterwards: raises the
    first thing that went wrong (UntrustedError for an altered chunk, LinkError, IncompleteError when nothing arrived
    for `patience` or the rest has to wait), or StorageError at once; what was verified is kept.
    """
    delivery = _Delivery(parcel, store, on_missing)
    await delivery.take_stock()
    await delivery.copy(holders)
    failure = await delivery.receive(source, window, patience, pace)
    await delivery.finish()
    if failure is not None:
        raise failure


class _Delivery:
    """What of one pack is still to come, by chunk hash, and how many places of each asset are still open."""

    def __init__(self, parcel: Parcel, store: BlobStore, on_missing: Callable[[int], None]) -> None:
        self._parcel = parcel
        self._store = store
        self._on_missing = on_missing
        self._assets = {asset.sha256: asset for asset in parcel.assets.values()}
        self._wanted: dict[str, _Wanted] = {}
        self._open_places: dict[str, int] = {}
        self._digests = {sha256: Digest() for sha256 in self._assets}
        self._missing_bytes = 0

    async def take_stock(self) -> None:
        self._wanted, self._open_places = await in_thread(_take_stock, self._assets, self._store)
        self._missing_bytes = sum(item.chunk.length * len(item.places) for item in self._wanted.values())
        self._on_missing(self._missing_bytes)

    async def copy(self, holders: Holders) -> None:
        for sha256 in [sha256 for sha256 in self._wanted if sha256 in holders]:
            item = self._wanted[sha256]
            content = await in_thread(self._store.copy_chunk, item.chunk, *holders[sha256])
            if content is not None:
                await self._keep(item, content)
                del self._wanted[sha256]

    async def receive(
        self, source: ChunkSource, window: int, patience: timedelta, pace: Pace | None
    ) -> EdgeAgentError | None:
        """Take each chunk once; return the first failure after the last one.

        Checking and writing go on in a worker thread while the next chunks arrive, as many at once as have come.
        """
        arrived: asyncio.Queue[_Arrival | None] = asyncio.Queue(window)
        keeping = asyncio.create_task(self._keep_arrivals(arrived))
        try:
            failure = await self._pass_on(source, window, patience, pace, arrived, keeping)
            await _put(arrived, None, keeping)
            altered = await keeping
            return failure or altered
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    async def _pass_on(
        self,
        source: ChunkSource,
        window: int,
        patience: timedelta,
        pace: Pace | None,
        arrived: asyncio.Queue[_Arrival | None],
        keeping: asyncio.Task[EdgeAgentError | None],
    ) -> EdgeAgentError | None:
        failure: EdgeAgentError | None = None
        pieces = [item.piece() for item in self._wanted.values()]
        now, left = asyncio.get_running_loop().time, len(pieces)
        try:
            async with (
                asyncio.timeout(patience.total_seconds()) as limit,
                aclosing(source.fetch_chunks(pieces, window)) as stream,
            ):
                async for piece, answer in stream:
                    limit.reschedule(None)
                    left -= 1
                    if isinstance(answer, NotAllowedError):
                        return answer
                    if isinstance(answer, LinkError):
                        failure = failure or answer
                    else:
                        await _put(arrived, (self._wanted[piece.sha256], answer), keeping)
                        held = None if pace is None else await pace(len(answer), left > 0)
                        if held is not None:
                            return failure or IncompleteError(held)
                    limit.reschedule(now() + patience.total_seconds())
        except TimeoutError:
            return failure or IncompleteError(
                f"The pack {self._parcel.shelf_name} stopped arriving.", "It is tried again by itself."
            )
        return failure

    async def _keep_arrivals(self, arrived: asyncio.Queue[_Arrival | None]) -> EdgeAgentError | None:
        """Write what arrives, a batch at a time; also, when this is cancelled, what has arrived by then."""
        failure: EdgeAgentError | None = None
        batch: list[_Arrival | None] = []
        try:
            while None not in batch:
                batch.clear()
                await _gather(arrived, batch)
                failure = await self._keep_batch(batch) or failure
        except asyncio.CancelledError:
            while not arrived.empty():
                batch.append(arrived.get_nowait())
            await self._keep_batch(batch)
            raise
        return failure

    async def _keep_batch(self, batch: list[_Arrival | None]) -> UntrustedError | None:
        arrivals = [one for one in batch if one is not None]
        good, altered = await in_thread(_check_and_write, self._store, arrivals, self._digests)
        for item in good:
            self._note_kept(item)
        if not altered:
            return None
        return UntrustedError(
            f"The pack {self._parcel.shelf_name} has a chunk that was altered on its way ({altered[0][:12]}…).",
            "Publish the pack again; if it stays, somebody may be tampering with the broker.",
        )

    async def _keep(self, item: _Wanted, content: bytes) -> None:
        await in_thread(_write, self._store, [(item, content)], self._digests)
        self._note_kept(item)

    def _note_kept(self, item: _Wanted) -> None:
        for asset, _ in item.places:
            self._open_places[asset.sha256] -= 1
        self._missing_bytes -= item.chunk.length * len(item.places)
        self._on_missing(self._missing_bytes)

    async def finish(self) -> None:
        """Make whole what has all its chunks."""
        for sha256, places in self._open_places.items():
            if not places and self._store.asset_path(self._assets[sha256]) is None:
                await in_thread(self._store.finish_asset, self._assets[sha256], self._digests[sha256])


def _take_stock(assets: Mapping[str, PackedAsset], store: BlobStore) -> tuple[dict[str, _Wanted], dict[str, int]]:
    wanted: dict[str, _Wanted] = {}
    open_places: dict[str, int] = {}
    for asset in assets.values():
        if store.asset_path(asset) is not None:
            store.is_sound(asset)  # kept from before: a bad disk may have changed it, and then it is fetched again
        missing = store.missing_chunks(asset)
        open_places[asset.sha256] = len(missing)
        for offset, chunk in missing:
            wanted.setdefault(chunk.sha256, _Wanted(chunk)).places.append((asset, offset))
    return wanted, open_places


async def _put(
    arrived: asyncio.Queue[_Arrival | None],
    one: _Arrival | None,
    keeping: asyncio.Task[EdgeAgentError | None],
) -> None:
    """Put `one` into the queue, unless whoever empties it has failed: then raise what it failed with."""
    if not arrived.full() and not keeping.done():
        arrived.put_nowait(one)
        return
    putting = asyncio.ensure_future(arrived.put(one))
    try:
        await asyncio.wait({putting, keeping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if not putting.done():
            putting.cancel()
    if keeping.done():
        keeping.result()


async def _gather(arrived: asyncio.Queue[_Arrival | None], batch: list[_Arrival | None]) -> None:
    """Add what has arrived to `batch`: at least one, and what follows within a moment, up to half of the queue."""
    batch.append(await arrived.get())
    with suppress(TimeoutError):
        async with asyncio.timeout(_GATHER_S):
            while batch[-1] is not None and len(batch) < max(1, arrived.maxsize // 2):
                batch.append(await arrived.get())


def _check_and_write(
    store: BlobStore, batch: list[_Arrival], digests: Mapping[str, Digest]
) -> tuple[list[_Wanted], list[str]]:
    """Write what matches its hash; return it, and the names of what does not."""
    good: list[tuple[_Wanted, bytes]] = []
    altered: list[str] = []
    for item, content in batch:
        if _matches(item.chunk, content):
            good.append((item, content))
        else:
            altered.append(item.chunk.sha256)
    _write(store, good, digests)
    return [item for item, _ in good], altered


def _matches(chunk: Chunk, content: bytes) -> bool:
    return len(content) == chunk.length and hashlib.sha256(content).hexdigest() == chunk.sha256


def _write(store: BlobStore, verified: Iterable[tuple[_Wanted, bytes]], digests: Mapping[str, Digest]) -> None:
    """Write each chunk at all its places, asset by asset."""
    placed: dict[str, tuple[PackedAsset, list[tuple[int, bytes]]]] = {}
    for item, content in verified:
        for asset, offset in item.places:
            placed.setdefault(asset.sha256, (asset, []))[1].append((offset, content))
    for asset, chunks in placed.values():
        store.keep_chunks(asset, chunks)
        for offset, content in chunks:
            digests[asset.sha256].add(offset, content)
