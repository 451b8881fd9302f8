"""Remote configuration is tried whole, and kept or rolled back."""

import json
from pathlib import Path

from edge_agent.model.errors import VoiceError
from edge_agent.settings.layers import Settings
from edge_agent.trial import ConfigTrial, document_names

FLEET = "config/fleet.json"
GROUP = "config/group/lounge.json"
DEVICE = "config/device/kitchen.json"


def remote(version: int, **sections: object) -> bytes:
    return json.dumps({"v": 1, "version": version, **sections}).encode()


class Agent:
    """Lives by settings, and cannot when they name a wake phrase that it does not know."""

    def __init__(self, folder: Path) -> None:
        config = folder / "agent.toml"
        if not config.exists():
            config.write_text('profile = "virtual-speaker"\ndevice_id = "kitchen"\ngroups = ["lounge"]\n', "utf-8")
        self.lived: list[Settings] = []
        self.trial = ConfigTrial(config, self.live_by)

    async def live_by(self, settings: Settings) -> None:
        if "xyzzy" in settings.voice.wake_phrases:
            raise VoiceError('The phrase "xyzzy" cannot be heard.')
        self.lived.append(settings)


def test_the_documents_of_a_device_from_least_to_most_specific() -> None:
    assert document_names("kitchen", ("lounge", "north")) == (
        FLEET,
        GROUP,
        "config/group/north.json",
        DEVICE,
    )


async def test_a_good_configuration_is_lived_by_and_survives_a_restart(tmp_path: Path) -> None:
    agent = Agent(tmp_path)
    offered = {
        FLEET: remote(4, placements={"max_per_hour": 1, "max_per_day": 9}),
        DEVICE: remote(2, placements={"max_per_hour": 2}),
        "config/device/other.json": remote(9, placements={"max_per_hour": 7}),
    }
    outcome = await agent.trial.offer(offered)
    assert (outcome.outcome, outcome.version) == ("applied", 4)
    assert agent.lived[-1].placements.max_per_hour == 2
    assert agent.lived[-1].placements.max_per_day == 9
    again = Agent(tmp_path)
    assert again.trial.settings.placements.max_per_hour == 2
    assert again.trial.outcome.version == 4


async def test_the_same_configuration_is_not_lived_by_twice(tmp_path: Path) -> None:
    agent = Agent(tmp_path)
    await agent.trial.offer({FLEET: remote(1, placements={"max_per_hour": 1})})
    await agent.trial.offer({FLEET: remote(1, placements={"max_per_hour": 1})})
    assert len(agent.lived) == 1


async def test_one_bad_document_refuses_the_whole_and_changes_nothing(tmp_path: Path) -> None:
    agent = Agent(tmp_path)
    outcome = await agent.trial.offer(
        {FLEET: remote(1, placements={"max_per_hour": 1}), GROUP: remote(1, mqtt={"host": "evil.example"})}
    )
    assert outcome.outcome == "refused"
    assert "mqtt" in outcome.detail
    assert agent.lived == []
    assert Agent(tmp_path).trial.outcome.outcome == "none"


async def test_values_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    outcome = await Agent(tmp_path).trial.offer({FLEET: remote(1, voice={"sensitivity": 40})})
    assert outcome.outcome == "refused"
    assert "voice.sensitivity" in outcome.detail


async def test_what_the_agent_cannot_live_by_is_rolled_back_and_not_tried_again(tmp_path: Path) -> None:
    agent = Agent(tmp_path)
    await agent.trial.offer({FLEET: remote(1, voice={"sensitivity": 0.7})})
    bad = {FLEET: remote(2, voice={"wake_phrases": ["xyzzy"]})}
    outcome = await agent.trial.offer(bad)
    assert (outcome.outcome, outcome.version) == ("rolled_back", 2)
    assert agent.lived[-1].voice.sensitivity == 0.7
    times = len(agent.lived)
    await agent.trial.offer(bad)
    assert len(agent.lived) == times
    assert Agent(tmp_path).trial.settings.voice.sensitivity == 0.7


async def test_a_configuration_that_the_agent_died_on_is_rolled_back_at_the_next_start(tmp_path: Path) -> None:
    agent = Agent(tmp_path)
    await agent.trial.offer({FLEET: remote(1, voice={"sensitivity": 0.7})})
    agent.trial._shelf.adopt({FLEET: remote(2, voice={"sensitivity": 0.1}).decode()})  # and then the power went
    again = Agent(tmp_path)
    assert again.trial.outcome.outcome == "rolled_back"
    assert again.trial.settings.voice.sensitivity == 0.7


async def test_a_withdrawn_configuration_gives_way_to_what_agent_toml_says(tmp_path: Path) -> None:
    agent = Agent(tmp_path)
    await agent.trial.offer({FLEET: remote(1, voice={"sensitivity": 0.7})})
    await agent.trial.offer({})
    assert agent.lived[-1].voice.sensitivity == 0.5
