"""What the agent says, in other languages: each wording that the code has, and no other, with the same facts."""

import ast
import json
import re
from enum import StrEnum

import pytest

from edge_agent.debug.reading import PAGE
from edge_agent.model.decision import EligibilityRule, PermissionRule
from edge_agent.model.wording import placeholders
from tests.sentences import CODE, ERRORS, wordings

SENTENCES: dict[str, dict[str, str]] = json.loads((PAGE / "sentences.json").read_text(encoding="utf-8"))
WORDS: dict[str, dict[str, str]] = json.loads((PAGE / "words.json").read_text(encoding="utf-8"))
FOUND = tuple(wordings())
ENGLISH = {wording.name: wording.english for wording in FOUND}
TROUBLES = {f"trouble.{error.kind()}" for error in ERRORS}
REFUSALS = {f"refusal.{status}" for status in ("401", "403", "502", "503", "other")}
"""What an HTTP status means to the page; the agent's own sentence about it stays English."""


def test_one_name_is_one_sentence() -> None:
    assert len(FOUND) > 60
    assert [wording for wording in FOUND if ENGLISH[wording.name] != wording.english] == []
    assert len(TROUBLES) == len(ERRORS)


@pytest.mark.parametrize("language", sorted(SENTENCES))
def test_every_wording_is_said_and_nothing_else(language: str) -> None:
    assert set(SENTENCES[language]) == ENGLISH.keys() | TROUBLES | REFUSALS


@pytest.mark.parametrize("language", sorted(SENTENCES))
@pytest.mark.parametrize(("name", "english"), sorted(ENGLISH.items()), ids=sorted(ENGLISH))
def test_a_sentence_tells_the_same_facts(name: str, english: str, language: str) -> None:
    assert placeholders(SENTENCES[language][name]) == placeholders(english)


@pytest.mark.parametrize("name", sorted(SENTENCES["zh"]))
def test_chinese_is_chinese(name: str) -> None:
    words = re.sub(r"\{\w+\}", "", SENTENCES["zh"][name])
    assert re.search(r"[\u4e00-\u9fff]", words)
    assert not re.search(r"[A-Za-z,.;:!?()\"]", words), "no English, and the signs of Chinese"


def test_every_language_of_the_pages_but_english_has_sentences() -> None:
    assert SENTENCES.keys() == WORDS.keys() - {"en"}


@pytest.mark.parametrize("rule", [*PermissionRule, *EligibilityRule], ids=str)
def test_every_rule_has_a_sentence_that_begins_with_its_name(rule: StrEnum) -> None:
    assert [name for name in ENGLISH if name.partition(".")[0] == rule.value]


def test_every_group_of_terms_in_a_sentence_has_words() -> None:
    groups = {
        node.args[0].value
        for path in CODE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Term"
        and isinstance(node.args[0], ast.Constant)
    }
    assert {"format", "moment", "scope", "topic"} <= groups
    assert groups <= {key.partition(".")[0] for key in WORDS["zh"]}
