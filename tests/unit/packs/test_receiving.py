"""Taking pieces in while others are written: nothing is waited for that has happened already."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta

from edge_agent.model.errors import LinkError
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


async def test_more_than_may_wait_at_once_is_written_and_goes_on() -> None:
    pieces = [Piece(str(number), 65536) for number in range(100)]
    kept: list[Piece] = []

    def keep(batch: Sequence[Arrival]) -> list[Piece]:
        return [piece for piece, _ in batch]

    receiver = Receiver("acme/spring", Burst(), window=16, patience=timedelta(seconds=20), pace=None)
    async with asyncio.timeout(30):
        outcome = await receiver.receive(pieces, keep, kept.append, more_follows=False)
    assert outcome.failure is None
    assert kept == pieces
