"""Shell: brings what is missing of one pack to the disk, verified chunk by chunk."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from edge_agent.model.errors import EdgeAgentError, StorageError
from edge_agent.packs.fetching.holders import Holders, kept_list
from edge_agent.packs.fetching.receiving import Arrival, Outcome, Pace, Receiver
from edge_agent.packs.formats.chunk_lists import read_chunk_list
from edge_agent.packs.formats.manifest import Chunk, ChunkList, PackedAsset, placed
from edge_agent.packs.keeping.digest import Digest
from edge_agent.packs.keeping.store import BlobStore
from edge_agent.packs.source import ChunkSource, Piece
from edge_agent.packs.threads import in_thread


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

    1. The lists of chunks that it names are brought and checked. None of its chunks is asked for before that.
    2. Chunks are brought a section at a time: all that the manifest lists itself, then those of each list, so that
       memory is bounded by the longest list. Chunks that are on this device already are copied.
    3. Each asset that has all its chunks is made whole.

    `on_missing` is told the bytes still missing, at first and after each chunk; a section that was not looked at yet
    counts in full. Every piece is asked for once; one that is absent or altered does not hold up the others, but when
    the broker refuses one, or `pace` says to wait, no more are asked for. Afterwards: raises the first thing that
    went wrong (UntrustedError for an altered chunk, FormatError for a list that breaks the format, LinkError,
    IncompleteError when nothing arrived for `patience` or the rest has to wait), or StorageError at once; what was
    verified is kept.
    """
    receiver = Receiver(parcel.shelf_name, source, store, window=window, patience=patience, pace=pace)
    delivery = _Delivery(parcel, store, holders, receiver, on_missing)
    await delivery.look()
    await delivery.bring_lists()
    failure = await delivery.bring_chunks()
    await delivery.finish()
    if failure is not None:
        raise failure


@dataclass(frozen=True, slots=True)
class _Section:
    """What is brought together: chunks that the manifest lists of `assets`, or those of one list, and from where."""

    assets: Sequence[PackedAsset]
    part: ChunkList | None = None
    offset: int = 0

    @property
    def length(self) -> int:
        return sum(asset.length for asset in self.assets) if self.part is None else self.part.covers


@dataclass(slots=True)
class _Wanted:
    chunk: Chunk
    places: list[tuple[PackedAsset, int]] = field(default_factory=list)

    def piece(self) -> Piece:
        asset, offset = self.places[0]
        return Piece(self.chunk.sha256, self.chunk.length, asset.sha256, offset)


class _Delivery:
    """What of one pack is still to come, and how many places and unseen sections of each asset are still open."""

    def __init__(
        self,
        parcel: Parcel,
        store: BlobStore,
        holders: Holders,
        receiver: Receiver,
        on_missing: Callable[[int], None],
    ) -> None:
        self._name = parcel.shelf_name
        self._assets = {asset.sha256: asset for asset in parcel.assets.values()}
        self._store = store
        self._holders = holders.joined_by(sorted(self._assets.values(), key=_comes_last))
        self._receiver = receiver
        self._on_missing = on_missing
        self._sections: list[_Section] = []
        self._open: dict[str, int] = {}
        self._digests = {sha256: Digest() for sha256 in self._assets}
        self._wanted: dict[str, _Wanted] = {}
        self._missing_bytes = 0

    async def look(self) -> None:
        """See which assets are whole, and what has to be brought of the others."""
        lacking = await in_thread(_lacking, self._assets.values(), self._store)
        self._sections = list(_sections(lacking))
        for section in self._sections:
            for asset in section.assets:
                self._open[asset.sha256] = self._open.get(asset.sha256, 0) + 1
        self._miss(sum(section.length for section in self._sections))

    def _miss(self, more_bytes: int) -> None:
        self._missing_bytes += more_bytes
        self._on_missing(self._missing_bytes)

    async def bring_lists(self) -> None:
        """Bring the lists of chunks that are not here. Raises what is wrong with any."""
        parts = {section.part.sha256: section.part for section in self._sections if section.part is not None}
        missing = await in_thread(_unread, parts.values(), self._store, self._name)
        pieces = [Piece(part.sha256, part.length) for part in missing]

        def keep(batch: Sequence[Arrival]) -> None:
            for piece, content in batch:
                read_chunk_list(content, parts[piece.sha256], self._name)
                self._store.keep_document(piece.sha256, content)

        outcome = await self._receiver.receive(pieces, keep, lambda _piece: None, more_follows=True)
        if outcome.failure is not None:
            raise outcome.failure

    async def bring_chunks(self) -> EdgeAgentError | None:
        """Bring a section at a time; return the first failure, after the last or once no more may be asked for."""
        failure: EdgeAgentError | None = None
        for at, section in enumerate(self._sections, 1):
            outcome = await self._bring(section, more_follows=at < len(self._sections))
            failure = failure or outcome.failure
            if outcome.is_over:
                break
        return failure

    async def _bring(self, section: _Section, *, more_follows: bool) -> Outcome:
        self._wanted = await in_thread(_missing_in, section, self._store, self._name)
        for asset in section.assets:
            self._open[asset.sha256] -= 1
        for item in self._wanted.values():
            for asset, _ in item.places:
                self._open[asset.sha256] += 1
        lacking = sum(item.chunk.length * len(item.places) for item in self._wanted.values())
        self._miss(lacking - section.length)
        await self._copy()
        pieces = [item.piece() for item in self._wanted.values()]
        return await self._receiver.receive(pieces, self._keep, self._note_kept, more_follows=more_follows)

    async def _copy(self) -> None:
        """Take what is on the device already: of other packs, and of sections before this one."""
        if not self._wanted:
            return
        for sha256, (holder, offset) in (await in_thread(self._holders.among, self._wanted.keys())).items():
            item = self._wanted[sha256]
            if (holder, offset) not in item.places:
                content = await in_thread(self._store.copy_chunk, item.chunk, holder, offset)
                if content is not None:
                    await in_thread(self._keep, [(item.piece(), content)])
                    self._note_kept(item.piece())
                    del self._wanted[sha256]

    def _keep(self, batch: Sequence[Arrival]) -> None:
        """Write chunks at all their places, asset by asset, neighbours together; in a worker thread."""
        placed_in: dict[str, tuple[PackedAsset, list[tuple[int, bytes]]]] = {}
        for piece, content in batch:
            for asset, offset in self._wanted[piece.sha256].places:
                placed_in.setdefault(asset.sha256, (asset, []))[1].append((offset, content))
        for asset, pieces in placed_in.values():
            joined = list(_joined(pieces))
            self._store.keep_chunks(asset, joined)
            for offset, content in joined:
                self._digests[asset.sha256].add(offset, content)

    def _note_kept(self, piece: Piece) -> None:
        item = self._wanted[piece.sha256]
        for asset, _ in item.places:
            self._open[asset.sha256] -= 1
        self._miss(-piece.length * len(item.places))

    async def finish(self) -> None:
        """Make whole what has all its chunks."""
        for sha256, places in self._open.items():
            if not places:
                await in_thread(self._store.finish_asset, self._assets[sha256], self._digests[sha256])


def _lacking(assets: Iterable[PackedAsset], store: BlobStore) -> list[PackedAsset]:
    """Return what is not whole. What is kept from before may have been changed by a bad disk: then it is, too."""
    return [asset for asset in assets if store.asset_path(asset) is None or not store.is_sound(asset)]


def _sections(assets: Sequence[PackedAsset]) -> Iterator[_Section]:
    short = [asset for asset in assets if not asset.chunk_lists]
    if short:
        yield _Section(short)
    for asset in assets:
        for offset, part in asset.placed_lists():
            yield _Section((asset,), part, offset)


def _comes_last(asset: PackedAsset) -> bool:
    return bool(asset.chunk_lists)


def _unread(parts: Iterable[ChunkList], store: BlobStore, name: str) -> list[ChunkList]:
    """Return the lists that are not on the disk. Raises FormatError for one that is, and breaks the format."""
    return [part for part in parts if kept_list(store, part, name) is None]


def _missing_in(section: _Section, store: BlobStore, name: str) -> dict[str, _Wanted]:
    """Return the chunks of a section that the disk lacks, by hash."""
    wanted: dict[str, _Wanted] = {}
    for asset in section.assets:
        places = None
        if section.part is not None:
            chunks = kept_list(store, section.part, name)
            if chunks is None:
                raise StorageError(
                    f"A list of chunks of the pack {name} was damaged on disk.", "It is fetched again by itself."
                )
            places = placed(chunks, section.offset)
        for offset, chunk in store.missing_chunks(asset, places):
            wanted.setdefault(chunk.sha256, _Wanted(chunk)).places.append((asset, offset))
    return wanted


def _joined(pieces: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """Put those together that follow one another in the asset, as nearly all do.

    Each step of writing and hashing waits for Python's lock once: with steps of 64 KiB that took most of the time.
    """
    begin, end, contents = 0, 0, list[bytes]()
    for offset, content in pieces:
        if contents and offset != end:
            yield begin, b"".join(contents)
            contents.clear()
        if not contents:
            begin = offset
        contents.append(content)
        end = offset + len(content)
    if contents:
        yield begin, b"".join(contents)
