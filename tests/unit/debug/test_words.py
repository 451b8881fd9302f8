"""The pages' words: both languages say everything, and every term of the vocabulary has a name in each."""

import json
import re
from enum import StrEnum
from pathlib import Path

import pytest

from edge_agent.debug.reading import PAGE
from edge_agent.model.campaign import CapScope
from edge_agent.model.decision import EligibilityRule, PermissionRule
from edge_agent.model.device import Microphone
from edge_agent.model.formats import Format
from edge_agent.model.moment import MomentKind
from edge_agent.model.play import CloseCause, PlayEventKind
from edge_agent.model.report import Reached
from edge_agent.standin.home import HOME_PAGE

WORDS: dict[str, dict[str, str]] = json.loads((PAGE / "words.json").read_text(encoding="utf-8"))
SOURCES = sorted([*PAGE.iterdir(), *HOME_PAGE.iterdir()])


def test_both_languages_have_the_same_keys_and_blanks() -> None:
    assert set(WORDS) == {"en", "zh"}
    assert set(WORDS["en"]) == set(WORDS["zh"])
    for key, english in WORDS["en"].items():
        blanks = re.findall(r"\{\w+\}", english)
        assert sorted(blanks) == sorted(re.findall(r"\{\w+\}", WORDS["zh"][key])), key
        assert english, key
        assert WORDS["zh"][key], key


@pytest.mark.parametrize(
    ("group", "terms"),
    [
        ("rule", PermissionRule),
        ("rule", EligibilityRule),
        ("moment", MomentKind),
        ("format", Format),
        ("mic", Microphone),
        ("event", PlayEventKind),
        ("cause", CloseCause),
        ("answer", Reached),
        ("scope", CapScope),
    ],
)
def test_every_term_of_the_vocabulary_has_a_name(group: str, terms: type[StrEnum]) -> None:
    missing = [f"{group}.{term.value}" for term in terms if f"{group}.{term.value}" not in WORDS["en"]]
    assert missing == []


FROM_TERMS = {
    "rule",
    "moment",
    "format",
    "mic",
    "event",
    "cause",
    "answer",
    "outcome",
    "link",
    "device",
    "scope",
    "topic",
}
"""Groups whose keys are made of the vocabulary's own terms."""


def test_the_pages_name_every_key_and_no_other() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in SOURCES if path.suffix in {".js", ".html"})
    groups = {key.split(".")[0] for key in WORDS["en"]}
    quoted = set(re.findall(r'["\'`]([a-z_]+(?:\.[a-z_]+)*)["\'`]', text))
    named = {word for word in quoted if "." in word and word.split(".")[0] in groups}
    assert named <= set(WORDS["en"]), named - set(WORDS["en"])
    unused = {key for key in WORDS["en"] if key.split(".")[0] not in FROM_TERMS} - quoted
    assert unused <= {"consent.placements", "consent.reports"}, unused  # made from the two questions' names


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_nothing_is_fetched_from_elsewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    outside = [
        address for address in re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"')]*", text) if "w3.org" not in address
    ]
    assert outside == []


@pytest.mark.parametrize("path", [path for path in SOURCES if path.suffix == ".html"], ids=lambda path: path.name)
def test_markup_has_no_inline_script_or_style(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", text)
