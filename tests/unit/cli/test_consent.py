"""`edge-agent consent` without a running agent: what is written for the next start, and what is never touched."""

import json
import os
import sqlite3
from datetime import UTC, datetime, time
from pathlib import Path

import pytest

from edge_agent.debug.serving import serve
from edge_agent.measure.journal import Journal
from edge_agent.model.campaign import Daypart
from edge_agent.model.device import Consent, ResidentLimits
from edge_agent.model.formats import Format
from edge_agent.settings.resident import ResidentStore
from edge_agent.settings.rooms import DebugSettings
from tests.small_agent import SmallAgent
from tests.small_shelf import small_shelf
from tests.unit.cli.commands import edge_agent, edge_agent_beside, write_config
from tests.unit.measure.plays import DONE, everything_in, play, record, refusal

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_config(tmp_path)


def stored(config: Path) -> tuple[Consent, ResidentLimits]:
    store = ResidentStore(config.parent / "state" / "agent.db")
    try:
        return store.load()
    finally:
        store.close()


def test_before_anybody_was_asked_nothing_is_agreed_and_nothing_is_made(config: Path) -> None:
    done = edge_agent("consent", "show", "--config", config, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["consent"] == {"placements": False, "reports": False, "at": None}
    assert [path.name for path in config.parent.iterdir()] == ["agent.toml"], "reading makes no file"


def test_consent_is_given_part_by_part_and_withdrawn(config: Path) -> None:
    done = edge_agent("consent", "give", "--config", config)
    assert done.returncode == 0, done.stderr
    assert "next start" in done.stderr
    consent, _ = stored(config)
    assert (consent.placements, consent.reports, consent.at is None) == (True, False, False)
    edge_agent("consent", "give", "--reports", "--config", config)
    assert stored(config)[0].reports
    done = edge_agent("consent", "withdraw", "--config", config, "--json")
    assert not json.loads(done.stdout)["consent"]["placements"]
    assert not stored(config)[0].placements


def test_limits_are_set_one_by_one_and_lifted_together(config: Path) -> None:
    edge_agent("consent", "give", "--config", config)
    agreed, _ = stored(config)
    done = edge_agent(
        "consent", "limit", "--quiet", "22:00-07:00", "--max-per-day", "5", "--format-off", "voice_mention",
        "--block-advertiser", "acme.example", "--block-category", "210", "--config", config,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    _, limits = stored(config)
    assert [(str(part.start), str(part.end)) for part in limits.quiet_hours] == [("22:00:00", "07:00:00")]
    assert (limits.max_per_day, limits.max_per_hour, set(limits.formats_off)) == (5, None, {"voice_mention"})
    assert (set(limits.blocked_advertisers), set(limits.blocked_cat)) == ({"acme.example"}, {"210"})
    edge_agent("consent", "limit", "--max-per-hour", "0", "--config", config)
    consent, limits = stored(config)
    assert (limits.max_per_day, limits.max_per_hour) == (5, 0), "what is not named stays"
    assert consent == agreed, "limits are no new consent, and reports tell of nothing before the consent"
    edge_agent("consent", "limit", "--clear", "--max-per-day", "9", "--config", config)
    assert stored(config)[1] == ResidentLimits(max_per_day=9)


def test_limits_are_shown_as_a_person_says_them_and_none_at_all_too(config: Path) -> None:
    working_days = Daypart(start=time(9), end=time(12, 30), weekdays=(1, 5))
    limits = ResidentLimits(
        quiet_hours=(Daypart(start=time(22), end=time(7)), working_days),
        formats_off=frozenset({Format.VOICE_MENTION, Format.IDLE_POSTER}),
        max_per_day=0,
    )
    store = ResidentStore(config.parent / "state" / "agent.db")
    store.save(Consent(placements=True, at=datetime(2026, 11, 22, 23, 30, 5, tzinfo=UTC)), limits)
    store.close()
    with config.open("a", encoding="utf-8") as more:
        more.write('timezone = "Europe/Berlin"\n')
    shown = edge_agent("consent", "show", "--config", config).stdout
    for said in ("2026-11-23 00:30", "09:00-12:30 on Mon, Fri, 22:00-07:00", "idle_poster, voice_mention"):
        assert said in shown
    assert "0" in next(line for line in shown.splitlines() if "at most a day" in line)
    assert "at most an hour" not in shown


def test_clearing_limits_does_not_bring_dismissed_campaigns_back_and_forgetting_does(config: Path) -> None:
    store = ResidentStore(config.parent / "state" / "agent.db")
    store.save(Consent(), ResidentLimits(dismissed_campaigns=frozenset({"rain"}), max_per_day=1))
    store.close()
    edge_agent("consent", "limit", "--clear", "--config", config)
    assert stored(config)[1] == ResidentLimits(dismissed_campaigns=frozenset({"rain"}))
    edge_agent("consent", "forget", "--config", config)
    assert stored(config)[1] == ResidentLimits()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ((), "at least one"),
        (("--quiet", "at night"), "--quiet"),
        (("--quiet", "22:00"), "--quiet"),
        (("--quiet", "22:00-07:00") * 33, "--quiet"),
        (("--max-per-day", "-1"), "--max-per-day"),
        (("--format-off", "hologram"), "--format-off"),
    ],
)
def test_a_limit_that_means_nothing_is_exit_code_2_and_changes_nothing(
    config: Path, words: tuple[str, ...], named: str
) -> None:
    done = edge_agent("consent", "limit", *words, "--config", config)
    assert done.returncode == 2
    assert named in done.stderr
    assert not (config.parent / "state").exists()


async def test_of_an_agent_that_runs_it_shows_what_that_goes_by(config: Path, tmp_path: Path) -> None:
    """Its disk may be full, and its choice newer than what is on it."""
    store = ResidentStore(tmp_path / "state" / "agent.db")
    store.save(Consent(placements=True), ResidentLimits())
    store.close()
    (tmp_path / "shelf").mkdir()
    agent = SmallAgent("fridge", small_shelf(tmp_path / "shelf"), tmp_path / "fridge", consent=False)
    async with serve(agent, DebugSettings(port=None, socket=tmp_path / "state/runtime/agent.sock")):
        shown = await edge_agent_beside("consent", "show", "--config", str(config), "--json")
    assert not json.loads(shown.out)["consent"]["placements"]
    shown = await edge_agent_beside("consent", "show", "--config", str(config), "--json")
    assert json.loads(shown.out)["consent"]["placements"], "without an agent, what its next start goes by"


def test_erasing_leaves_consent_and_no_trace_of_what_was_placed(config: Path) -> None:
    edge_agent("consent", "give", "--config", config)
    journal = Journal(config.parent / "state" / "agent.db")
    record(journal, play("secret"), DONE)
    journal.record_decision(refusal(1))
    done = edge_agent("consent", "erase", "--config", config, "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"erased": True}), done.stderr
    assert b"secret" not in everything_in(config.parent)
    assert (journal.proofs(9), journal.decisions(9)) == ([], []), "also for whoever had it open all the time"
    assert journal.erased_at(datetime.now(UTC)) is not None
    journal.close()
    assert stored(config)[0].placements


def test_erasing_where_nothing_was_ever_kept_makes_no_file(config: Path) -> None:
    assert edge_agent("consent", "erase", "--config", config).returncode == 0
    assert not (config.parent / "state").exists()


@as_root
def test_what_root_reads_and_writes_stays_the_agents(config: Path) -> None:
    state = config.parent / "state"
    state.mkdir()
    os.chown(state, NOBODY, NOBODY)
    for words in (("show",), ("give",), ("show",), ("limit", "--max-per-day", "3"), ("erase",)):
        done = edge_agent("consent", *words, "--config", config)
        assert done.returncode == 0, done.stderr
        assert {path.stat().st_uid for path in state.rglob("*")} <= {NOBODY}, words


@as_root
def test_a_stranger_gets_one_sentence_and_leaves_no_file(config: Path) -> None:
    edge_agent("consent", "give", "--config", config)
    state = config.parent / "state"
    for folder in (*(above for above in config.parents if "pytest-of-" in str(above)), state):
        folder.chmod(0o777)
    (state / "agent.db").chmod(0o666)
    before = sorted(path.name for path in state.iterdir())
    done = edge_agent("consent", "withdraw", "--config", config, user=NOBODY)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert "sudo -u root" in done.stderr
    assert edge_agent("consent", "show", "--config", config, user=NOBODY).returncode == 0, "who may read it may look"
    (state / "agent.db").chmod(0o600)
    for command in ("show", "erase", "give"):
        done = edge_agent("consent", command, "--config", config, user=NOBODY)
        assert done.returncode == 1, command
        assert done.stderr.startswith("edge-agent: ")
        assert done.stderr.count("\n") == 1, done.stderr
    assert sorted(path.name for path in state.iterdir()) == before
    assert stored(config)[0].placements


def test_a_database_that_is_none_is_one_sentence_and_stays_as_it_is(config: Path) -> None:
    database = config.parent / "state" / "agent.db"
    database.parent.mkdir()
    database.write_bytes(b"not a database" * 100)
    done = edge_agent("consent", "show", "--config", config)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert database.read_bytes() == b"not a database" * 100


def test_showing_waits_for_no_writer(config: Path) -> None:
    edge_agent("consent", "give", "--config", config)
    writing = sqlite3.connect(config.parent / "state" / "agent.db", isolation_level=None)
    writing.execute("BEGIN IMMEDIATE")
    writing.execute("UPDATE resident SET consent = '{}'")
    done = edge_agent("consent", "show", "--config", config, "--json")
    assert json.loads(done.stdout)["consent"]["placements"], "what was committed"
    writing.execute("ROLLBACK")
    writing.close()
