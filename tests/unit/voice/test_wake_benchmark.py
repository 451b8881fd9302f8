"""The arithmetic of the wake benchmark: a wrong count there would make every figure of ours a lie."""

from math import inf
from pathlib import Path

import pytest

from tests.bench.wake.roc import Roc, joined


def test_half_a_false_accept_an_hour_in_four_hours_lets_two_of_them_happen() -> None:
    roc = Roc(said=(1.0, 2.5, 3.5), wrong=(3.0, 2.0, 1.0), hours=4.0)
    threshold = roc.threshold(0.5)
    assert roc.per_hour(threshold) == 0.5
    assert roc.misses(threshold) == pytest.approx(1 / 3)


def test_in_an_hour_and_a_half_none_may_happen() -> None:
    roc = Roc(said=(1.0, 2.5, 3.5), wrong=(3.0, 2.0, 1.0), hours=1.5)
    assert roc.per_hour(roc.threshold(0.5)) == 0
    assert roc.misses(roc.threshold(0.5)) == pytest.approx(2 / 3)


def test_a_score_that_a_false_accept_has_too_counts_as_missed() -> None:
    assert Roc(said=(3.0,), wrong=(3.0,), hours=1.0).misses(Roc((), (3.0,), 1.0).threshold()) == 1


def test_without_false_accepts_only_what_was_never_heard_is_missed() -> None:
    roc = Roc(said=(-4.0, -inf), wrong=(), hours=5.0)
    assert roc.threshold() == -inf
    assert roc.misses(-9.0) == 0.5


def test_the_curve_falls_on_both_sides() -> None:
    points = Roc(said=(1.0, 2.0, 3.0), wrong=(0.5, 1.5, 2.5), hours=1.0).points()
    assert [round(hits, 2) for _, hits, _ in points] == [1.0, 0.67, 0.33]
    assert [per_hour for _, _, per_hour in points] == [2.0, 1.0, 0.0]


def test_pieces_add_up() -> None:
    whole = joined([Roc((1.0,), (), 0.0), Roc((), (0.5,), 2.0), Roc((), (0.7,), 1.0)])
    assert whole == Roc((1.0,), (0.5, 0.7), 3.0)


def test_the_noise_over_a_long_recording_never_repeats_itself(tmp_path: Path) -> None:
    """A word of it that is mistaken for a phrase would be counted once for each time."""
    np, soundfile = pytest.importorskip("numpy"), pytest.importorskip("soundfile")
    from tests.bench.wake.recordings import RATE_HZ, Clip, Noise  # noqa: PLC0415  needs the extra

    draw = np.random.default_rng(1)
    babble = tmp_path / "not_wake_words_es"
    babble.mkdir()
    for number in range(40):
        soundfile.write(babble / f"{number}.flac", draw.normal(0, 3000, RATE_HZ // 2).astype(np.int16), RATE_HZ)
    silence = np.full(10 * RATE_HZ, 1000, np.int16)
    noise = [Noise(tmp_path).over(Clip(name, silence)).samples.astype(float) - 1000 for name in "abcdef"]
    for each in noise:
        loudness = each.std()
        assert loudness == pytest.approx(1000 * 10 ** (-10 / 20), rel=0.02)
        for lag_s in (0.5, 1.0, 2.0):
            lag = round(lag_s * RATE_HZ)
            assert abs(np.mean(each[lag:] * each[:-lag])) < 0.5 * loudness**2


def test_a_listener_to_compare_with_hears_everything_but_less_talk(tmp_path: Path) -> None:
    pytest.importorskip("soundfile")
    pytest.importorskip("pocketsphinx")
    from tests.bench.wake.measuring import Part, with_less_talk  # noqa: PLC0415  needs the extra

    minutes = []
    for number in range(3):
        minutes.append(tmp_path / f"{number}.wav")
        minutes[-1].write_bytes(bytes(60 * 32_000))
    people = Part((minutes[0],), ("stop",), "stop")
    talk = [Part((minute,), ("stop",), None, "talk") for minute in minutes]
    assert with_less_talk([people, *talk], 2 / 60) == [people, *talk[:2]]
    assert with_less_talk([people, *talk], 0) == [people]
