"""Taking pieces in while others are written: nothing is waited for that has happened already."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import timedelta

import pytest

from edge_agent.model.errors import IncompleteError, LinkError, StorageError, UntrustedError
from edge_agent.packs.fetching.receiving import Arrival, Receiver
from edge_agent.packs.source import Piece

PATIENCE = timedelta(seconds=20)


def content(number: int) -> bytes:
    """The bytes of a piece."""
    return number.to_bytes(4, "big") * 16384


PIECES = [Piece(hashlib.sha256(content(number)).hexdigest(), 65536, offset=number) for number in range(100)]


class Burst:
    """A source that has everything at once, and so never lets anybody else go first."""

    def __init__(self, altered: int | None = None) -> None:
        self._altered = altered

    async def fetch_chunks(
        self, pieces: Sequence[Piece], window: int
    ) -> AsyncGenerator[tuple[Piece, bytes | LinkError], None]:
        """As in ChunkSource."""
        assert window >= 1
        for piece in pieces:
            yield piece, content(piece.offset if piece.offset != self._altered else 999)


class Silent:
    """A source that has one piece, and never says anything about the others."""

    async def fetch_chunks(
        self, pieces: Sequence[Piece], window: int
    ) -> AsyncGenerator[tuple[Piece, bytes | LinkError], None]:
        """As in ChunkSource."""
        assert window >= 1
        yield pieces[0], content(pieces[0].offset)
        await asyncio.Event().wait()


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


def written(_batch: Sequence[Arrival]) -> None:
    """Write it, on a disk that nobody looks at."""


async def test_a_flush_that_fails_ends_it_though_more_was_written_meanwhile() -> None:
    disk = Disk(good=1)
    receiver = Receiver("acme/spring", Burst(), disk, window=16, patience=PATIENCE, pace=None)
    with pytest.raises(StorageError):
        await receiver.receive(PIECES, written, lambda _piece: None, more_follows=False)
    assert disk.begun <= 4, "what waited then is written still, and no more"


async def test_more_than_may_wait_at_once_is_written_and_goes_on() -> None:
    kept: list[Piece] = []
    receiver = Receiver("acme/spring", Burst(), Disk(), window=16, patience=PATIENCE, pace=None)
    async with asyncio.timeout(30):
        outcome = await receiver.receive(PIECES, written, kept.append, more_follows=False)
    assert outcome.failure is None
    assert kept == PIECES


async def test_an_altered_piece_is_never_written_and_holds_up_none() -> None:
    seen: list[Piece] = []

    def write(batch: Sequence[Arrival]) -> None:
        seen.extend(piece for piece, _ in batch)

    kept: list[Piece] = []
    receiver = Receiver("acme/spring", Burst(altered=7), Disk(), window=16, patience=PATIENCE, pace=None)
    outcome = await receiver.receive(PIECES, write, kept.append, more_follows=False)
    assert isinstance(outcome.failure, UntrustedError)
    assert not outcome.is_over
    assert seen == kept == [piece for piece in PIECES if piece.offset != 7]


async def test_silence_ends_it_and_what_came_before_is_kept() -> None:
    kept: list[Piece] = []
    receiver = Receiver("acme/spring", Silent(), Disk(), window=2, patience=timedelta(milliseconds=50), pace=None)
    outcome = await receiver.receive(PIECES[:2], written, kept.append, more_follows=False)
    assert outcome.is_over
    assert isinstance(outcome.failure, IncompleteError)
    assert kept == PIECES[:1]


async def test_waiting_for_the_budget_is_no_silence() -> None:
    patience = timedelta(milliseconds=50)

    async def slowly(_length: int, _more: bool) -> str | None:
        await asyncio.sleep(3 * patience.total_seconds())
        return None

    kept: list[Piece] = []
    receiver = Receiver("acme/spring", Burst(), Disk(), window=2, patience=patience, pace=slowly)
    outcome = await receiver.receive(PIECES[:3], written, kept.append, more_follows=False)
    assert outcome.failure is None
    assert kept == PIECES[:3]
