import json
from collections import Counter

import pytest

from edge_agent.model.errors import UnknownWordError, VoiceError
from edge_agent.voice.grammar import (
    EAGERNESS,
    Vocabulary,
    build_grammar,
    build_what_is_known,
    normalise,
    phrases_in,
    spell_phrase,
)

WORDS = Vocabulary.parse("<eps> 0\nhey 1\nkitchen 2\ndon't 3\nStop 4\n[unk] 5\n#0 6\nme 7\ntell 8\n</s> 9\n")
CHINESE = Vocabulary.of(["不", "感兴趣", "感", "兴趣", "停止", "告诉", "我"])


@pytest.mark.parametrize(
    ("phrase", "words"),
    [
        ("Hey, Kitchen!", ("hey", "kitchen")),
        ("  hey\tkitchen \n", ("hey", "kitchen")),
        ("don\u2019t", ("don't",)),
        ("'hey'", ("hey",)),
        ("HEY-KITCHEN", ("hey", "kitchen")),
        ("\uff28\uff25\uff39", ("hey",)),
        ("?!", ()),
    ],
)
def test_a_phrase_is_normalised(phrase: str, words: tuple[str, ...]) -> None:
    assert normalise(phrase) == words


@pytest.mark.parametrize(
    "text",
    ["hey kitchen, 停止 ,tell me", "hey kitchen\uff0c停止\u3001tell me,", " , hey kitchen,停止,, tell me"],
    ids=["latin", "chinese", "too-many"],
)
def test_phrases_are_written_with_commas_of_any_keyboard_between(text: str) -> None:
    assert phrases_in(text) == ("hey kitchen", "停止", "tell me")


def test_a_word_that_the_model_lacks_is_refused_by_name_and_never_dropped() -> None:
    with pytest.raises(UnknownWordError) as caught:
        build_grammar(["hey kitchen", "hey florble zzz"], WORDS)
    assert caught.value.phrase == "hey florble zzz"
    assert caught.value.words == ("florble", "zzz")
    assert "florble" in caught.value.for_person()


@pytest.mark.parametrize("symbol", ["<eps>", "[unk]", "#0", "</s>"])
def test_symbols_are_no_words(symbol: str) -> None:
    assert symbol not in WORDS.words.values()


def test_unk_in_a_phrase_cannot_stand_for_anything() -> None:
    with pytest.raises(UnknownWordError):
        build_grammar(["hey [unk]"], WORDS)


def test_a_phrase_without_words_is_refused() -> None:
    with pytest.raises(VoiceError, match="no word"):
        build_grammar(["..."], WORDS)


def test_vosk_gets_the_phrases_in_the_models_spelling_and_always_the_unknown_word() -> None:
    grammar = build_grammar(["Hey, kitchen!", "stop"], WORDS)
    assert json.loads(grammar.for_vosk) == ["hey kitchen", "Stop", "[unk]"]
    assert json.loads(build_grammar([], WORDS).for_vosk) == ["[unk]"]


def test_what_is_looked_for_is_said_oftener_than_anything_else_and_nothing_else_changes() -> None:
    eager = json.loads(build_grammar(["hey kitchen", "stop"], WORDS).eager_for_vosk)
    assert Counter(eager) == {"hey kitchen": EAGERNESS, "Stop": EAGERNESS, "[unk]": 1}
    assert EAGERNESS > 1


def test_the_same_phrase_twice_is_one_phrase_as_it_was_first_written() -> None:
    grammar = build_grammar(["Hey kitchen", "hey, kitchen"], WORDS)
    assert list(grammar.phrases.values()) == ["Hey kitchen"]


def test_a_script_without_spaces_is_split_into_the_fewest_words_that_the_model_has() -> None:
    assert spell_phrase("不感兴趣", CHINESE) == ("不", "感兴趣")
    assert spell_phrase("停止", CHINESE) == ("停止",)
    assert spell_phrase("告诉我 停止", CHINESE) == ("告诉", "我", "停止")


def test_a_script_without_spaces_is_refused_when_it_cannot_be_split() -> None:
    with pytest.raises(UnknownWordError) as caught:
        spell_phrase("告诉他", CHINESE)
    assert caught.value.words == ("告诉他",)


def test_a_device_hears_what_it_can_and_is_told_of_the_rest() -> None:
    grammar, refused = build_what_is_known(["hey kitchen", "florble", "stop"], WORDS)
    assert list(grammar.phrases.values()) == ["hey kitchen", "stop"]
    assert [str(error) for error in refused] == [
        'The phrase "florble" has words that the speech model does not know: "florble".'
    ]
