"""`edge-agent explain` as a person reads it, from a real journal."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from edge_agent.cli.explain import sentences
from edge_agent.measure.decision_document import decision_document
from edge_agent.measure.journal import Journal
from edge_agent.model.identity import DecisionId
from edge_agent.model.play import CloseCause, PlayEvent, PlayEventKind
from tests.unit.measure.plays import DONE, NOON, SHOWN, no_fill, play, record, refusal, selection


def explain(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edge_agent", "explain", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def database(tmp_path: Path) -> Path:
    journal = Journal(tmp_path / "agent.db")
    journal.record_decision(refusal(1))
    journal.record_decision(no_fill(2, 3, NOON + timedelta(minutes=1)))
    journal.record_decision(selection(3, NOON + timedelta(minutes=2)))
    record(journal, play("3", NOON + timedelta(minutes=2)), (*SHOWN, PlayEventKind.CLOSE))
    journal.record_close(play("3").id, CloseCause.PRESS)
    journal.close()
    return tmp_path / "agent.db"


def test_each_decision_is_explained_oldest_first(database: Path) -> None:
    done = explain("--database", str(database))
    assert done.returncode == 0, done.stderr
    refused, nothing, rejected, chosen, *others = done.stdout.splitlines()
    assert refused.endswith("idle: nothing was placed. It is quiet until 07:00. [quiet_hours]")
    assert nothing.endswith("idle: nothing was placed. Every creative failed a rule:")
    assert rejected == "    not c0 of coffee: Ended on day 0. [outside_flight] (and 2 more)"
    assert "The coffee campaign (morning) was chosen for a voice_mention slot." in chosen
    assert chosen.endswith("It was rendered and closed early (press).")
    assert len(others) == 1


def test_json_has_every_rejection_and_the_play(database: Path) -> None:
    done = explain("--database", str(database), "--json", "--last", "2")
    nothing, chosen = (json.loads(line) for line in done.stdout.splitlines())
    assert (nothing["outcome"], len(nothing["rejections"]), nothing["play"]) == ("no_fill", 3, None)
    assert (chosen["play"]["rendered"], chosen["play"]["close_cause"]) == (True, "press")
    assert [event["kind"] for event in chosen["play"]["events"]] == ["loaded", "impression", "close"]


def test_each_decision_is_explained_by_its_own_play_however_many_turns_and_clocks_there_were(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "agent.db")
    years_ahead = NOON + timedelta(days=3650)
    for number in range(5):
        record(journal, play(f"{number}-of-a-wrong-clock", years_ahead + timedelta(minutes=number)), DONE)
    for number in (1, 2):
        journal.record_decision(selection(number, NOON + timedelta(hours=number)))
        for turn in range(6):
            said = "more" if turn else "hello"
            one = play(f"{number}-{turn}", NOON + timedelta(hours=number, minutes=turn), "talk", turn=said)
            record(journal, replace(one, decision_id=DecisionId(f"decision-{number}")), DONE)
    journal.close()
    done = explain("--database", str(tmp_path / "agent.db"), "--last", "2", "--json")
    assert [json.loads(line)["play"]["play_id"] for line in done.stdout.splitlines()] == ["play-1-0", "play-2-0"]


def test_a_journal_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    done = explain("--database", str(tmp_path / "none.db"))
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "cannot be read" in done.stderr
    assert not (tmp_path / "none.db").exists()


def test_nothing_yet_is_said(tmp_path: Path) -> None:
    Journal(tmp_path / "agent.db").close()
    done = explain("--database", str(tmp_path / "agent.db"))
    assert (done.returncode, done.stdout) == (0, "")
    assert "No decision is on record" in done.stderr


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        ((), "It was never rendered, so it does not count."),
        ((PlayEventKind.LOADED, PlayEventKind.ERROR), "It was never rendered, so it does not count."),
        (SHOWN, "the last that was reported of it is impression."),
        (DONE, "the last that was reported of it is complete."),
    ],
)
def test_what_came_of_a_choice_is_told_by_the_hook_alone(
    tmp_path: Path, kinds: tuple[PlayEventKind, ...], said: str
) -> None:
    journal = Journal(tmp_path / "agent.db")
    record(journal, play("3"), kinds)
    (proof,) = journal.proofs(1)
    journal.close()
    assert said in sentences(decision_document(selection(3)), proof, UTC)[0]


def test_what_was_closed_or_failed_says_why(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "agent.db")
    record(journal, play("unseen"), (PlayEventKind.LOADED, PlayEventKind.CLOSE))
    journal.record_close(play("unseen").id, CloseCause.DEVICE)
    record(journal, play("failed"), SHOWN)
    journal.record_event(PlayEvent(play("failed").id, PlayEventKind.ERROR, NOON, 900, "The cable is out."))
    unseen, failed = journal.proofs(2)[::-1]
    journal.close()
    (line, *_) = sentences(decision_document(selection(3)), unseen, UTC)
    assert line.endswith("It was never rendered, but closed before that (device), so it does not count.")
    (line, *_) = sentences(decision_document(selection(3)), failed, UTC)
    assert line.endswith("the last that was reported of it is error. The cable is out.")


def test_a_choice_without_a_play_says_so() -> None:
    assert "No play of it is on record." in sentences(decision_document(selection(3)), None, UTC)[0]


def test_an_empty_shelf_is_a_reason() -> None:
    (line,) = sentences(decision_document(no_fill(1, 0)), None, UTC)
    assert line.endswith("nothing was placed. No pack has a creative for a voice_mention slot.")
