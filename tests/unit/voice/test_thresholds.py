"""Thresholds: what a sensitivity means, and where the score of a phrase must lie for it."""

import logging
import math
from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.voice.patience import HOPELESS_SCORE
from edge_agent.voice.spotter import Detection
from edge_agent.voice.thresholds import (
    FILE,
    UNCALIBRATED,
    ByLetters,
    Thresholds,
    most_per_hour,
    thresholds_of,
    verdict_of,
)

MADE = Thresholds(
    made="by hand",
    decay=2.0,
    by_letters=ByLetters(rate_of_none=1.0, rate_of_each=-0.1),
    rates={"hey kitchen": 3.0, "stop": -1.0},
)


def heard(phrase: str, score: float) -> Detection:
    return Detection(phrase, 0.0, 1.0, score)


@pytest.mark.parametrize(("sensitivity", "per_hour"), [(0.0, 0.05), (0.5, 0.5), (1.0, 5.0)])
def test_sensitivity_means_false_accepts_an_hour(sensitivity: float, per_hour: float) -> None:
    assert most_per_hour(sensitivity) == pytest.approx(per_hour)


def test_at_the_threshold_there_are_as_many_false_accepts_as_were_aimed_at() -> None:
    least = MADE.least_score("hey kitchen", 0.5)
    assert math.exp(3.0 - MADE.decay * least) == pytest.approx(most_per_hour(0.5))


def test_who_is_more_eager_asks_for_less() -> None:
    asked = [MADE.least_score("hey kitchen", sensitivity) for sensitivity in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert asked == sorted(asked, reverse=True)
    assert len(set(asked)) == len(asked)


def test_what_is_often_said_by_chance_must_be_surer() -> None:
    assert MADE.least_score("hey kitchen", 0.5) > MADE.least_score("stop", 0.5)


def test_what_is_hopeless_is_never_enough() -> None:
    never_heard_wrongly = Thresholds("by hand", 0.5, ByLetters(-9.0, 0.0), {})
    assert never_heard_wrongly.least_score("hey kitchen", 1.0) == HOPELESS_SCORE


def test_a_phrase_is_found_however_it_is_written() -> None:
    assert MADE.least_score("Hey, Kitchen!", 0.5) == MADE.least_score("hey kitchen", 0.5)
    mandarin = replace(MADE, rates={"你好厨房": 2.0})
    assert mandarin.least_score("你好 厨房", 0.5) == mandarin.least_score("你好厨房", 0.5)
    assert mandarin.least_score("你好厨房", 0.5) != mandarin.least_score("你好书房", 0.5)


def test_a_phrase_that_was_not_calibrated_is_judged_by_its_letters() -> None:
    short, long = MADE.least_score("hi tv", 0.5), MADE.least_score("good morning television", 0.5)
    assert short > long
    assert short == pytest.approx((1.0 - 0.1 * 4 - math.log(0.5)) / 2.0)


def test_the_verdict_takes_what_reaches_the_threshold_of_its_own_phrase(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(MADE.to_json(), encoding="utf-8")
    verdict = verdict_of(tmp_path, 0.5)
    for phrase in ("hey kitchen", "stop", "something else"):
        least = MADE.least_score(phrase, 0.5)
        assert verdict(heard(phrase, least))
        assert not verdict(heard(phrase, least - 0.001))


def test_a_model_without_the_file_is_listened_to_all_the_same(tmp_path: Path) -> None:
    assert thresholds_of(tmp_path) is UNCALIBRATED
    assert verdict_of(tmp_path, 0.5)(heard("stop", 0.5))
    assert not verdict_of(tmp_path, 0.5)(heard("stop", 0.4))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\xff",
        "[]",
        "{}",
        '{"decay": "steep"}',
        MADE.to_json().replace("2.0", '"steep"'),
        MADE.to_json().replace("2.0", "0"),
        MADE.to_json().replace("2.0", "NaN"),
        MADE.to_json().replace("2.0", "1" + "0" * 400),
        "[" * 100_000,
        MADE.to_json().replace("-0.1", "true"),
        MADE.to_json().replace("-1.0", "null"),
        MADE.to_json().replace('"rate_of_each"', '"rate_of_both"'),
        MADE.to_json()[:-1] + ',"more":1}',
    ],
    ids=[
        "empty",
        "no text",
        "a list",
        "nothing in it",
        "nearly nothing in it",
        "not a number",
        "no decay",
        "no number",
        "more than a number holds",
        "deep",
        "a truth",
        "a phrase without a rate",
        "another name",
        "a name too many",
    ],
)
def test_a_file_that_makes_no_sense_is_said_and_counts_as_none(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE).write_text(text, encoding="latin-1")
    with caplog.at_level(logging.WARNING):
        assert thresholds_of(tmp_path) is UNCALIBRATED
    assert FILE in caplog.text


def test_a_file_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(MADE.to_json(), encoding="utf-8")
    assert thresholds_of(tmp_path) == MADE
