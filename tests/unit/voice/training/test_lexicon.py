"""Pronunciations: from espeak-ng, from CMUdict, and as they are spoken in a hurry."""

from __future__ import annotations

import ctypes.util
from pathlib import Path

import pytest

from edge_agent.voice.training.errors import UnknownPhoneError
from edge_agent.voice.training.lexicon import as_people_say, lexicon_text, make_lexicon, parse_lexicon, read_cmudict
from edge_agent.voice.training.phones import SPEECH_PHONES

needs_espeak = pytest.mark.skipif(ctypes.util.find_library("espeak-ng") is None, reason="espeak-ng is not installed")


@pytest.fixture
def cmudict(tmp_path: Path) -> Path:
    """Three entries in festival's form."""
    path = tmp_path / "cmudict.out"
    path.write_text(
        'MNCL\n("kitchen" nil (((k ih) 1) ((ch ax n) 0)))\n("live" v (((l ih v) 1)))\n("live" j (((l ay v) 1)))\n'
    )
    return path


def test_cmudict_gives_every_pronunciation_of_the_asked_words(cmudict: Path) -> None:
    assert read_cmudict(cmudict, {"live", "zenvo"}) == {"live": [("l", "ih", "v"), ("l", "ay", "v")]}


def test_a_phone_that_is_not_ours_is_an_error(cmudict: Path) -> None:
    cmudict.write_text('("odd" nil (((qq) 1)))\n')
    with pytest.raises(UnknownPhoneError, match="'qq'"):
        read_cmudict(cmudict, {"odd"})


@needs_espeak
def test_brand_names_get_a_pronunciation_and_small_words_their_short_forms(cmudict: Path) -> None:
    lexicon = make_lexicon(["zenvo", "kitchen", "and", "live"], cmudict)
    assert lexicon["zenvo"][0] == ("z", "eh", "n", "v", "ow")
    assert ("ax", "n", "d") in lexicon["and"]
    assert ("l", "ay", "v") in lexicon["live"]
    assert {phone for said in lexicon.values() for one in said for phone in one} <= set(SPEECH_PHONES)
    assert all(len(set(said)) == len(said) > 0 for said in lexicon.values())


@needs_espeak
def test_what_espeak_misreads_is_written_by_hand(cmudict: Path) -> None:
    assert make_lexicon(["mycroft"], cmudict)["mycroft"][0] == ("m", "ay", "k", "r", "ao", "f", "t")


def ways(word: str, *spoken: str) -> set[str]:
    return {" ".join(way) for way in as_people_say(word, [tuple(one.split()) for one in spoken])}


def test_a_flap_may_also_be_a_clear_t_or_a_d() -> None:
    assert ways("water", "w ao dx er") == {"w ao dx er", "w ao t er", "w ao d er"}


def test_a_y_inside_a_word_may_also_be_a_vowel() -> None:
    assert ways("view", "v y uw") == {"v y uw", "v iy uw"}
    assert ways("you", "y uw") == {"y uw"}


def test_the_schwa_of_a_first_syllable_may_also_be_a_full_vowel() -> None:
    assert ways("about", "ax b aw t") == {"ax b aw t", "ah b aw t"}
    assert ways("balloon", "b ax l uw n") == {"b ax l uw n", "b ah l uw n"}
    assert ways("the", "dh ax") == {"dh ax"}, "a word of one syllable is no name"
    assert ways("kitchen", "k ih ch ax n") == {"k ih ch ax n"}, "only the first"
    assert ways("hmm", "hh m") == {"hh m"}


def test_what_differs_differs_in_any_combination_and_the_given_way_stays_the_first() -> None:
    said = as_people_say("opinion", [("ax", "p", "ih", "n", "y", "ax", "n")])
    assert said[0] == ("ax", "p", "ih", "n", "y", "ax", "n")
    assert ("ah", "p", "ih", "n", "iy", "ax", "n") in said
    assert len(said) == len(set(said)) == 4


@needs_espeak
def test_the_last_a_of_a_name_may_be_a_full_vowel(cmudict: Path) -> None:
    lexicon = make_lexicon(["alexa", "the", "a"], cmudict)
    assert {one[-1] for one in lexicon["alexa"]} == {"ax", "ah", "ae", "eh"}
    assert {one[-1] for one in lexicon["the"]} == {"ax", "iy"}
    assert ("ae",) not in lexicon["a"]


def test_a_lexicon_is_read_back_as_it_was_written() -> None:
    lexicon = {"live": (("l", "ih", "v"), ("l", "ay", "v")), "a": (("ax",),)}
    assert parse_lexicon(lexicon_text(lexicon)) == lexicon
