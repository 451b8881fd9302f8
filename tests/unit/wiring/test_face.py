"""The agent's face where no other test looks: health, answers that nobody waits for, and what is never set."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.clock import Clock, SettableClock, SystemClock
from edge_agent.debug.shapes import LinkView
from edge_agent.measure.journal import Journal
from edge_agent.model import effects as fx
from edge_agent.model import events as ev
from edge_agent.model.decision import Decision
from edge_agent.model.errors import StorageError
from edge_agent.model.formats import Format
from edge_agent.model.moment import MomentKind
from edge_agent.model.wording import Said
from edge_agent.packs.fetching.mirrors import AssetSource
from edge_agent.plays import EngineState
from edge_agent.settings.layers import load_settings
from edge_agent.troubles import Troubles
from edge_agent.wiring.driver import Driver
from edge_agent.wiring.face import DECISIONS_SHOWN, Face, Sights
from tests.sentences import said
from tests.shelf import catalog, moment, surroundings
from tests.unit.measure.plays import DONE, play, record, refusal


class Agent:
    """A face over a driver, a journal and troubles of its own; `answers` decides whether slots are answered."""

    def __init__(self, folder: Path, clock: Clock | None = None, *, answers: bool = True) -> None:
        config = folder / "agent.toml"
        config.write_text('profile = "virtual-fridge"\ndevice_id = "fridge"\n', encoding="utf-8")
        self.answers = answers
        self.journal = Journal(folder / "agent.db")
        self.troubles = Troubles()
        clock = clock or SettableClock(SystemClock())
        self.driver = Driver(
            EngineState(surroundings(), "run"),
            now=clock.now,
            draw=lambda: 0.0,
            carry=self.carry,
            noticed=self.noticed,
        )
        self.face = Face(
            settings=load_settings(config),
            driver=self.driver,
            journal=self.journal,
            clock=clock,
            troubles=self.troubles,
            sights=Sights(
                link=lambda: LinkView(status="connected", broker="there:1883", since="now"),
                repository_version=lambda: 7,
                config_version=lambda: None,
                metrics=lambda: b"edge_agent_build 1.0",
                asset_sources=lambda: (
                    AssetSource("https://cdn.example", 12, said("The mirror is slow."), 1),
                    AssetSource("", 5),
                ),
            ),
            set_mute=lambda _: None,
        )

    def noticed(self, event: ev.Event) -> None:
        self.face.noticed(event)

    def carry(self, effect: fx.Effect) -> None:
        match effect:
            case fx.AnswerSlot() if self.answers:
                self.face.answered(effect)
            case fx.RecordDecision():
                self.face.decided(effect.decision)
            case _:
                pass


@pytest.fixture
async def agent(tmp_path: Path) -> Agent:
    return Agent(tmp_path)


def request(name: str) -> ev.SlotRequested:
    return ev.SlotRequested(name, moment(MomentKind.ASSISTANT_ANSWERED), Format.VOICE_MENTION)


async def test_health_is_starting_then_ok_then_says_what_is_wrong(agent: Agent) -> None:
    assert agent.face.health()["status"] == "starting"
    agent.face.ready = True
    assert (agent.face.health()["status"], agent.face.health()["problems"]) == ("ok", [])
    agent.troubles.begin("journal", StorageError("The disk is full.", "Free some space."))
    health = agent.face.health()
    assert health["status"] == "degraded"
    (problem,) = health["problems"]
    assert (problem["what"], problem["next_step"]) == ("The disk is full.", "Free some space.")
    agent.troubles.end("journal")
    assert agent.face.health()["status"] == "ok"


async def test_a_slot_is_answered_to_the_one_who_asked(agent: Agent) -> None:
    first, second = await asyncio.gather(
        agent.face.request_slot(request("first")), agent.face.request_slot(request("second"))
    )
    assert (first.request_id, second.request_id) == ("first", "second")
    assert not agent.face._requests, "nothing is kept of what was answered"


async def test_an_answer_to_somebody_who_went_away_is_passed_over(tmp_path: Path) -> None:
    agent = Agent(tmp_path, answers=False)
    asking = asyncio.create_task(agent.face.request_slot(request("gone")))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    decision = Decision(refusal(1).id, refusal(1).at, refusal(1).moment, refusal(1).outcome)
    agent.face.answered(fx.AnswerSlot("gone", decision, None))
    agent.answers = True
    assert (await agent.face.request_slot(request("gone"))).request_id == "gone", "the name is free again"


async def test_only_a_stand_ins_clock_can_be_set(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="stand-in"):
        Agent(tmp_path, SystemClock()).face.set_clock(datetime.now(UTC))


async def test_a_clock_that_is_set_is_what_everybody_sees(agent: Agent) -> None:
    then = datetime(2030, 1, 1, tzinfo=UTC)
    agent.face.set_clock(then)
    assert agent.face.now() - then < timedelta(minutes=1)
    assert agent.face.state()["now"].startswith("2030-01-01")


async def test_the_newest_decisions_are_shown_first_and_the_oldest_forgotten(agent: Agent) -> None:
    for number in range(DECISIONS_SHOWN + 5):
        agent.face.decided(refusal(number))
    shown = [decision["id"] for decision in agent.face.decisions(10_000)]
    assert shown[:2] == [f"d{DECISIONS_SHOWN + 4}", f"d{DECISIONS_SHOWN + 3}"]
    assert len(shown) == DECISIONS_SHOWN
    assert len(agent.face.decisions(3)) == 3


async def test_erasing_takes_what_is_shown_too_and_resets_no_cap(agent: Agent) -> None:
    record(agent.journal, play("1"), DONE)
    agent.face.decided(refusal(1))
    before = agent.driver.state.surroundings.history
    with agent.face.subscribe() as messages:
        agent.face.erase()
        assert (await anext(messages))["type"] == "dropped", "every open page begins anew"
    assert (agent.face.plays(9), agent.face.decisions(9)) == ([], [])
    assert agent.driver.state.surroundings.history is before


async def test_erasing_takes_what_is_shown_though_the_disk_refuses(agent: Agent) -> None:
    agent.face.decided(refusal(1))
    with closing(sqlite3.connect(agent.journal.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="locked"):
            agent.face.erase()
        other.execute("ROLLBACK")
    assert agent.face.decisions(9) == []


async def test_with_nobody_watching_no_state_is_put_together(agent: Agent) -> None:
    agent.driver.tell(ev.DeviceChanged(media_playing=True))
    with agent.face.subscribe() as messages:
        agent.driver.tell(ev.DeviceChanged(media_playing=False))
        told = await asyncio.wait_for(anext(messages), 20)
    assert told["type"] == "state"
    assert not told["state"]["media_playing"]


async def test_where_files_come_from_is_shown_with_what_is_wrong(agent: Agent) -> None:
    assert agent.face.state()["asset_sources"] == [
        {
            "kind": "mirror",
            "url": "https://cdn.example",
            "received_bytes": 12,
            "lacks": 1,
            "problem": "The mirror is slow.",
            "problem_said": {"name": "test", "facts": {"text": "The mirror is slow."}},
        },
        {"kind": "broker", "url": "", "received_bytes": 5, "lacks": 0, "problem": "", "problem_said": None},
    ]


async def test_who_watches_is_told_what_packs_wait_for_once_for_each_change(tmp_path: Path) -> None:
    agent = Agent(tmp_path)
    reasons: dict[str, Said] = {}
    agent.face.sights = replace(agent.face.sights, pack_reasons=lambda: reasons)
    agent.driver.tell(ev.CatalogChanged(catalog()))
    name = catalog().packs[0].name
    with agent.face.subscribe() as messages:
        for why in (said("It waits until midnight."), said("It waits until midnight."), None):
            reasons.pop(name, None)
            if why is not None:
                reasons[name] = why
            agent.face.tell_packs()
        agent.face.tell_state()
        told = [await asyncio.wait_for(anext(messages), 20) for _ in range(3)]
    assert [message["type"] for message in told] == ["packs", "packs", "state"]
    assert [message["packs"][0]["reason"] for message in told[:2]] == ["It waits until midnight.", ""]  # type: ignore[typeddict-item]


async def test_a_play_that_cannot_be_read_ends_nothing_and_is_shown_again_when_it_can(agent: Agent) -> None:
    record(agent.journal, play(), DONE)
    with agent.face.subscribe() as messages:
        agent.journal.connection.execute("ALTER TABLE measure_events RENAME TO away")
        agent.face.tell_play(play().id)
        agent.journal.connection.execute("ALTER TABLE away RENAME TO measure_events")
        agent.face.tell_play(play().id)
        assert (await anext(messages))["type"] == "play"
