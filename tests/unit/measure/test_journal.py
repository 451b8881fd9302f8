"""The journal: only what was rendered counts; full disks, power cuts and erasure."""

import logging
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from edge_agent.decide.tally import at_cap
from edge_agent.measure.journal import Journal, erase_journal
from edge_agent.measure.journal_reader import JournalReader
from edge_agent.model.campaign import HISTORY_KEPT, CapScope, FrequencyCap
from edge_agent.model.errors import StorageError
from edge_agent.model.identity import PlayId
from edge_agent.model.play import CloseCause, PlayEvent, PlayEventKind
from tests.unit.measure.plays import (
    DONE,
    NOON,
    SHOWN,
    candidate,
    everything_in,
    no_fill,
    play,
    record,
    refusal,
    selection,
)

PAGE_BYTES = 4096
BEGINNING = NOON - timedelta(days=365)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "agent.db")
    yield opened
    opened.close()


def reopened(journal: Journal) -> Journal:
    journal.connection.close()
    return Journal(journal.path)


# --- plays -------------------------------------------------------------------------------------------------------


def test_a_decision_to_play_is_no_impression_and_neither_is_a_load(journal: Journal) -> None:
    record(journal, play(), (PlayEventKind.LOADED,))
    assert journal.history(BEGINNING).impressions == ()


def test_an_impression_is_dated_by_its_hook_and_ends_with_the_final_event(journal: Journal) -> None:
    record(journal, play(), DONE)
    (one,) = journal.history(BEGINNING).impressions
    assert (one.at, one.ended_at) == (NOON + timedelta(seconds=2), NOON + timedelta(seconds=5))
    assert (one.crid, one.line_item, one.campaign, one.advertiser) == ("morning", "spring", "coffee", "roaster")


def test_what_plays_now_has_no_end_yet(journal: Journal) -> None:
    record(journal, play(), SHOWN)
    assert journal.history(BEGINNING).impressions[0].ended_at is None


def test_history_begins_exactly_at_since_and_is_oldest_first(journal: Journal) -> None:
    for number in (3, 1, 2):
        record(journal, play(str(number), NOON + timedelta(hours=number)), SHOWN)
    since = NOON + timedelta(hours=2, seconds=2)
    assert [one.play_id for one in journal.history(since).impressions] == ["play-2", "play-3"]
    assert [one.play_id for one in journal.history(since + timedelta(microseconds=1)).impressions] == ["play-3"]


def test_a_dialogue_is_one_impression_however_many_turns_it_has(journal: Journal) -> None:
    record(journal, play("1", crid="talk", turn="hello"), DONE)
    record(journal, play("2", crid="talk", turn="more"), DONE)
    assert [one.play_id for one in journal.history(BEGINNING).impressions] == ["play-1"]


def test_proofs_are_newest_first_with_events_and_cause(journal: Journal) -> None:
    record(journal, play("1"), (*SHOWN, PlayEventKind.CLOSE))
    journal.record_close(PlayId("play-1"), CloseCause.PRESS)
    journal.record_close(PlayId("play-1"), CloseCause.SHUTDOWN)
    record(journal, play("2", NOON + timedelta(hours=1)), ())
    second, first = journal.proofs(10)
    assert (second.play_id, second.events, second.was_rendered) == ("play-2", (), False)
    assert (first.close_cause, first.last_kind, first.decision_id) == (CloseCause.PRESS, "close", "decision-1")
    assert first.events[1] == PlayEvent(first.play_id, PlayEventKind.IMPRESSION, NOON + timedelta(seconds=2), 2000)
    assert [proof.play_id for proof in journal.proofs(1)] == ["play-2"]


def test_the_newest_plays_are_those_recorded_last_whatever_a_wrong_clock_said(journal: Journal) -> None:
    for number in range(5):
        record(journal, play(f"ahead-{number}", NOON + timedelta(days=3650 + number)))
    record(journal, play("now"))
    assert [proof.play_id for proof in journal.proofs(2)] == ["play-now", "play-ahead-4"]


def test_events_of_an_unknown_play_are_dropped(journal: Journal) -> None:
    journal.record_event(PlayEvent(PlayId("ghost"), PlayEventKind.IMPRESSION, NOON, 1))
    journal.record_close(PlayId("ghost"), CloseCause.PRESS)
    assert journal.proofs(10) == []


# --- decisions ---------------------------------------------------------------------------------------------------


def test_decisions_keep_every_rejection_newest_first(journal: Journal) -> None:
    for decision in (refusal(1), no_fill(2, rejected=300), selection(3)):
        journal.record_decision(decision)
    selected, nothing, refused = journal.decisions(10)
    assert (selected["outcome"], selected["chosen"]["crid"]) == ("selected", "morning")
    assert (nothing["outcome"], len(nothing["rejections"])) == ("no_fill", 300)
    assert nothing["rejections"][299] == {
        "crid": "c299",
        "line_item": "spring",
        "campaign": "coffee",
        "rule": "outside_flight",
        "detail": "Ended on day 299.",
    }
    assert (refused["rule"], refused["detail"]) == ("quiet_hours", "It is quiet until 07:00.")


def test_only_the_newest_decisions_are_kept(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "agent.db", keep_decisions=10)
    for number in range(25):
        journal.record_decision(refusal(number))
    assert [one["id"] for one in journal.decisions(100)] == [f"d{number}" for number in range(24, 14, -1)]
    journal.close()


def test_decisions_that_are_gone_are_not_counted_as_taking_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path / "agent.db", keep_decisions=10)
    journal.record_decision(refusal(0))
    one = journal._held_decision_bytes()
    monkeypatch.setattr("edge_agent.measure.journal.KEEP_DECISION_BYTES", 20 * one)
    for number in range(1, 60):
        journal.record_decision(refusal(number))
        assert len(journal.decisions(100)) == min(number + 1, 10)
    journal.close()


def test_huge_decisions_do_not_fill_the_disk(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.measure.journal.KEEP_DECISION_BYTES", 100_000)
    for number in range(30):
        journal.record_decision(no_fill(number, rejected=3000))
    kept = journal.connection.execute("SELECT sum(length(document)) FROM measure_decisions").fetchone()[0]
    assert 0 < kept <= 120_000
    assert journal.decisions(1)[0]["id"] == "d29"


# --- damage --------------------------------------------------------------------------------------------------------


def test_a_start_survives_damage_to_any_page(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "agent.db"
    journal = Journal(path)
    for number in range(60):
        record(journal, play(f"play-{number:03}"))
        journal.record_decision(selection(number))
    journal.close()
    whole, set_aside = path.read_bytes(), 0
    for start in range(0, len(whole), PAGE_BYTES):
        path.write_bytes(whole[:start] + b"\xa5" * PAGE_BYTES + whole[start + PAGE_BYTES :])
        caplog.clear()
        journal = Journal(path)
        assert len(journal.history(BEGINNING).impressions) == len(journal.proofs(100)) == 0
        assert journal.erased_at(NOON) is None
        record(journal, play("next"))
        assert len(journal.history(BEGINNING).impressions) == 1
        journal.close()
        assert f"is kept as {path}.damaged" in caplog.text
        assert len(caplog.records) == 1
        set_aside += 1
        for file in tmp_path.iterdir():
            file.unlink()
    assert set_aside == len(whole) // PAGE_BYTES > 20


def test_what_cannot_be_read_while_it_runs_is_a_storage_error(journal: Journal) -> None:
    record(journal, play())
    for table in ("plays", "events", "decisions", "looked", "erased"):
        journal.connection.execute(f"DROP TABLE measure_{table}")
    for read in (
        lambda: journal.history(BEGINNING),
        lambda: journal.proofs(1),
        lambda: journal.proofs_between(BEGINNING, NOON),
        lambda: journal.decisions(1),
        lambda: journal.erased_at(NOON),
        lambda: journal.confirmed_time(NOON),
    ):
        with pytest.raises(StorageError, match="cannot be read") as caught:
            read()
        assert caught.value.next_step


CELLS = {
    "no-utf-8": "CAST(x'6f6bff' AS TEXT)",
    "blob": "x'00ff'",
    "text": "'soon'",
    "past-all-time": "9223372036854775807",
}
COLUMNS = {
    "measure_plays": (
        "decision_id crid line_item campaign advertiser format moment counted started_us ended_us close_cause"
    ),
    "measure_events": "kind at_us t_ms detail",
    "measure_decisions": "at_us document",
    "measure_looked": "at_us",
    "measure_erased": "at_us",
}


@pytest.mark.parametrize(
    ("table", "column"), [(table, column) for table, columns in COLUMNS.items() for column in columns.split()]
)
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_whatever_stands_in_a_cell_ends_no_start(
    journal: Journal, caplog: pytest.LogCaptureFixture, table: str, column: str, cell: str
) -> None:
    journal.erase(BEGINNING)
    assert journal.confirmed_time(NOON) is None
    for number in (1, 2):
        record(journal, play(str(number)))
        journal.record_decision(selection(number))
    first = "play_id = 'play-1'" if table in {"measure_plays", "measure_events"} else "rowid = 1"
    journal.connection.execute(f"UPDATE {table} SET {column} = {cell} WHERE {first}")  # noqa: S608  names from above
    journal = reopened(journal)
    assert "play-2" in {one.play_id for one in journal.history(BEGINNING).impressions}
    assert "play-2" in {proof.play_id for proof in journal.proofs(10)}
    assert "play-2" in {proof.play_id for proof in journal.proofs_between(BEGINNING, NOON + timedelta(days=1))}
    assert "decision-2" in {document["id"] for document in journal.decisions(10)}
    journal.erased_at(NOON)
    journal.confirmed_time(NOON)
    told = [record.getMessage() for record in caplog.records]
    assert len(told) <= 1
    assert all(table in message for message in told)
    journal.connection.close()


def test_rows_that_cannot_be_read_are_left_out_and_told_of_once_a_table(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(4):
        record(journal, play(str(number)))
        journal.record_decision(selection(number))
    journal.connection.execute("UPDATE measure_plays SET moment = x'00' WHERE play_id < 'play-2'")
    journal.connection.execute("UPDATE measure_events SET kind = 'applause' WHERE play_id = 'play-2' AND t_ms = 3000")
    journal.connection.execute("UPDATE measure_decisions SET document = x'00' WHERE seq < 3")
    for _ in range(2):
        assert len(journal.history(BEGINNING).impressions) == 4
        proofs = {str(proof.play_id): [event.kind for event in proof.events] for proof in journal.proofs(10)}
        assert proofs["play-2"] == [kind for kind in DONE if kind is not PlayEventKind.FIRST_QUARTILE]
        assert proofs["play-3"] == list(DONE)
        assert [document["id"] for document in journal.decisions(10)] == ["decision-3", "decision-2"]
    told = [record.getMessage().split(" (")[0] for record in caplog.records]
    assert told == [
        f"A row of measure_{table} in {journal.path} cannot be read" for table in ("plays", "events", "decisions")
    ]


@pytest.mark.parametrize(
    ("column", "cell", "known"),
    [
        ("format", "'hologram'", {}),
        ("moment", "x'00'", {}),
        ("counted", "'yes'", {}),
        ("campaign", "CAST(x'6f6bff' AS TEXT)", {"campaign": ""}),
        ("crid", "x'00'", {"crid": ""}),
        ("ended_us", "'soon'", {"ended_at": None}),
    ],
    ids=["a-later-agents-format", "moment", "counted", "campaign", "crid", "end"],
)
def test_limits_count_what_can_be_read_of_a_play(
    journal: Journal, caplog: pytest.LogCaptureFixture, column: str, cell: str, known: dict[str, object]
) -> None:
    record(journal, play(), DONE)
    (whole,) = journal.history(BEGINNING).impressions
    journal.connection.execute(f"UPDATE measure_plays SET {column} = {cell}")  # noqa: S608  from above
    journal = reopened(journal)
    for _ in range(2):
        assert journal.history(BEGINNING).impressions == (replace(whole, **known),)  # type: ignore[arg-type]
    told = [record.getMessage() for record in caplog.records]
    assert [message.count("still counts towards limits") for message in told] == [1] * len(known)
    journal.close()


def test_an_impression_whose_time_cannot_be_read_counts_from_the_start_of_its_play(journal: Journal) -> None:
    record(journal, play(), DONE)
    journal.connection.execute("UPDATE measure_events SET at_us = 'soon' WHERE kind = 'impression'")
    (one,) = journal.history(NOON).impressions
    assert one.at == NOON
    assert journal.history(NOON + timedelta(microseconds=1)).impressions == ()


# --- keeping and erasing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("keep", [timedelta(days=90), timedelta(days=400)], ids=["shorter than caps", "longer"])
def test_prune_forgets_what_nothing_may_count_any_more_and_nothing_younger(journal: Journal, keep: timedelta) -> None:
    oldest = NOON - max(keep, HISTORY_KEPT)
    record(journal, play("old", oldest - timedelta(microseconds=1)))
    record(journal, play("new", oldest))
    journal.record_decision(refusal(1, NOON - keep - timedelta(microseconds=1)))
    journal.record_decision(refusal(2, NOON - keep))
    journal.prune(NOON, keep)
    assert [proof.play_id for proof in journal.proofs(10)] == ["play-new"]
    assert [one["id"] for one in journal.decisions(10)] == ["d2"]


def test_a_cap_of_a_year_counts_on_after_a_restart(journal: Journal) -> None:
    year = FrequencyCap(scope=CapScope.CAMPAIGN, count=1, per=HISTORY_KEPT)
    instant = timedelta(microseconds=1)
    record(journal, play("first", NOON))
    last = NOON + HISTORY_KEPT - instant
    journal.prune(last, timedelta(days=90))
    history = reopened(journal).history(BEGINNING)
    assert at_cap(history, year, candidate(), last)
    assert not at_cap(history, year, candidate(), history.impressions[0].at + HISTORY_KEPT)


def test_a_clock_must_show_a_day_more_before_anything_is_forgotten_by_it(journal: Journal) -> None:
    day, instant = timedelta(days=1), timedelta(microseconds=1)
    assert journal.confirmed_time(NOON) is None, "the first look"
    assert journal.confirmed_time(NOON + day - instant) is None
    assert journal.confirmed_time(NOON + day) == NOON
    assert journal.confirmed_time(NOON + day) is None
    jumped = NOON + timedelta(days=3650)
    assert journal.confirmed_time(jumped) == NOON + day, "what is too old by that is too old by any clock"
    assert journal.confirmed_time(jumped + timedelta(hours=23)) is None
    assert journal.confirmed_time(NOON + 2 * day) is None, "the clock was set right"
    assert reopened(journal).confirmed_time(NOON + 3 * day) == NOON + 2 * day


def test_erasure_leaves_no_trace_in_any_file(journal: Journal, tmp_path: Path) -> None:
    for number in range(50):
        record(journal, play(f"secret-{number}"))
        journal.record_decision(selection(number))
    (tmp_path / "agent.db.damaged").write_bytes(b"play-secret-0")
    assert b"play-secret" in everything_in(tmp_path)
    journal.erase(NOON)
    assert b"secret" not in everything_in(tmp_path)
    assert b"spring" not in everything_in(tmp_path)
    assert (journal.proofs(10), journal.decisions(10), journal.history(BEGINNING).impressions) == ([], [], ())


def test_another_program_erases_while_the_agent_runs_and_goes_on(journal: Journal, tmp_path: Path) -> None:
    record(journal, play("secret"), SHOWN)
    erase_journal(journal.path, NOON)
    assert b"secret" not in everything_in(tmp_path)
    record(journal, play("next"))
    assert [proof.play_id for proof in journal.proofs(10)] == ["play-next"]


def test_erasing_while_somebody_reads_says_that_it_must_be_repeated(journal: Journal, tmp_path: Path) -> None:
    for number in range(20):
        record(journal, play(f"secret-{number}"))
    reader = JournalReader.open_readonly(journal.path)
    reading = reader.connection.execute("SELECT * FROM measure_events")
    reading.fetchone()
    with pytest.raises(StorageError, match="another program"):
        journal.erase(NOON)
    reading.close()
    reader.close()
    journal.erase(NOON)
    assert b"secret" not in everything_in(tmp_path)


def test_what_another_program_locks_is_written_as_soon_as_it_lets_go_and_holds_nobody_up(journal: Journal) -> None:
    ((patience_ms,),) = journal.connection.execute("PRAGMA busy_timeout").fetchall()
    assert patience_ms <= 100, "a press waits as long as each write"
    with closing(sqlite3.connect(journal.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="locked"):
            journal.record_decision(selection(1))
        other.execute("ROLLBACK")
    journal.record_decision(selection(2))
    assert [decision["id"] for decision in journal.decisions(9)] == ["decision-2", "decision-1"]


def test_what_the_disk_had_refused_before_an_erasure_is_not_written_after_it(journal: Journal) -> None:
    with closing(sqlite3.connect(journal.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError):
            journal.record_decision(selection(1))
        other.execute("ROLLBACK")
    journal.erase(NOON)
    journal.record_decision(selection(2))
    assert [decision["id"] for decision in journal.decisions(9)] == ["decision-2"]


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_an_erasure_whose_time_cannot_be_read_counts_as_just_now_from_then_on(
    journal: Journal, caplog: pytest.LogCaptureFixture, cell: str
) -> None:
    journal.erase(BEGINNING)
    journal.connection.execute(f"UPDATE measure_erased SET at_us = {cell}")  # noqa: S608  from above
    assert journal.erased_at(NOON) == NOON
    assert reopened(journal).erased_at(NOON + timedelta(days=1)) == NOON, "or a device would never place again"
    (told,) = [record.getMessage() for record in caplog.records]
    assert "counts as erased just now" in told


def test_a_play_that_goes_on_during_erasure_does_not_come_back(journal: Journal) -> None:
    record(journal, play(), SHOWN)
    journal.erase(NOON)
    journal.record_event(PlayEvent(play().id, PlayEventKind.COMPLETE, NOON, 5000))
    assert journal.proofs(10) == []


# --- other programs ----------------------------------------------------------------------------------------------


def test_another_program_reads_along_and_cannot_write(journal: Journal) -> None:
    record(journal, play())
    reader = JournalReader.open_readonly(journal.path)
    record(journal, play("2", NOON + timedelta(hours=1)))
    assert [proof.play_id for proof in reader.proofs(10)] == ["play-2", "play-1"]
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.connection.execute("DELETE FROM measure_plays")
    reader.close()


def test_what_is_no_journal_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello, this is not a database at all " * 100)
    for name in ("absent", "text"):
        with pytest.raises(StorageError, match="cannot be read"):
            JournalReader.open_readonly(tmp_path / name)
    assert not (tmp_path / "absent").exists()


# --- power cuts and full disks -----------------------------------------------------------------------------------


def test_what_a_power_cut_interrupted_ended_at_its_last_proven_event(journal: Journal) -> None:
    record(journal, play("1"), SHOWN)
    record(journal, play("2", NOON + timedelta(hours=1)), ())
    again = reopened(journal)
    assert [proof.ended_at for proof in again.proofs(2)] == [NOON + timedelta(hours=1), NOON + timedelta(seconds=2)]
    again.close()


_WRITER = textwrap.dedent("""
    import sys
    from pathlib import Path
    from edge_agent.measure.journal import Journal
    from tests.unit.measure.plays import play, record
    journal = Journal(Path(sys.argv[1]))
    for number in range(100000):
        record(journal, play(str(number)))
        print(number, flush=True)
""")


def test_every_play_that_was_recorded_survives_kill_9(tmp_path: Path) -> None:
    path, last = tmp_path / "agent.db", 60
    with subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            if int(line) >= last:
                os.kill(writer.pid, signal.SIGKILL)
                break
        said = [last, *(int(line) for line in writer.stdout)]
    journal = Journal(path)
    proofs = {proof.play_id: proof for proof in journal.proofs(1000)}
    for number in range(said[-1] + 1):
        assert [event.kind for event in proofs[PlayId(f"play-{number}")].events] == list(DONE)
    journal.close()


def fill_disk(journal: Journal) -> None:
    """Let the database grow no further; SQLite then fails exactly as on a full disk."""
    journal.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    pages = journal.connection.execute("PRAGMA page_count").fetchone()[0]
    journal.connection.execute(f"PRAGMA max_page_count = {pages}")


def test_a_full_disk_raises_once_keeps_what_is_there_and_loses_nothing(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    record(journal, play("before"))
    fill_disk(journal)
    raised = 0
    for number in range(200):
        try:
            record(journal, play(f"during-{number}", NOON + timedelta(minutes=number)))
        except StorageError:
            raised += 1
            # The caller goes on; only the events of this very play were skipped by the exception.
            record(journal, play(f"during-{number}", NOON + timedelta(minutes=number)))
    assert raised == 1
    failing = journal.failing
    assert any(proof.play_id == "play-before" for proof in journal.proofs(1000))
    journal.connection.execute("PRAGMA max_page_count = 1000000")
    record(journal, play("after", NOON + timedelta(days=1)))
    proofs = {proof.play_id for proof in journal.proofs(1000)}
    assert proofs == {"play-before", "play-after", *(f"play-during-{number}" for number in range(200))}
    assert (failing, journal.failing) == (True, False)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "Free some space" in caplog.messages[0]


_FULL = textwrap.dedent("""
    import resource, sys
    from datetime import timedelta
    from pathlib import Path
    from edge_agent.measure.journal import Journal
    from edge_agent.model.errors import StorageError
    from tests.unit.measure.plays import NOON, play, record
    journal = Journal(Path(sys.argv[1]))
    record(journal, play("before"))
    import signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, resource.RLIM_INFINITY))
    raised = 0
    for number in range(300):
        try:
            record(journal, play(str(number), NOON + timedelta(minutes=number)))
        except StorageError:
            raised += 1
    print(raised, flush=True)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    record(journal, play("after"))
    print(len(journal.proofs(1000)), flush=True)
""")


def test_a_file_that_may_not_grow_is_a_full_disk_too(tmp_path: Path) -> None:
    path = tmp_path / "agent.db"
    done = subprocess.run(
        [sys.executable, "-c", _FULL, str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split() == ["1", "302"], done.stderr
    journal = Journal(path)
    assert len(journal.proofs(1000)) == 302
    journal.close()
