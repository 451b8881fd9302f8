"""Taking pieces in while others are written: nothing is waited for that has happened already."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import timedelta

import pytest

from edge_agent.model.errors import LinkError, StorageError
from edge_agent.packs.receiving import Arrival, Receiver
from edge_agent.packs.source import Piece


class Burst:
    """A source that has everything at once, and so never lets anybody else go first."""

    async def fetch_chunks(
        self, pieces: Sequence[Piece], window: int
    ) -> AsyncGenerator[tuple[Piece, bytes | LinkError], None]:
        """As in ChunkSource."""
        assert window >= 1
        for piece in pieces:
            yield piece, bytes(piece.length)


class Disk:
    """A disk whose every flush fails, after `good` of them."""

    def __init__(self, good: int = 1000) -> None:
        self.begun = 0
        self._good = good

    def begin_flush(self) -> Callable[[], None]:
        """As in receiving.Disk."""
        self.begun += 1
        return self._fail if self.begun > self._good else lambda: None

    def _fail(self) -> None:
        raise StorageError("A partial asset cannot be written.")


async def test_a_flush_that_fails_ends_it_though_more_was_written_meanwhile() -> None:
    pieces, disk = [Piece(str(number), 65536) for number in range(100)], Disk(good=1)
    receiver = Receiver("acme/spring", Burst(), disk, window=16, patience=timedelta(seconds=20), pace=None)
    with pytest.raises(StorageError):
        await receiver.receive(
            pieces, lambda batch: [piece for piece, _ in batch], lambda _piece: None, more_follows=False
        )
    assert disk.begun <= 4, "what waited then is written still, and no more"


async def test_more_than_may_wait_at_once_is_written_and_goes_on() -> None:
    pieces = [Piece(str(number), 65536) for number in range(100)]
    kept: list[Piece] = []

    def keep(batch: Sequence[Arrival]) -> list[Piece]:
        return [piece for piece, _ in batch]

    receiver = Receiver("acme/spring", Burst(), Disk(), window=16, patience=timedelta(seconds=20), pace=None)
    async with asyncio.timeout(30):
        outcome = await receiver.receive(pieces, keep, kept.append, more_follows=False)
    assert outcome.failure is None
    assert kept == pieces
