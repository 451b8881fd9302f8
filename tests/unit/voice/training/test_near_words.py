"""How far two words are apart, in sounds."""

import pytest

pytest.importorskip("numpy")

from edge_agent.voice.training.negatives import phone_distance


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ("k ae t", "k ae t", 0),
        ("k ae t", "b ae t", 1),
        ("k ae t", "ae t", 1),
        ("k ae t", "s k ae t s", 2),
        ("", "k", 1),
    ],
    ids=["same", "changed", "left out", "two put in", "nothing"],
)
def test_the_distance_counts_phones(one: str, other: str, apart: int) -> None:
    assert phone_distance(one.split(), other.split()) == apart
    assert phone_distance(other.split(), one.split()) == apart
