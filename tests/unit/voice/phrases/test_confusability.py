"""The score of a phrase: what it is close to, where it hides, and how short it is."""

from collections.abc import Iterable

import pytest

from edge_agent.voice.phrases.common_speech import CommonSpeech
from edge_agent.voice.phrases.confusability import (
    RISKY,
    TOO_CLOSE,
    Spoken,
    Verdict,
    judge,
    share,
    ways_to_say,
)
from edge_agent.voice.phrases.sounds import Pronunciations, sound_system

ENGLISH = sound_system("en")
LEXICON: dict[str, Pronunciations] = {
    word: tuple(tuple(way.split()) for way in ways.split("|"))
    for word, ways in {
        "a": "ax|ey",
        "series": "s ih r iy z",
        "city": "s ih t iy",
        "computer": "k ax m p y uw t er",
        "hey": "hh ey",
        "kitchen": "k ih ch ax n",
        "chicken": "ch ih k ax n",
        "garden": "g aa r d ax n",
        "more": "m ao r",
        "okay": "ow k ey",
        "siri": "s ih r iy",
        "stop": "s t aa p",
        "tell": "t eh l",
        "me": "m iy",
        "ten": "t eh n",
    }.items()
}


def spoken(text: str) -> Spoken:
    words = tuple(text.split())
    return Spoken(text, words, tuple(LEXICON[word] for word in words))


def judged(text: str, others: Iterable[str] = (), said: Iterable[str] = ("more",)) -> Verdict:
    speech = CommonSpeech(LEXICON, dict.fromkeys(said, 0), ENGLISH)
    return judge(spoken(text), [spoken(other) for other in others], speech, ENGLISH)


def test_the_same_sounds_are_shared_whole_and_nothing_shares_nothing() -> None:
    way = ways_to_say([LEXICON["kitchen"]])[0]
    assert share(way, way, ENGLISH) == 1.0
    assert share(way, (), ENGLISH) == 0.0


def test_a_phrase_is_found_inside_longer_words_unless_it_must_begin_where_speech_does() -> None:
    phrase, said = ("ey", "s", "ih", "r", "iy"), ("ow", "k", "ey", "s", "ih", "r", "iy", "z")
    assert share(phrase, said, ENGLISH) == 1.0
    assert share(phrase, said, ENGLISH, from_start=True) < 0.8
    assert share(said[2:], said, ENGLISH, from_start=True) == share(said[2:], said, ENGLISH, from_start=True)


@pytest.mark.parametrize(
    ("nearer", "farther"),
    [("hey chicken", "hey garden"), ("hey garden", "tell me more"), ("okay kitchen", "okay computer")],
)
def test_phrases_are_ranked_as_a_person_hears_them(nearer: str, farther: str) -> None:
    scores = {reason.what: reason.score for reason in judged("hey kitchen", [nearer, farther]).reasons}
    assert scores[nearer] > scores.get(farther, 0)


def test_one_phrase_inside_another_is_refused_and_the_other_named() -> None:
    verdict = judged("tell me more", ["hey kitchen", "ten me more"])
    assert verdict.score >= RISKY
    assert '"ten me more"' in verdict.advice


def test_the_very_sounds_of_another_phrase_are_refused() -> None:
    verdict = judged("hey siri", ["a siri"])
    assert verdict.reasons[0].what == "a siri"
    twin = Spoken("hay kitchen", ("hay", "kitchen"), (LEXICON["hey"], LEXICON["kitchen"]))
    same = judge(twin, [spoken("hey kitchen")], CommonSpeech(LEXICON, {}, ENGLISH), ENGLISH)
    assert same.score == 100
    assert same.is_refused
    assert same.advice.startswith("Too close")


def test_a_phrase_is_not_confused_with_itself() -> None:
    verdict = judged("hey kitchen", ["hey kitchen"], said=["hey", "kitchen"])
    assert not verdict.is_refused
    assert all(reason.what != "hey kitchen" for reason in verdict.reasons)


def test_a_single_word_may_stand_inside_a_longer_phrase_but_not_at_its_start() -> None:
    inside = judged("computer", ["hey computer"])
    at_start = judged("computer", ["computer stop"])
    assert inside.score < TOO_CLOSE <= at_start.score


def test_common_words_in_a_row_hide_a_phrase_and_rare_ones_less() -> None:
    common = CommonSpeech(LEXICON, {"a": 0, "series": 10, "garden": 20}, ENGLISH)
    rare = CommonSpeech(LEXICON, {"a": 0, "series": 9_000, "garden": 20}, ENGLISH)
    phrase = ways_to_say([LEXICON["hey"], LEXICON["siri"]])[0]
    most, said = common.closest(phrase)
    assert said == "a series"
    assert most > rare.closest(phrase)[0]
    assert common.closest(phrase, ["series"])[1] != "a series"


@pytest.mark.parametrize("text", ["stop", "hey", "tell"])
def test_too_few_sounds_or_syllables_are_refused(text: str) -> None:
    verdict = judged(text)
    assert verdict.is_too_short
    assert verdict.is_refused
    assert verdict.advice.startswith("Too short")


def test_the_longer_the_safer() -> None:
    scores = [judged(text).score for text in ("siri", "kitchen", "hey kitchen", "tell me more computer")]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] == 0


def test_every_way_to_say_a_phrase_is_tried_up_to_a_dozen() -> None:
    ways = ways_to_say([(("a",), ("b",), ("c",))] * 4)
    assert len(ways) == 12
    assert ways[0] == ("a", "a", "a", "a")


def test_a_phrase_without_spaces_is_not_confused_with_its_own_characters() -> None:
    lexicon: dict[str, Pronunciations] = {
        "厨房": (("ch", "u", "f", "a", "ng"),),
        "厨": (("ch", "u"),),
        "房": (("f", "a", "ng"),),
        "你好": (("n", "i", "h", "ao"),),
    }
    sounds = sound_system("zh")
    phrase = Spoken("你好厨房", ("你好", "厨房"), (lexicon["你好"], lexicon["厨房"]))
    verdict = judge(phrase, [], CommonSpeech(lexicon, dict.fromkeys(lexicon, 0), sounds), sounds)
    assert not [reason for reason in verdict.reasons if "厨 房" in reason.what]
    assert not verdict.is_refused
