"""How far a creative got: only what was rendered, the furthest of the day, and follow-ups where they belong."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from edge_agent.measure.journal import Journal
from edge_agent.measure.randomiser import PublicCreative
from edge_agent.measure.reach import furthest
from edge_agent.model.moment import MomentKind
from edge_agent.model.play import CloseCause, PlayEventKind
from edge_agent.model.report import Reached
from tests.unit.measure.plays import DONE, NOON, SHOWN, play, record

MORNING, EVENING, TALK = (PublicCreative("coffee", crid) for crid in ("morning", "evening", "talk"))
DAY = (NOON - timedelta(hours=12), NOON + timedelta(hours=12))


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "agent.db")
    yield opened
    opened.close()


def test_nothing_played_reaches_nothing(journal: Journal) -> None:
    assert furthest(journal.proofs_between(*DAY)) == {}


@pytest.mark.parametrize("kinds", [(), (PlayEventKind.LOADED,), (PlayEventKind.LOADED, PlayEventKind.ERROR)])
def test_a_play_that_no_hook_proved_reaches_nothing(journal: Journal, kinds: tuple[PlayEventKind, ...]) -> None:
    record(journal, play(), kinds)
    assert furthest(journal.proofs_between(*DAY)) == {}


def test_the_furthest_of_the_day_counts_in_either_order(journal: Journal) -> None:
    record(journal, play("1"), DONE)
    record(journal, play("2", NOON + timedelta(hours=1)), SHOWN)
    record(journal, play("3", NOON, "evening"), SHOWN)
    record(journal, play("4", NOON + timedelta(hours=2), "evening"), DONE)
    assert furthest(journal.proofs_between(*DAY)) == {MORNING: Reached.COMPLETE, EVENING: Reached.COMPLETE}


def test_a_close_is_an_impression(journal: Journal) -> None:
    record(journal, play(), (*SHOWN, PlayEventKind.CLOSE))
    journal.record_close(play().id, CloseCause.PRESS)
    assert furthest(journal.proofs_between(*DAY)) == {MORNING: Reached.IMPRESSION}


def test_asking_for_more_while_it_plays_is_a_follow_up(journal: Journal) -> None:
    record(journal, play(), (*SHOWN, PlayEventKind.CLOSE))
    journal.record_close(play().id, CloseCause.FOLLOWED_UP)
    assert furthest(journal.proofs_between(*DAY)) == {MORNING: Reached.FOLLOWED_UP}


def test_asking_for_more_afterwards_lifts_the_creative_before_it(journal: Journal) -> None:
    record(journal, play("1"), DONE)
    record(journal, play("2", NOON + timedelta(minutes=30), "evening"), DONE)
    later = NOON + timedelta(minutes=31)
    record(journal, play("3", later, "talk", kind=MomentKind.FOLLOW_UP, turn="hello"), DONE)
    assert furthest(journal.proofs_between(*DAY)) == {
        MORNING: Reached.COMPLETE,
        EVENING: Reached.FOLLOWED_UP,
        TALK: Reached.COMPLETE,
    }


def test_a_dialogue_that_was_never_heard_lifts_nothing(journal: Journal) -> None:
    record(journal, play("1"), SHOWN)
    record(journal, play("2", NOON + timedelta(minutes=1), "talk", kind=MomentKind.FOLLOW_UP), ())
    assert furthest(journal.proofs_between(*DAY)) == {MORNING: Reached.IMPRESSION}


def test_what_was_played_before_the_resident_agreed_is_not_told(journal: Journal) -> None:
    record(journal, play("1"), DONE)
    assert furthest(journal.proofs_between(*DAY), NOON + timedelta(microseconds=1)) == {}
    assert furthest(journal.proofs_between(*DAY), NOON) == {MORNING: Reached.COMPLETE}
