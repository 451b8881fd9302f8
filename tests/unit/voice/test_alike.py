"""What sounds so much like a word of the resident's that it is not listened for."""

import pytest

from edge_agent.voice.alike import is_one_sound_apart, without_alikes
from edge_agent.voice.dialogue import SPOKEN
from edge_agent.voice.grammar import build_grammar
from edge_agent.voice.models import check_model, packaged_models
from edge_agent.voice.sounds.look import look_of

ELSE = {
    "en": ("hey kitchen", "shop", "red", "large", "another one", "not now", "why not"),
    "zh": ("你好厨房", "红色", "大的", "不感冒", "什么时候"),
}


@pytest.mark.parametrize("lang", SPOKEN)
def test_the_words_of_a_language_and_what_sounds_otherwise_stay(lang: str) -> None:
    model = check_model(packaged_models()[lang])
    commands = (phrase for phrases in SPOKEN[lang].values() for phrase in phrases)
    grammar = build_grammar((*commands, *ELSE[lang]), model.vocabulary())
    assert without_alikes(grammar, look_of(model.load())) == (grammar, ())


def test_without_a_word_of_the_residents_nothing_is_like_one() -> None:
    model = check_model(packaged_models()["en"])
    grammar = build_grammar(("stock", "know thanks"), model.vocabulary())
    assert without_alikes(grammar, look_of(model.load())) == (grammar, ())


@pytest.mark.parametrize(
    ("other", "apart"),
    [
        ("abc", True),
        ("xbc", True),
        ("axc", True),
        ("abx", True),
        ("ab", True),
        ("bc", True),
        ("ac", True),
        ("abcx", True),
        ("xabc", True),
        ("abxc", True),
        ("xbx", False),
        ("acb", False),
        ("a", False),
        ("abcxx", False),
        ("xabx", False),
        ("", False),
    ],
)
def test_one_sound_may_be_another_missing_or_too_many(other: str, apart: bool) -> None:
    one, two = [ord(char) for char in "abc"], [ord(char) for char in other]
    assert is_one_sound_apart(one, two) == is_one_sound_apart(two, one) == apart
