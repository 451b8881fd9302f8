"""The composition root: what must survive when a room is put in another's place."""

from pathlib import Path

from edge_agent.app import Agent


async def test_a_muted_microphone_stays_muted_when_configuration_replaces_the_ear(tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    config.write_text('profile = "virtual-speaker"\ndevice_id = "kitchen"\n', "utf-8")
    agent = Agent(config)
    try:
        agent.face.mute(on=True)
        before = agent.ear.room
        voice = agent.settings.voice.model_copy(update={"sensitivity": 0.9})
        await agent._live_by(agent.settings.model_copy(update={"voice": voice}))
        assert agent.ear.room is not before
        assert agent.ear.room._wishes.now.muted
        agent.face.mute(on=False)
        assert not agent.ear.room._wishes.now.muted
    finally:
        agent.timers.cancel_all()
        agent.journal.close()
        agent.memory.close()
