"""Opening, counting and adding up: what a collector takes, what it refuses, what it may conclude."""

import logging
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest

from edge_agent.fleet.reports.key_folder import opening_keys
from edge_agent.fleet.reports.key_pair import new_report_key, read_private_key
from edge_agent.fleet.reports.opening import LEAST_EPSILON, NEWEST, OLDEST, Opener, Tally
from edge_agent.fleet.reports.store import Counter, ReportStore
from edge_agent.fleet.reports.totals import lines
from edge_agent.measure.randomiser import randomise
from edge_agent.measure.report_key import Kem, read_report_key
from edge_agent.measure.sealer import seal
from edge_agent.model.errors import FormatError, SettingsError, StorageError
from edge_agent.model.report import ImpressionReport, Reached
from tests.somebody import nobody

TODAY = date(2026, 11, 21)
PUBLIC, PRIVATE = new_report_key(Kem.HYBRID)
KEY = read_report_key(PUBLIC)


def report(
    answer: Reached = Reached.COMPLETE, *, day: date = TODAY, crid: str = "morning", epsilon: float = 2.0
) -> ImpressionReport:
    return ImpressionReport(day=day, campaign="coffee", crid=crid, epsilon=epsilon, answer=answer)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ReportStore]:
    opened = ReportStore(tmp_path / "reports.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def opener(store: ReportStore) -> Opener:
    return Opener(store, lambda: [read_private_key(PRIVATE)], lambda: TODAY)


def test_equal_answers_count_each_and_equal_messages_once(opener: Opener, store: ReportStore) -> None:
    one, other = seal(report(), KEY), seal(report(), KEY)
    assert opener.take([one, other, one]) == Tally(accepted=2, duplicates=1)
    assert opener.take([one]) == Tally(duplicates=1)
    assert store.counters() == [Counter(TODAY, "coffee", "morning", 2.0, Reached.COMPLETE, 2)]


def test_counting_goes_on_after_a_restart(opener: Opener, store: ReportStore, tmp_path: Path) -> None:
    message = seal(report(), KEY)
    opener.take([message])
    store.close()
    again = ReportStore(tmp_path / "reports.sqlite")
    assert Opener(again, lambda: [read_private_key(PRIVATE)], lambda: TODAY).take([message]) == Tally(duplicates=1)
    assert again.counters()[0].reports == 1
    again.close()


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param("UPDATE counters SET day = 'yesterday'", id="no-day"),
        pytest.param("UPDATE counters SET answer = x'ff00'", id="no-answer"),
        pytest.param("DROP TABLE counters", id="no-table"),
    ],
)
def test_counters_that_cannot_be_read_are_one_error_with_a_next_step(
    opener: Opener, store: ReportStore, tmp_path: Path, damage: str
) -> None:
    opener.take([seal(report(), KEY)])
    with closing(sqlite3.connect(tmp_path / "reports.sqlite")) as other, other:
        other.execute(damage)
    with pytest.raises(StorageError, match=r"reports\.sqlite cannot be read") as caught:
        store.counters()
    assert caught.value.next_step == "Check the disk, or put a copy of it in its place."


def test_what_cannot_be_counted_is_one_error_and_nothing_of_it_is_kept(opener: Opener, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "reports.sqlite")) as other, other:
        other.execute("ALTER TABLE counters RENAME TO aside")
    with pytest.raises(StorageError, match="cannot be written"):
        opener.take([seal(report(), KEY)])
    with closing(sqlite3.connect(tmp_path / "reports.sqlite")) as other, other:
        assert other.execute("SELECT count(*) FROM seen").fetchone() == (0,)


def test_garbage_is_refused_with_one_line_and_good_ones_beside_it_are_kept(
    opener: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = read_report_key(new_report_key(Kem.HYBRID)[0])
    sealed = seal(report(), KEY)
    bad = [b"", b"garbage", b"\x00" * len(sealed), seal(report(), stranger), sealed[:-1] + b"!", b"x" * 300_000]
    assert opener.take([*bad, sealed]) == Tally(accepted=1, refused=len(bad))
    opener.take(bad)
    assert opener.tally == Tally(accepted=1, refused=2 * len(bad))
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 1


@pytest.mark.parametrize(
    ("day", "taken"),
    [
        (TODAY - OLDEST, True),
        (TODAY - OLDEST - timedelta(days=1), False),
        (TODAY + NEWEST, True),
        (TODAY + NEWEST + timedelta(days=1), False),
    ],
)
def test_only_days_that_may_be_reported_on_now_count(opener: Opener, day: date, taken: bool) -> None:
    assert opener.take([seal(report(day=day), KEY)]).accepted == taken


@pytest.mark.parametrize(("epsilon", "taken"), [(LEAST_EPSILON, True), (0.2499, False), (1e-9, False)])
def test_a_forger_cannot_weigh_more_by_claiming_more_noise(opener: Opener, epsilon: float, taken: bool) -> None:
    assert opener.take([seal(report(epsilon=epsilon), KEY)]).accepted == taken


def test_an_old_key_still_opens_what_was_sealed_to_it(store: ReportStore, tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    new_public, new_private = new_report_key(Kem.CLASSIC)
    (tmp_path / "keys" / "report-key-2025.private.json").write_bytes(PRIVATE)
    (tmp_path / "keys" / "report-key.private.json").write_bytes(new_private)
    opener = Opener(store, lambda: opening_keys(tmp_path), lambda: TODAY)
    messages = [seal(report(), KEY), seal(report(), read_report_key(new_public))]
    assert opener.take(messages) == Tally(accepted=2)


def test_without_a_private_key_the_next_step_is_said(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no private report key") as caught:
        opening_keys(tmp_path)
    assert "fleet keys init" in caught.value.for_person()


@pytest.mark.parametrize("shut", ["keys", "keys/report-key.private.json"], ids=["folder", "file"])
def test_a_private_key_that_may_not_be_read_is_not_said_to_be_missing(tmp_path: Path, shut: str) -> None:
    for folder in (above for above in (tmp_path, *tmp_path.parents) if "pytest-of-" in str(above)):
        folder.chmod(0o755)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "report-key.private.json").write_bytes(new_report_key(Kem.CLASSIC)[1])
    (tmp_path / shut).chmod(0)
    with nobody(), pytest.raises(SettingsError, match="cannot be read: Permission denied") as caught:
        opening_keys(tmp_path)
    (tmp_path / shut).chmod(0o700)
    assert "owner" in caught.value.next_step


def test_the_store_does_not_tell_whose_answer_was_what(opener: Opener, store: ReportStore) -> None:
    opener.take([seal(report(Reached.FOLLOWED_UP), KEY), seal(report(Reached.NOTHING), KEY)])
    seen = store._connection.execute("SELECT * FROM seen").fetchall()
    assert {tuple(row.keys()) for row in seen} == {("digest", "day")}


# --- totals ------------------------------------------------------------------------------------------------------


def counters(truths: dict[Reached, int], *, day: date = TODAY, crid: str = "morning", seed: int = 1) -> list[Counter]:
    generator = random.Random(seed)
    given = [randomise(truth, 2.0, generator.random()) for truth, homes in truths.items() for _ in range(homes)]
    return [Counter(day, "coffee", crid, 2.0, answer, given.count(answer)) for answer in set(given)]


def test_5000_homes_are_concluded_from() -> None:
    truths = {Reached.NOTHING: 3800, Reached.IMPRESSION: 700, Reached.COMPLETE: 450, Reached.FOLLOWED_UP: 50}
    total, line = lines(counters(truths))
    assert (line.campaign, line.crid, line.day, line.reports) == ("coffee", "morning", TODAY, 5000)
    assert (total.crid, total.day, total.reports) == ("", None, 5000)
    for stage, truth in (("reached", 1200), ("completed", 500), ("followed_up", 50)):
        found = line.estimates[stage]
        assert found.low <= truth <= found.high
    assert line.verdict == "conclusive"


def test_three_homes_are_not(opener: Opener, store: ReportStore) -> None:
    opener.take([seal(report(), KEY) for _ in range(3)])
    _, line = lines(store.counters())
    assert line.verdict.startswith("too few homes to conclude: about ")
    assert line.document()["conclusive"] is False


def test_nobody_reached_cannot_be_told_from_nobody() -> None:
    _, line = lines(counters({Reached.NOTHING: 5000}, seed=3))
    assert line.estimates["reached"].low == 0
    assert line.verdict == "cannot be told from nobody"


def test_a_campaign_adds_up_creatives_and_days_as_home_days() -> None:
    truths = {Reached.NOTHING: 700, Reached.COMPLETE: 300}
    total, *own = lines(
        [
            *counters(truths, seed=1),
            *counters(truths, day=TODAY + timedelta(days=1), seed=2),
            *counters(truths, crid="evening", seed=3),
        ]
    )
    assert [(line.crid, line.day) for line in own] == [
        ("evening", TODAY),
        ("morning", TODAY),
        ("morning", TODAY + timedelta(days=1)),
    ]
    assert total.reports == 3000
    assert total.estimates["reached"].low <= 900 <= total.estimates["reached"].high


def test_answers_with_different_noise_are_not_mixed() -> None:
    loud = [Counter(TODAY, "coffee", "morning", 8.0, Reached.COMPLETE, 500)]
    quiet = [Counter(TODAY, "coffee", "morning", 0.5, answer, 125) for answer in Reached]
    _, line = lines([*loud, *quiet])
    # 500 homes that all but told the truth, and 500 whose even answers say nothing (3 in 4 of them "reached").
    assert abs(line.estimates["reached"].value - (500 + 375)) < 3
    assert line.reports == 1000


def test_no_reports_no_lines() -> None:
    assert lines([]) == []
