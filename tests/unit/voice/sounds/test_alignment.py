"""Where the sounds of a phrase are, on posteriors made by hand: silence is 0, the sounds are 1 to 4."""

import math

import pytest

from edge_agent.voice.sounds.alignment import sounds_in

SOUNDS = 5
PRIORS = [math.log(1 / SOUNDS)] * SOUNDS


def heard(*sounds: int, sure: float = 0.9, unsure: dict[int, float] | None = None) -> list[list[float]]:
    """Return posteriors of one moment each, at each of which one sound has `sure`, or what `unsure` says there."""
    rows = []
    for moment, sound in enumerate(sounds):
        mass = (unsure or {}).get(moment, sure)
        rows.append([math.log(mass if each == sound else (1 - mass) / (SOUNDS - 1)) for each in range(SOUNDS)])
    return rows


SURE = math.log(0.9)


def test_a_sound_is_as_likely_as_the_mean_of_its_moments() -> None:
    rows = heard(0, 1, 1, 2, 2, 3, 3, 0, unsure={3: 0.4, 4: 0.6})
    assert sounds_in(rows, PRIORS, [((1, 2, 3),)]) == pytest.approx((SURE, (math.log(0.4) + math.log(0.6)) / 2, SURE))


def test_a_sound_that_was_another_is_weak() -> None:
    right, wrong = (sounds_in(heard(0, 1, 1, 2, 2, 3, 3, 0), PRIORS, [(way,)]) for way in ((1, 2, 3), (1, 4, 3)))
    assert right == pytest.approx((SURE, SURE, SURE))
    assert wrong[1] == pytest.approx(math.log(0.025))


def test_the_likeliest_way_to_say_a_word_counts() -> None:
    assert sounds_in(heard(1, 2, 3), PRIORS, [((1, 4, 3), (1, 2, 3), (4,))]) == pytest.approx([SURE] * 3)


def test_words_follow_one_another_with_silence_or_without() -> None:
    words = [((1, 2),), ((3, 1), (4,))]
    for count, sounds in ((4, (1, 2, 3, 1)), (4, (1, 2, 0, 0, 3, 1)), (3, (0, 1, 2, 0, 4, 0))):
        assert sounds_in(heard(*sounds), PRIORS, words) == pytest.approx([SURE] * count)


def test_silence_inside_of_a_word_is_not_its_sound() -> None:
    assert min(sounds_in(heard(1, 0, 0, 2), PRIORS, [((1, 2),)])) < math.log(0.3)


def test_what_comes_before_and_after_does_not_count() -> None:
    assert sounds_in(heard(4, 3, 1, 2, 4, 4, 3), PRIORS, [((1, 2),)]) == pytest.approx((SURE, SURE))


@pytest.mark.parametrize(("sounds", "fits"), [((), False), ((1,), False), ((1, 2), True)])
def test_a_phrase_needs_a_moment_for_each_sound(sounds: tuple[int, ...], *, fits: bool) -> None:
    assert bool(sounds_in(heard(*sounds), PRIORS, [((1, 2),)])) == fits


def test_how_often_a_sound_is_said_decides_where_it_is_and_not_how_likely_it_was() -> None:
    priors = [math.log(prior) for prior in (0.05, 0.6, 0.05, 0.15, 0.15)]
    rows = heard(1, 1, 2)
    rows[1] = [math.log(mass) for mass in (0.1, 0.5, 0.3, 0.05, 0.05)]
    # The moment between them is six times as likely as usual the second sound, and less than usual the first.
    assert sounds_in(rows, priors, [((1, 2),)])[1] == pytest.approx((math.log(0.3) + SURE) / 2)


def test_how_sure_the_silence_between_words_is_does_not_count() -> None:
    words = [((1, 2),), ((3, 1),)]
    assert sounds_in(heard(1, 2, 0, 3, 1, unsure={2: 0.4}), PRIORS, words) == pytest.approx([SURE] * 4)
