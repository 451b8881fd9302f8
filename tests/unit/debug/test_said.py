"""Sentences as JSON, and in English."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from edge_agent.debug.said import said_view
from edge_agent.model.errors import EdgeAgentError, NotRetainedError, StorageError
from edge_agent.model.wording import Term, Wall, WallStyle, Wording
from tests.sentences import everything_said

REACHED = Wording("hourly_cap.reached", "The limit of {most} an hour is reached; the next may come at {free}.")


class BrokenPlugError(StorageError):
    """One that another room has of its own."""


def test_a_sentence_is_its_name_and_its_facts() -> None:
    said = REACHED(most=2, free=Wall(datetime(2026, 11, 22, 15, 4, tzinfo=UTC), WallStyle.TIME))
    assert str(said) == "The limit of 2 an hour is reached; the next may come at 15:04."
    assert said_view(said) == {
        "name": "hourly_cap.reached",
        "facts": {"most": 2, "free": {"wall": "2026-11-22T15:04", "style": "time"}},
    }


def test_a_fact_that_is_missing_or_too_many_is_a_bug() -> None:
    with pytest.raises(RuntimeError, match="most"):
        REACHED(most=2)
    with pytest.raises(RuntimeError, match="why"):
        Wording("call_in_progress", "A call is in progress.")(why="x")


def test_braces_in_what_somebody_wrote_are_nothing_special() -> None:
    assert str(Wording("x", "Revoked: {reason}")(reason="{0} {reason}")) == "Revoked: {0} {reason}"


def test_every_sentence_is_json_and_whole_in_english() -> None:
    for said in everything_said():
        assert json.loads(json.dumps(said_view(said)))["name"] == said.name
        assert "{" not in str(said), said.name


def test_a_sentence_within_another_is_told_within_it() -> None:
    page = Wording("why.with_page", "{reason} The page is {link}.")
    inner = Wording("format_off", 'The resident has switched off the format "{format}".')
    said = page(reason=inner(format=Term("format", "boot_screen")), link="https://a.example")
    assert str(said) == 'The resident has switched off the format "boot screen". The page is https://a.example.'
    assert said_view(said)["facts"]["reason"] == {
        "said": {"name": "format_off", "facts": {"format": {"term": "format.boot_screen"}}}
    }


@pytest.mark.parametrize(
    ("window", "written"),
    [(24, "one day"), (72, "3 days"), (36, "36 hours"), (0.5, "30 minutes"), (1 / 60, "one minute")],
    ids=str,
)
def test_a_length_is_written_in_the_largest_unit_that_divides_it(window: float, written: str) -> None:
    assert str(Wording("x", "{window}")(window=timedelta(hours=window))) == written


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (NotRetainedError("a"), "not_retained"),
        (BrokenPlugError("It broke."), "storage"),
        (EdgeAgentError("It"), "edge_agent"),
    ],
    ids=["own", "derived", "base"],
)
def test_a_failure_says_of_what_sort_it_is(error: EdgeAgentError, kind: str) -> None:
    assert error.said().name == f"trouble.{kind}"
    assert str(error.said()) == error.for_person()
