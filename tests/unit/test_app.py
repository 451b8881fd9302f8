"""The composition root: what must survive when a room is put in another's place."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from edge_agent.app import Agent
from edge_agent.fleet.reports.key_pair import new_report_key
from edge_agent.measure.report_key import Kem
from edge_agent.model.device import Consent, ResidentLimits
from edge_agent.model.effects import RecordClose
from edge_agent.model.events import CatalogChanged, PhraseHeard, ResidentDecided
from edge_agent.model.play import CloseCause
from edge_agent.voice.own_voice import OwnSound
from tests.shelf import NOON, catalog
from tests.unit.measure.plays import play


@asynccontextmanager
async def agent_of(folder: Path) -> AsyncIterator[Agent]:
    """Build an agent in `folder` without running it."""
    config = folder / "agent.toml"
    config.write_text('profile = "virtual-speaker"\ndevice_id = "kitchen"\n', "utf-8")
    agent = Agent(config)
    try:
        yield agent
    finally:
        agent.timers.cancel_all()
        agent.journal.close()
        agent.memory.close()


def is_muted(agent: Agent) -> bool:
    ears = {agent.rooms.ear.room._wishes.now.muted, agent.rooms.wyoming.room._mute.on}
    assert len(ears) == 1
    return ears.pop()


async def replace_ear(agent: Agent) -> None:
    before = agent.rooms.ear.room
    voice = agent.settings.voice.model_copy(update={"sensitivity": 0.9})
    await agent._live_by(agent.settings.model_copy(update={"voice": voice}))
    assert agent.rooms.ear.room is not before


async def test_a_reporter_that_replaces_another_knows_the_key_the_catalog_and_the_consent(tmp_path: Path) -> None:
    async with agent_of(tmp_path) as agent:
        document, _ = new_report_key(Kem.CLASSIC)
        agent.rooms._report_key_changed("", document)
        agent.emit(CatalogChanged(catalog()))
        agent.emit(ResidentDecided(Consent(placements=True, reports=True, at=NOON), ResidentLimits()))
        before = agent.rooms.reporter.room
        measure = agent.settings.measure.model_copy(update={"send_spread": timedelta(hours=1)})
        await agent._live_by(agent.settings.model_copy(update={"measure": measure}))
        after = agent.rooms.reporter.room
        assert after is not before
        assert after._key is not None
        assert after._creatives
        assert (after._key, after._creatives, after._consent) == (before._key, before._creatives, before._consent)


async def test_a_play_is_shown_as_it_is_in_the_journal_though_an_answer_went_first(tmp_path: Path) -> None:
    async with agent_of(tmp_path) as agent:
        agent.journal.record_play(play())
        with agent.face.subscribe() as messages:
            agent.writes.hold()
            agent._carry(RecordClose(play().id, CloseCause.FOLLOWED_UP))
            agent.writes.now()
            message = await anext(messages)
        assert message["type"] == "play"
        assert message["play"]["close_cause"] == "followed_up"


def heard(agent: Agent) -> bool:
    return b"edge_agent_phrases_heard_total 0.0" not in agent.metrics.exposition()


async def test_a_muted_microphone_stays_muted_when_configuration_replaces_the_ear(tmp_path: Path) -> None:
    async with agent_of(tmp_path) as agent:
        agent.face.mute(on=True)
        await replace_ear(agent)
        assert is_muted(agent)
        agent.face.mute(on=False)
        assert not is_muted(agent)


async def test_a_muted_microphone_stays_muted_over_a_restart_and_hears_again_when_unmuted(tmp_path: Path) -> None:
    async with agent_of(tmp_path) as agent:
        assert not is_muted(agent)
        agent.face.mute(on=True)
    async with agent_of(tmp_path) as agent:
        assert is_muted(agent)
        agent.face.mute(on=False)
    async with agent_of(tmp_path) as agent:
        assert not is_muted(agent)


async def test_an_ear_that_replaces_another_knows_what_is_playing_and_since_when(tmp_path: Path) -> None:
    async with agent_of(tmp_path) as agent:
        sound = OwnSound(tmp_path / "say.wav", 4.0)
        agent.rooms.play(sound)
        await replace_ear(agent)
        assert agent.rooms.ear.room._wishes.now.own == sound
        agent.rooms.play(None)
        assert agent.rooms.ear.room._wishes.now.own is None


async def test_a_phrase_that_a_replaced_ear_still_tells_of_does_not_outlive_a_mute(tmp_path: Path) -> None:
    async with agent_of(tmp_path) as agent:
        before = agent.rooms.ear.room
        await replace_ear(agent)
        agent.face.mute(on=True)
        before._emit(PhraseHeard("hey kitchen", 1.0, 1.6, 0.9))
        assert not heard(agent)
        agent.face.mute(on=False)
        agent.rooms.ear.room._emit(PhraseHeard("hey kitchen", 1.0, 1.6, 0.9))
        assert heard(agent)
