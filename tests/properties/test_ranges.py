"""Whatever is missing of whatever assets: exactly that is asked for, once, and never more than so many at a time."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.packs.fetching.ranges import parts_of
from edge_agent.packs.source import Piece


@st.composite
def missing_pieces(draw: st.DrawFn) -> list[Piece]:
    """Some of the chunks of some assets, in any order."""
    found = []
    for asset in draw(st.lists(st.sampled_from(["a", "b", "c"]), unique=True)):
        offset = 0
        for length in draw(st.lists(st.integers(1, 131072), max_size=30)):
            if draw(st.booleans()):
                found.append(Piece(f"{asset}{offset}", length, asset, offset))
            offset += length
    return draw(st.permutations(found))


@given(missing_pieces(), st.integers(1, 16))
def test_exactly_what_is_missing_is_asked_for(pieces: list[Piece], most: int) -> None:
    parts = parts_of(pieces, most)
    asked = [piece for part in parts for piece in part.pieces]
    assert sorted(asked, key=str) == sorted(pieces, key=str)
    for part in parts:
        assert 1 <= len(part.pieces) <= most
        first, last = (int(edge) for edge in part.header.removeprefix("bytes=").split("-"))
        assert (first, last - first + 1) == (part.start, part.length)
        assert {piece.asset for piece in part.pieces} == {part.asset}
        assert part.is_told_by(f"bytes {first}-{last}/{last + 1}")
        assert not part.is_told_by(f"bytes {first}-{last}/{last}")
    spans = sorted((part.asset, part.start, part.start + part.length) for part in parts)
    for (asset, _, end), (other, start, _) in itertools.pairwise(spans):
        assert asset != other or end <= start, "no byte twice"
