"""The shipped lists: what must be sayable, and what must never be taught."""

from __future__ import annotations

import re
from random import Random

import pytest

from edge_agent.voice.training.errors import UnknownLanguageError
from edge_agent.voice.training.texts import Texts, load_texts

COMMANDS = [
    "tell me more",
    "not interested",
    "stop",
    "why this",
    "send it to my phone",
    "yes",
    "no",
    "mute",
    "what is the weather",
    "hey device",
    "okay edge",
    "hello edge",
    "hey kitchen",
    "good morning",
    "alexa",
    "computer",
    "snowboy",
    "view glass",
    "athena",
    "amelia",
]


@pytest.fixture(scope="module")
def texts() -> Texts:
    return load_texts("en")


def test_every_command_can_be_put_into_a_grammar(texts: Texts) -> None:
    vocabulary = set(texts.vocabulary)
    assert [command for command in COMMANDS if not set(command.split()) <= vocabulary] == []
    assert len(vocabulary) > 8000


def test_measured_words_are_never_taught(texts: Texts) -> None:
    draw = Random(1)
    said = {word for _ in range(20_000) for word in texts.draw(draw).split()}
    assert said & set(texts.unspoken) == set()
    assert {"jarvis", "porcupine", "mycroft", "toaster", "watermelon"} <= set(texts.names)
    for spoken in (texts.phrases, texts.sentences, texts.everyday, texts.common):
        assert set(" ".join(spoken).split()) & set(texts.unspoken) == set()


def test_texts_hold_nothing_that_a_synthesiser_could_stumble_over(texts: Texts) -> None:
    draw = Random(2)
    assert all(re.fullmatch(r"[a-z' ]+", texts.draw(draw)) for _ in range(5000))


def test_the_same_seed_draws_the_same_texts(texts: Texts) -> None:
    one, other = Random(3), Random(3)
    assert [texts.draw(one) for _ in range(50)] == [texts.draw(other) for _ in range(50)]


def test_a_language_without_lists_is_named() -> None:
    with pytest.raises(UnknownLanguageError, match="'tlh'"):
        load_texts("tlh")
