"""From what was heard wrongly to thresholds, and what is listened to for it."""

import math
from random import Random

import pytest

pytest.importorskip("numpy")

from edge_agent.voice.thresholds import UNCALIBRATED
from edge_agent.voice.training.calibration import fit
from edge_agent.voice.training.negatives import phone_distance

DECAY = 1.5
HOURS = 200.0


def drawn(phrase: str, per_hour: float, draw: Random) -> list[tuple[str, float]]:
    return [(phrase, draw.expovariate(DECAY)) for _ in range(round(per_hour * HOURS))]


def test_what_the_scores_were_drawn_from_is_found_again() -> None:
    draw = Random(4)
    events = drawn("stop", 4.0, draw) + drawn("tell me more", 0.5, draw)
    made = fit(events, ["stop", "tell me more"], HOURS, made="here")
    assert made.decay == pytest.approx(DECAY, rel=0.1)
    assert made.rates["stop"] == pytest.approx(math.log(4.0), abs=0.1)
    assert made.rates["tell me more"] == pytest.approx(math.log(0.5), abs=0.2)


def test_the_thresholds_keep_to_what_was_aimed_at() -> None:
    events = drawn("stop", 4.0, Random(5))
    least = fit(events, ["stop"], HOURS, made="here").least_score("stop", 0.5)
    assert sum(score >= least for _, score in events) / HOURS == pytest.approx(0.5, rel=0.3)


def test_scores_below_the_tail_do_not_count() -> None:
    events = drawn("stop", 4.0, Random(6))
    noise = [("stop", -0.1 * number) for number in range(1, 500)]
    assert fit(events, ["stop"], HOURS, made="here") == fit([*events, *noise], ["stop"], HOURS, made="here")


def test_what_was_never_heard_wrongly_is_trusted_slowly() -> None:
    asked = [fit([], ["hey kitchen"], hours, made="here").least_score("hey kitchen", 0.5) for hours in (0.1, 1, 10)]
    assert asked == sorted(asked, reverse=True)
    assert asked[0] == pytest.approx(UNCALIBRATED.least_score("hey kitchen", 0.5), abs=0.15)
    assert asked[2] > -2.5


def test_a_phrase_that_was_not_listened_for_is_expected_to_be_like_the_others() -> None:
    made = fit([], ["hey kitchen", "stop"], 1.0, made="here")
    assert made.least_score("something else", 0.5) == pytest.approx(made.least_score("stop", 0.5), abs=0.05)


def test_longer_phrases_are_expected_to_be_rarer_and_never_more_frequent() -> None:
    draw = Random(7)
    short_ones = drawn("stop", 8.0, draw) + drawn("yes", 8.0, draw) + drawn("tell me more", 0.5, draw)
    made = fit(short_ones, ["stop", "yes", "tell me more"], HOURS, made="here")
    assert made.by_letters.rate_of_each < 0
    backwards = fit(drawn("tell me more", 8.0, draw), ["stop", "tell me more"], HOURS, made="here")
    assert backwards.by_letters.rate_of_each == 0


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
