"""The store on a real disk, including one that is full and one that lost power half way."""

import errno
import hashlib
from pathlib import Path

import pytest

from edge_agent.model.errors import IncompleteError, StorageError
from edge_agent.packs.formats.manifest import Chunk, PackedAsset
from edge_agent.packs.keeping.store import BlobStore, _as_storage_error
from tests.disks import full_disk
from tests.fleets import random_bytes

PIECES = (random_bytes(40_000, "a"), random_bytes(50_000, "b"), random_bytes(40_000, "a"))
WHOLE = b"".join(PIECES)


def chunk(content: bytes) -> Chunk:
    return Chunk(sha256=hashlib.sha256(content).hexdigest(), length=len(content))


ASSET = PackedAsset(
    sha256=hashlib.sha256(WHOLE).hexdigest(),
    length=len(WHOLE),
    mime="image/png",
    chunks=tuple(chunk(piece) for piece in PIECES),
)
PLACES = [0, 40_000, 90_000]


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    store = BlobStore(tmp_path / "packs")
    store.open()
    return store


def test_an_asset_grows_chunk_by_chunk_in_any_order_and_becomes_whole(store: BlobStore) -> None:
    for number in (2, 0, 1):
        assert store.asset_path(ASSET) is None
        store.keep_chunks(ASSET, [(PLACES[number], PIECES[number])])
    assert store.missing_chunks(ASSET) == []
    path = store.finish_asset(ASSET)
    assert path == store.asset_path(ASSET)
    assert path.read_bytes() == WHOLE
    assert store.missing_chunks(ASSET) == []


def test_a_timestamp_that_cannot_be_read_is_a_trouble_of_the_disk(store: BlobStore) -> None:
    with pytest.raises(StorageError, match="metadata"):
        store.timestamp()
    (store.metadata / "timestamp.json").write_bytes(b"{}")
    assert store.timestamp() == b"{}"


def test_what_is_missing_is_told_from_the_bytes_alone(store: BlobStore) -> None:
    assert [offset for offset, _ in store.missing_chunks(ASSET)] == PLACES
    store.keep_chunks(ASSET, [(PLACES[1], PIECES[1])])
    again = BlobStore(store.directory)
    again.open()
    assert [offset for offset, _ in again.missing_chunks(ASSET)] == [PLACES[0], PLACES[2]]


def test_half_a_chunk_after_a_power_cut_is_a_missing_chunk(store: BlobStore) -> None:
    store.keep_chunks(ASSET, [(PLACES[0], PIECES[0])])
    store.keep_chunks(ASSET, [(PLACES[1], PIECES[1][:1000])])
    assert [offset for offset, _ in store.missing_chunks(ASSET)] == [PLACES[1], PLACES[2]]


def test_an_asset_whose_chunks_do_not_make_it_is_refused_and_begun_again(store: BlobStore) -> None:
    lying = ASSET.model_copy(update={"sha256": "0" * 64})
    for offset, piece in zip(PLACES, PIECES, strict=True):
        store.keep_chunks(lying, [(offset, piece)])
    with pytest.raises(IncompleteError, match="do not add up"):
        store.finish_asset(lying)
    assert len(store.missing_chunks(lying)) == 3


def test_chunks_are_copied_out_of_assets_whole_or_not_and_checked(store: BlobStore) -> None:
    assert store.copy_chunk(ASSET.chunks[1], ASSET, PLACES[1]) is None, "nothing is there"
    store.keep_chunks(ASSET, [(PLACES[1], PIECES[1])])
    assert store.copy_chunk(ASSET.chunks[1], ASSET, PLACES[1]) == PIECES[1]
    assert store.copy_chunk(ASSET.chunks[0], ASSET, PLACES[0]) is None, "a hole"
    store.keep_chunks(ASSET, [(PLACES[0], PIECES[0])])
    store.keep_chunks(ASSET, [(PLACES[2], PIECES[2])])
    store.finish_asset(ASSET)
    assert store.copy_chunk(ASSET.chunks[1], ASSET, PLACES[1]) == PIECES[1]
    assert store.copy_chunk(ASSET.chunks[1], ASSET, PLACES[0]) is None


def test_a_full_disk_loses_nothing_that_was_verified(store: BlobStore) -> None:
    store.keep_chunks(ASSET, [(PLACES[0], PIECES[0])])
    store.keep_document("d" * 64, b"kept")
    store.write_record(b"old")
    with full_disk(45_000):
        with pytest.raises(StorageError, match="The disk is full"):
            store.keep_chunks(ASSET, [(PLACES[1], PIECES[1])])
        with pytest.raises(StorageError, match="The disk is full"):
            store.write_record(b"x" * 60_000)
    assert [offset for offset, _ in store.missing_chunks(ASSET)] == PLACES[1:]
    assert store.read_record() == b"old"
    assert not list(store.directory.glob("tmp*"))
    store.keep_chunks(ASSET, [(PLACES[1], PIECES[1])])
    assert [offset for offset, _ in store.missing_chunks(ASSET)] == [PLACES[2]]


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.ENOSPC, "The disk is full"), (errno.EDQUOT, "The disk is full"), (errno.EIO, "cannot be")],
)
def test_the_disks_errors_become_ours(number: int, said: str) -> None:
    with pytest.raises(StorageError, match=said), _as_storage_error("a chunk"):
        raise OSError(number, "from the kernel")


def test_a_damaged_document_is_as_good_as_none(store: BlobStore) -> None:
    sha256 = hashlib.sha256(b"content").hexdigest()
    store.keep_document(sha256, b"content")
    assert store.document(sha256) == b"content"
    (store.directory / "documents" / sha256).write_bytes(b"Content")
    assert store.document(sha256) is None
    assert not (store.directory / "documents" / sha256).exists()


def test_a_document_on_a_bad_sector_is_as_good_as_none(store: BlobStore) -> None:
    path = store.directory / "documents" / ("d" * 64)
    path.symlink_to("/proc/self/mem")  # where reading is EIO, from the kernel
    with pytest.raises(OSError, match="Input/output error"):
        path.read_bytes()
    assert store.document("d" * 64) is None
    assert not path.is_symlink(), "it hinders the one that is fetched instead"


def test_a_link_that_appears_while_it_runs_leads_nowhere(store: BlobStore, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(WHOLE)
    for part in ("partial", "assets"):
        (store.directory / part / ASSET.sha256).symlink_to(outside)
    (store.directory / "reserve").unlink()
    (store.directory / "reserve").symlink_to(outside)
    assert store.asset_path(ASSET) is None
    with pytest.raises(StorageError):
        store.missing_chunks(ASSET)
    with pytest.raises(StorageError):
        store.keep_chunks(ASSET, [(0, PIECES[1])])
    assert store.copy_chunk(ASSET.chunks[0], ASSET, 0) is None
    store.reserve.fill()
    assert outside.read_bytes() == WHOLE


def test_eviction_takes_everything_that_is_not_named(store: BlobStore) -> None:
    other = ASSET.model_copy(update={"sha256": "1" * 64})
    for asset in (ASSET, other):
        store.keep_chunks(asset, [(0, PIECES[0])])
    store.keep_document("2" * 64, b"a")
    store.keep_document("3" * 64, b"b")
    assert set(store.used_bytes()) == {ASSET.sha256, other.sha256}
    assert store.evict({ASSET.sha256}, {"3" * 64}) == 2
    assert set(store.used_bytes()) == {ASSET.sha256}


def test_strays_of_a_power_cut_are_swept_at_start(store: BlobStore) -> None:
    stray = store.directory / "assets" / "tmpabc"
    stray.write_bytes(b"half")
    store.open()
    assert not stray.exists()
