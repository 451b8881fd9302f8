"""How often a phrase that seems to be said is put to the test."""

import pytest

from edge_agent.voice.patience import (
    HOPELESS_SCORE,
    MOST_TESTS,
    RETEST_S,
    SETTLE_PREFIX_S,
    SETTLE_S,
    TESTS_A_SECOND,
    TESTS_AT_ONCE,
    Patience,
)

STOP, WHY = ("stop",), ("why", "this")
BLOCK_S = 0.05


def settled(patience: Patience, at_s: float) -> None:
    """Let `stop` stand from then on."""
    assert not patience.is_due(None, at_s)
    assert not patience.is_due(STOP, at_s)


def test_nothing_is_never_tested() -> None:
    patience = Patience()
    assert not any(patience.is_due(None, block * BLOCK_S) for block in range(100))


def test_a_phrase_is_tested_when_it_has_stood() -> None:
    patience = Patience()
    settled(patience, 1.0)
    assert not patience.is_due(STOP, 1.0 + SETTLE_S - 0.01)
    assert patience.is_due(STOP, 1.0 + SETTLE_S)


def test_another_phrase_in_its_place_stands_anew_and_may_take_longer() -> None:
    patience = Patience()
    settled(patience, 1.0)
    assert not patience.is_due(WHY, 1.1, SETTLE_PREFIX_S)
    assert not patience.is_due(WHY, 1.1 + SETTLE_PREFIX_S - 0.01, SETTLE_PREFIX_S)
    assert patience.is_due(WHY, 1.1 + SETTLE_PREFIX_S, SETTLE_PREFIX_S)


def test_a_phrase_that_came_and_went_begins_again() -> None:
    patience = Patience()
    settled(patience, 1.0)
    settled(patience, 1.1)
    assert not patience.is_due(STOP, 1.1 + SETTLE_S - 0.01)
    assert patience.is_due(STOP, 1.1 + SETTLE_S)


def test_what_fails_is_tested_again_a_few_times() -> None:
    patience = Patience()
    steps = [1 + block * BLOCK_S for block in range(200)]
    tested = [now_s for now_s in steps if patience.is_due(STOP, now_s)]
    assert tested == pytest.approx([1 + SETTLE_S + again * RETEST_S for again in range(MOST_TESTS)])


@pytest.mark.parametrize(
    ("phrase", "score", "again"),
    [(STOP, HOPELESS_SCORE, True), (STOP, HOPELESS_SCORE - 0.01, False), (WHY, HOPELESS_SCORE - 0.01, True)],
    ids=["nearly good enough", "hopeless", "another phrase is hopeless"],
)
def test_what_is_hopeless_is_not_tested_again(phrase: tuple[str, ...], score: float, again: bool) -> None:
    patience = Patience()
    settled(patience, 1.0)
    assert patience.is_due(STOP, 1.0 + SETTLE_S)
    patience.failed(phrase, score)
    assert patience.is_due(STOP, 2.0) is again


def test_what_was_hopeless_is_tested_when_it_stands_again() -> None:
    patience = Patience()
    settled(patience, 1.0)
    assert patience.is_due(STOP, 2.0)
    patience.failed(STOP, HOPELESS_SCORE - 1)
    settled(patience, 3.0)
    assert patience.is_due(STOP, 4.0)


def test_what_stood_in_another_utterance_does_not_stand_in_this_one() -> None:
    patience = Patience()
    settled(patience, 1.0)
    patience.forget()
    assert not patience.is_due(STOP, 2.0)
    assert patience.is_due(STOP, 2.0 + SETTLE_S)


def test_in_babble_tests_are_bounded() -> None:
    """A phrase that comes for a third of a second and goes, for a minute."""
    patience = Patience()
    tested = 0
    for block in range(round(60 / BLOCK_S)):
        now_s = block * BLOCK_S
        tested += patience.is_due(STOP if block % 8 else None, now_s)
    assert tested <= TESTS_AT_ONCE + 60 * TESTS_A_SECOND
    assert tested > 55


def test_after_a_while_of_quiet_there_are_as_many_tests_as_at_first() -> None:
    patience = Patience()
    for block in range(round(30 / BLOCK_S)):
        patience.is_due(STOP if block % 8 else None, block * BLOCK_S)
    assert not patience.is_due(None, 30 + TESTS_AT_ONCE / TESTS_A_SECOND)
    steps = [37 + block * BLOCK_S for block in range(20)]
    assert sum(patience.is_due(STOP, now_s) for now_s in steps) == MOST_TESTS


def test_a_stream_that_goes_back_to_the_end_of_a_phrase_is_followed() -> None:
    patience = Patience()
    settled(patience, 10.0)
    assert patience.is_due(STOP, 10.0 + SETTLE_S)
    patience.forget()
    settled(patience, 9.5)
    assert patience.is_due(STOP, 9.5 + SETTLE_S)
