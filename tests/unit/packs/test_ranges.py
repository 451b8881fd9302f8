"""Parts of assets, and what an answer says of itself."""

import pytest

from edge_agent.packs.fetching.ranges import Part, parts_of
from edge_agent.packs.source import Piece


@pytest.mark.parametrize(
    ("pieces", "most", "parts"),
    [
        pytest.param([("a", 0, 5), ("a", 5, 5), ("a", 10, 1)], 8, ["bytes=0-10"], id="neighbours"),
        pytest.param([("a", 0, 5), ("a", 10, 5)], 8, ["bytes=0-4", "bytes=10-14"], id="a gap"),
        pytest.param([("a", 10, 5), ("a", 0, 10)], 8, ["bytes=0-14"], id="any order"),
        pytest.param([("a", 0, 1), ("a", 1, 1), ("a", 2, 1)], 2, ["bytes=0-1", "bytes=2-2"], id="at most so many"),
        pytest.param([("b", 0, 3), ("a", 3, 3)], 8, ["bytes=0-2", "bytes=3-5"], id="two assets, the first first"),
        pytest.param([("", 0, 3)], 8, [], id="of no asset"),
        pytest.param([], 8, [], id="nothing"),
    ],
)
def test_parts(pieces: list[tuple[str, int, int]], most: int, parts: list[str]) -> None:
    asked = parts_of((Piece("", length, asset, offset) for asset, offset, length in pieces), most)
    assert [part.header for part in asked] == parts


@pytest.mark.parametrize(
    ("told", "is_it"),
    [
        ("bytes 5-9/10", True),
        ("bytes 5-9/*", True),
        ("bytes 5-9/9", False),
        ("bytes 5-8/10", False),
        ("bytes 4-9/10", False),
        ("bytes */10", False),
        ("octets 5-9/10", False),
        ("bytes 5-9/10, 20-30/40", False),
        ("bytes 5-9/" + "1" * 400, False),
        ("bytes \u0665-9/10", False),
        (None, False),
    ],
    ids=str,
)
def test_content_range(told: str | None, is_it: bool) -> None:
    assert Part("a", (Piece("", 5, "a", 5),)).is_told_by(told) is is_it
