from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.fleet.signing.chunker import MAX_BYTES, MIN_BYTES, chunks, find_plainly, find_quickly
from tests.fleets import random_bytes

CONTENT = random_bytes(1_500_000)


@settings(max_examples=25, deadline=None)
@given(start=st.integers(0, 1_000_000), length=st.integers(0, 400_000))
def test_the_pieces_are_the_whole_and_none_is_too_large(start: int, length: int) -> None:
    content = CONTENT[start : start + length]
    pieces = list(chunks(content))
    assert b"".join(pieces) == content
    assert all(MIN_BYTES <= len(piece) <= MAX_BYTES for piece in pieces[:-1])
    assert all(0 < len(piece) <= MAX_BYTES for piece in pieces[-1:])


@settings(max_examples=10, deadline=None)
@given(place=st.integers(0, 1_000_000), insertion=st.binary(min_size=1, max_size=200))
def test_an_insertion_changes_a_few_chunks_only(place: int, insertion: bytes) -> None:
    before = set(chunks(CONTENT))
    after = set(chunks(CONTENT[:place] + insertion + CONTENT[place:]))
    assert len(after - before) <= 4


def test_chunks_have_64_kib_on_average() -> None:
    pieces = list(chunks(random_bytes(8_000_000, "average")))
    assert 56 * 1024 < 8_000_000 / len(pieces) < 72 * 1024


def test_silence_is_cut_at_the_maximum_and_shares_one_chunk() -> None:
    assert set(map(len, chunks(bytes(10 * MAX_BYTES)))) == {MAX_BYTES}


@settings(max_examples=15, deadline=None)
@given(start=st.integers(0, 1_000_000), length=st.integers(0, 400_000), silence=st.integers(0, 200_000))
def test_numpy_finds_the_places_that_are_found_without_it(start: int, length: int, silence: int) -> None:
    content = CONTENT[start : start + length] + bytes(silence) + CONTENT[:100_000]
    assert list(chunks(content, find_quickly)) == list(chunks(content, find_plainly))
