"""From what was heard wrongly to thresholds: what is promised must be kept on talk that was not listened to."""

import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numpy")

from edge_agent.voice.patience import HOPELESS_SCORE
from edge_agent.voice.thresholds import UNCALIBRATED, Thresholds, most_per_hour
from edge_agent.voice.training.tail import FROM, fit

DECAY = 0.75
HOURS = 100.0
Events = list[tuple[str, float]]


def poisson(mean: float, draw: Random) -> int:
    """Count how many events of a rate of one fall into a time of `mean`."""
    count, at = 0, draw.expovariate(1)
    while at < mean:
        count, at = count + 1, at + draw.expovariate(1)
    return count


def drawn(phrase: str, per_hour: float, draw: Random, hours: float = HOURS) -> Events:
    """What is heard wrongly in so many hours, `per_hour` of it above 0."""
    count = poisson(per_hour * math.exp(-DECAY * FROM) * hours, draw)
    return [(phrase, FROM + draw.expovariate(DECAY)) for _ in range(count)]


def test_what_the_scores_were_drawn_from_is_found_again() -> None:
    draw = Random(4)
    events = drawn("stop", 4.0, draw) + drawn("tell me more", 0.5, draw)
    made = fit(events, ["stop", "tell me more"], HOURS, made="here")
    assert made.decay == pytest.approx(DECAY, rel=0.05)
    assert made.rates["stop"] == pytest.approx(math.log(4.0), abs=0.15)
    assert made.rates["tell me more"] == pytest.approx(math.log(0.5), abs=0.3)


@pytest.mark.parametrize("hours", [0.5, 2.0, 8.0])
@pytest.mark.parametrize("sensitivity", [0.25, 0.5, 0.75])
def test_the_promise_is_kept_on_average_however_little_was_heard(hours: float, sensitivity: float) -> None:
    """Ten phrases that differ as phrases do, forty calibrations, each judged by what is really to be expected."""
    draw, expected = Random(7), []
    for _ in range(40):
        rates = {f"phrase {number}": draw.gammavariate(1.0, 1.0) for number in "abcdefghij"}
        events = [event for phrase, rate in rates.items() for event in drawn(phrase, rate, draw, hours)]
        made = fit(events, list(rates), hours, made="here")
        expected += [
            rate * math.exp(-DECAY * made.least_score(phrase, sensitivity)) for phrase, rate in rates.items()
        ]
    assert sum(expected) / len(expected) == pytest.approx(most_per_hour(sensitivity), rel=0.35)


def test_scores_below_the_tail_do_not_count() -> None:
    events = drawn("stop", 4.0, Random(6))
    noise = [("stop", FROM - 0.1 * number) for number in range(1, 500)]
    assert fit(events, ["stop"], HOURS, made="here") == fit([*events, *noise], ["stop"], HOURS, made="here")


def test_what_was_never_heard_wrongly_is_trusted_slowly() -> None:
    asked = [fit([], ["hey kitchen"], hours, made="here").least_score("hey kitchen", 0.5) for hours in (0.1, 1, 10)]
    assert asked == sorted(asked, reverse=True)
    assert asked[0] == pytest.approx(UNCALIBRATED.least_score("hey kitchen", 0.5), abs=0.4)
    assert asked[2] > HOPELESS_SCORE


def test_one_event_more_hardly_moves_a_threshold() -> None:
    draw, phrases = Random(8), ["hey kitchen", "hey fridge", "stop", "not interested"]
    events = [event for phrase in phrases for event in drawn(phrase, 0.5, draw, 2.0)]
    before = fit(events, phrases, 2.0, made="here").least_score("stop", 0.5)
    after = fit([*events, ("stop", 2.0)], phrases, 2.0, made="here").least_score("stop", 0.5)
    assert 0 < after - before < 0.5


def test_a_phrase_that_was_heard_seldom_is_drawn_towards_those_like_it() -> None:
    draw, others = Random(9), ["hey kitchen", "hey parlour", "hey bedroom"]
    busy = [event for phrase in others for event in drawn(phrase, 3.0, draw)]
    made = fit(busy, [*others, "hey hallway"], HOURS, made="here")
    assert fit([], ["hey hallway"], HOURS, made="here").rates["hey hallway"] < made.rates["hey hallway"]
    assert made.rates["hey hallway"] < made.rates["hey kitchen"] - 1


def test_a_phrase_that_was_not_listened_for_is_trusted_a_little_less_than_the_others() -> None:
    made = fit([], ["hey kitchen", "stop"], 1.0, made="here")
    less = made.least_score("something else", 0.5) - made.least_score("stop", 0.5)
    assert 0 < less < 0.5


def test_longer_phrases_are_expected_to_be_rarer_and_never_more_frequent() -> None:
    draw = Random(7)
    short_ones = drawn("stop", 8.0, draw) + drawn("yes", 8.0, draw) + drawn("tell me more", 0.5, draw)
    made = fit(short_ones, ["stop", "yes", "tell me more"], HOURS, made="here")
    assert made.by_letters.rate_of_each < 0
    backwards = fit(drawn("tell me more", 8.0, draw), ["stop", "tell me more"], HOURS, made="here")
    assert backwards.by_letters.rate_of_each == 0


@settings(deadline=None, max_examples=60)
@given(
    heard=st.lists(st.tuples(st.sampled_from(["stop", "tell me more"]), st.floats(-6, 12)), max_size=40),
    hours=st.floats(0.01, 1000),
)
def test_whatever_is_heard_there_are_thresholds_that_can_be_written_down(heard: Events, hours: float) -> None:
    made = fit(heard, ["stop", "tell me more", "hey kitchen"], hours, made="here")
    assert Thresholds.from_json(made.to_json().encode()) == made
    for phrase in ("stop", "tell me more", "hey kitchen", "something else"):
        asked = [made.least_score(phrase, sensitivity) for sensitivity in (0.0, 0.5, 1.0)]
        assert asked == sorted(asked, reverse=True)
        assert HOPELESS_SCORE <= asked[1] < 20
