"""Phones are alike as the mouth makes them alike, in every language that has a model."""

import itertools

import pytest

from edge_agent.voice.phrases.sounds import SOUNDS, sound_system
from edge_agent.voice.training.languages import LANGUAGES

ENGLISH = sound_system("en")


@pytest.mark.parametrize("lang", sorted(LANGUAGES))
def test_every_phone_of_every_model_has_its_sound(lang: str) -> None:
    assert set(LANGUAGES[lang].phones.speech) <= set(SOUNDS[lang])


@pytest.mark.parametrize("lang", sorted(SOUNDS))
def test_distances_are_symmetric_within_bounds_and_zero_only_for_the_same(lang: str) -> None:
    sounds = sound_system(lang)
    for one, other in itertools.product(SOUNDS[lang], repeat=2):
        distance = sounds.distance(one, other)
        assert distance == sounds.distance(other, one)
        assert (distance == 0) == (one == other)
        assert 0 <= distance <= 1


@pytest.mark.parametrize(
    ("near", "far"),
    [
        (("p", "b"), ("p", "z")),
        (("ih", "iy"), ("ih", "aa")),
        (("n", "m"), ("n", "s")),
        (("s", "z"), ("s", "g")),
        (("er", "r"), ("er", "t")),
        (("ey", "eh"), ("ey", "aw")),
    ],
    ids="-".join,
)
def test_what_sounds_alike_is_nearer(near: tuple[str, str], far: tuple[str, str]) -> None:
    assert ENGLISH.distance(*near) < ENGLISH.distance(*far)


def test_a_phone_that_nobody_described_is_like_no_other() -> None:
    assert ENGLISH.distance("click", "t") == 1.0
    assert ENGLISH.distance("click", "click") == 0.0


def test_weak_sounds_are_overheard_more_easily() -> None:
    assert ENGLISH.weight("ax") < ENGLISH.weight("aa")
    assert ENGLISH.weight("hh") < ENGLISH.weight("s")
