"""Remote configuration is tried whole, and kept or rolled back."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from edge_agent.link.reported_state import ReportedState
from edge_agent.model.device import Microphone
from edge_agent.model.errors import StorageError, VoiceError
from edge_agent.settings.layers import Settings
from edge_agent.settings.rooms import MAX_PHRASE_CHARS, MAX_WAKE_PHRASES
from edge_agent.troubles import Troubles
from edge_agent.wiring.reported import reported_state
from edge_agent.wiring.trial import MOST_TIMES, ConfigOffers, ConfigOutcome, ConfigTrial, document_names

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
        self.unknown = "xyzzy"
        self.trial = ConfigTrial(config, self.live_by)

    async def live_by(self, settings: Settings) -> None:
        if self.unknown in settings.voice.wake_phrases:
            raise VoiceError('The phrase "xyzzy" cannot be heard.')
        self.lived.append(settings)

    async def keeps(self, offered: Mapping[str, bytes]) -> ConfigOutcome:
        """Live by what is offered for long enough."""
        outcome = await self.trial.offer(offered)
        self.trial.settle()
        return outcome


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
    outcome = await agent.keeps(offered)
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


async def test_what_is_withdrawn_holds_no_more_and_that_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    agent = Agent(tmp_path)
    with caplog.at_level("INFO"):
        await agent.trial.offer({FLEET: remote(4, placements={"max_per_hour": 1})})
        await agent.trial.offer({})
    assert [record.getMessage() for record in caplog.records] == [
        "Remote configuration 4 holds.",
        "The remote configuration was withdrawn: agent.toml alone holds.",
    ]
    assert Agent(tmp_path).trial.settings.placements.max_per_hour != 1


@pytest.mark.parametrize(
    "bad",
    [b'{"v": 1, "version": -5}', b'{"v": 1, "version": 2, "\\ud800\\n": {}}'],
    ids=["a version below 1", "no UTF-8"],
)
async def test_whatever_is_refused_can_be_told_to_the_fleet(tmp_path: Path, bad: bytes) -> None:
    outcome = await Agent(tmp_path).trial.offer({FLEET: bad})
    assert outcome.outcome == "refused"
    state = reported_state("tv", outcome, {}, repository_version=1, microphone=Microphone.OFF)
    assert ReportedState.from_payload(state.to_payload()).online


@pytest.mark.parametrize(
    ("section", "values"),
    [
        ("packs", {"refresh_every": 8e13}),
        ("packs", {"refresh_every": -3}),
        ("packs", {"bandwidth": 10**400}),
        ("measure", {"send_spread": 8e13}),
        ("measure", {"send_spread": -5}),
        ("measure", {"send_spread": 0}),
        ("measure", {"send_spread": 3599}),
    ],
)
async def test_a_value_that_no_room_can_reckon_with_is_refused(
    tmp_path: Path, section: str, values: dict[str, float]
) -> None:
    outcome = await Agent(tmp_path).trial.offer({FLEET: remote(1, **{section: values})})
    assert outcome.outcome == "refused"
    assert f"{section}.{next(iter(values))}" in outcome.detail


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
    assert outcome.detail.startswith(f"{FLEET}: voice.sensitivity"), "nobody is sent to look into agent.toml"


@pytest.mark.parametrize(
    ("phrases", "complaint"),
    [
        (["hey kitchen"] * (MAX_WAKE_PHRASES + 1), "voice.wake_phrases: it should have at most 64 items, not 65"),
        (["hey " + "y" * MAX_PHRASE_CHARS], "voice.wake_phrases.0: it should have at most 200 characters"),
    ],
    ids=["too-many", "too-long"],
)
async def test_more_wake_phrases_than_a_device_has_time_for_change_nothing(
    tmp_path: Path, phrases: list[str], complaint: str
) -> None:
    agent = Agent(tmp_path)
    most = [f"{number} ".ljust(MAX_PHRASE_CHARS, "y") for number in range(MAX_WAKE_PHRASES)]
    assert (await agent.keeps({FLEET: remote(1, voice={"wake_phrases": most})})).outcome == "applied"
    outcome = await agent.trial.offer({FLEET: remote(2, voice={"wake_phrases": phrases})})
    assert (outcome.outcome, outcome.detail) == ("refused", f"{FLEET}: {complaint}.")
    assert Agent(tmp_path).trial.settings.voice.wake_phrases == tuple(most)


async def test_what_the_agent_cannot_live_by_is_rolled_back_and_not_tried_again(tmp_path: Path) -> None:
    agent = Agent(tmp_path)
    await agent.trial.offer({FLEET: remote(1, voice={"sensitivity": 0.7})})
    bad = {FLEET: remote(2, voice={"wake_phrases": ["xyzzy"]})}
    outcome = await agent.trial.offer(bad)
    assert (outcome.outcome, outcome.version, agent.trial.version) == ("rolled_back", 2, 1)
    assert agent.lived[-1].voice.sensitivity == 0.7
    times = len(agent.lived)
    await agent.trial.offer(bad)
    assert len(agent.lived) == times
    assert Agent(tmp_path).trial.settings.voice.sensitivity == 0.7


async def test_an_agent_that_is_stopped_in_the_middle_of_a_trial_tries_again_when_it_starts(tmp_path: Path) -> None:
    agent, begun = Agent(tmp_path), asyncio.Event()

    async def live_by(_: Settings) -> None:
        begun.set()
        await asyncio.Event().wait()

    agent.trial._live_by = live_by
    offered = {FLEET: remote(1, placements={"max_per_hour": 1})}
    trying = asyncio.create_task(agent.trial.offer(offered))
    await begun.wait()
    trying.cancel()
    await asyncio.gather(trying, return_exceptions=True)
    agent.trial.stopped()
    again = Agent(tmp_path)
    assert again.trial.outcome.outcome == "none"
    assert (await again.trial.offer(offered)).outcome == "applied"


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


@pytest.mark.parametrize(
    "bad",
    [
        remote(3, mqtt={"host": "evil.example"}),
        remote(3, voice={"sensitivity": 40}),
        remote(3, voice={"wake_phrases": ["xyzzy"]}),
        b"[" * 1000,
        b'{"v": 1, "version": 3, "placements": "\xff"}',
    ],
    ids=["not settable", "does not fit", "cannot be lived by", "garbage", "not UTF-8"],
)
async def test_what_is_refused_is_told_of_once_however_often_it_is_offered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, bad: bytes
) -> None:
    agent = Agent(tmp_path)
    await agent.keeps({FLEET: remote(1, voice={"sensitivity": 0.7})})
    first = await agent.trial.offer({FLEET: bad})
    assert first.outcome in {"refused", "rolled_back"}
    assert len(told(caplog)) == 1
    assert await agent.trial.offer({FLEET: bad}) == first, "as when the packs room was started anew"
    again = Agent(tmp_path)
    assert await again.trial.offer({FLEET: bad}) == first, "after a restart the outcome is known, and not news"
    assert len(told(caplog)) == 1
    assert again.trial.settings.voice.sensitivity == 0.7
    await again.trial.offer({FLEET: bad + b" "})
    assert len(told(caplog)) == 2, "other content is news"


async def test_going_back_to_what_held_is_told_as_applied(tmp_path: Path) -> None:
    agent = Agent(tmp_path)
    good = {FLEET: remote(1, placements={"max_per_hour": 1})}
    await agent.trial.offer(good)
    await agent.trial.offer({FLEET: remote(2, mqtt={"host": "evil.example"})})
    outcome = await agent.trial.offer(good)
    assert (outcome.outcome, outcome.version) == ("applied", 1)
    assert len(agent.lived) == 1


async def test_withdrawing_what_was_refused_leaves_nothing_to_tell(tmp_path: Path) -> None:
    agent = Agent(tmp_path)
    await agent.trial.offer({FLEET: b"garbage"})
    assert (await agent.trial.offer({})).outcome == "none"


async def test_a_full_disk_is_told_and_the_same_is_taken_later(tmp_path: Path) -> None:
    agent = Agent(tmp_path)
    place = tmp_path / "state" / "remote"
    place.parent.mkdir(exist_ok=True)
    place.write_text("a file where the folder should be", "utf-8")
    good = {FLEET: remote(1, placements={"max_per_hour": 1})}
    with pytest.raises(StorageError):
        await agent.trial.offer(good)
    assert agent.lived == []
    place.unlink()
    assert (await agent.trial.offer(good)).outcome == "applied"


async def test_health_knows_what_was_refused_until_it_is_corrected(tmp_path: Path) -> None:
    agent, told = Agent(tmp_path), asyncio.Event()
    troubles = Troubles()
    offers = ConfigOffers(agent.trial, troubles, told.set)
    running = asyncio.create_task(offers.run())

    async def offered(name: str, content: bytes | None) -> list[str]:
        told.clear()
        offers.document_changed(name, content)
        await asyncio.wait_for(told.wait(), 20)
        return [trouble.what for trouble in troubles.lasting.values()]

    assert await offered(FLEET, remote(1, placements={"max_per_hour": 1})) == []
    (what,) = await offered(GROUP, remote(1, mqtt={"host": "evil.example"}))
    assert "mqtt" in what
    assert await offered(GROUP, None) == []
    assert agent.trial.outcome.outcome == "applied"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def cut_short(folder: Path, documents: dict[str, bytes]) -> Agent:
    """Return the agent at its next start: it was offered `documents`, and then the power went."""
    agent, trying = Agent(folder), asyncio.new_event_loop()

    async def live_by(_: Settings) -> None:
        await asyncio.Event().wait()

    agent.trial._live_by = live_by
    offered = trying.create_task(agent.trial.offer(documents))
    trying.run_until_complete(asyncio.sleep(0))
    offered.cancel()
    trying.run_until_complete(asyncio.gather(offered, return_exceptions=True))
    trying.close()
    return Agent(folder)


def lived_by(agent: Agent, documents: dict[str, bytes]) -> str:
    return asyncio.run(agent.keeps(documents)).outcome


GOOD = {FLEET: remote(1, voice={"sensitivity": 0.7})}
NEXT = {FLEET: remote(2, voice={"sensitivity": 0.1})}


@pytest.mark.parametrize("cuts", range(1, MOST_TIMES))
def test_a_trial_that_a_power_cut_ended_is_tried_again(tmp_path: Path, cuts: int) -> None:
    assert lived_by(Agent(tmp_path), GOOD) == "applied"
    for _ in range(cuts):
        again = cut_short(tmp_path, NEXT)
        assert (again.trial.outcome.outcome, again.trial.version) == ("applied", 1)
        assert again.trial.settings.voice.sensitivity == 0.7, "until then, what held before holds"
    assert lived_by(again, NEXT) == "applied"
    assert Agent(tmp_path).trial.settings.voice.sensitivity == 0.1


def test_a_configuration_that_the_agent_dies_on_is_rolled_back(tmp_path: Path) -> None:
    assert lived_by(Agent(tmp_path), GOOD) == "applied"
    for _ in range(MOST_TIMES):
        again = cut_short(tmp_path, NEXT)
    assert (again.trial.outcome.outcome, again.trial.outcome.version) == ("rolled_back", 2)
    assert again.trial.settings.voice.sensitivity == 0.7
    assert lived_by(again, NEXT) == "rolled_back"
    assert again.lived == []
    assert lived_by(Agent(tmp_path), {FLEET: remote(3, voice={"sensitivity": 0.1})}) == "applied", "corrected"


def test_each_configuration_has_its_own_count(tmp_path: Path) -> None:
    for version in range(1, 3 * MOST_TIMES):
        again = cut_short(tmp_path, {FLEET: remote(version)})
    assert again.trial.outcome.outcome == "none"


def test_stopping_the_agent_neither_counts_nor_has_it_forget_what_did(tmp_path: Path) -> None:
    for _ in range(MOST_TIMES - 1):
        again = cut_short(tmp_path, NEXT)
    again.trial.stopped()  # nothing was tried this time: the broker was away
    assert cut_short(tmp_path, NEXT).trial.outcome.outcome == "rolled_back"


async def test_what_a_disk_refuses_again_and_again_counts_once(tmp_path: Path) -> None:
    agent = Agent(tmp_path)
    good = tmp_path / "state" / "remote" / "good.json"
    good.mkdir(parents=True)
    for _ in range(MOST_TIMES + 1):
        with pytest.raises(StorageError):
            await agent.keeps(NEXT)
    good.rmdir()
    again = Agent(tmp_path)
    assert again.trial.outcome.outcome == "none"
    assert (await again.trial.offer(NEXT)).outcome == "applied"


async def test_a_configuration_that_the_agent_dies_on_a_little_later_is_given_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await Agent(tmp_path).keeps(GOOD)
    for _ in range(MOST_TIMES):
        agent = Agent(tmp_path)
        assert (agent.trial.outcome.outcome, agent.trial.version) == ("applied", 1), "what held before holds first"
        assert (await agent.trial.offer(NEXT)).outcome == "applied"
        assert agent.lived[-1].voice.sensitivity == 0.1
    again = Agent(tmp_path)
    assert (again.trial.outcome.outcome, again.trial.outcome.version, again.trial.version) == ("rolled_back", 2, 1)
    assert (await again.trial.offer(NEXT)).outcome == "rolled_back"
    assert again.lived == []
    assert f"each of the {MOST_TIMES} times" in caplog.text


async def test_who_stops_the_agent_while_a_configuration_is_new_does_not_speak_against_it(tmp_path: Path) -> None:
    for _ in range(2 * MOST_TIMES):
        agent = Agent(tmp_path)
        assert (await agent.trial.offer(NEXT)).outcome == "applied"
        agent.trial.stopped()
    assert Agent(tmp_path).trial.outcome.outcome == "none"


async def test_what_held_until_a_newer_one_was_tried_is_what_is_gone_back_to(tmp_path: Path) -> None:
    agent = Agent(tmp_path)
    await agent.trial.offer(NEXT)
    assert (await agent.trial.offer({FLEET: remote(3, voice={"wake_phrases": ["xyzzy"]})})).outcome == "rolled_back"
    assert Agent(tmp_path).trial.settings.voice.sensitivity == 0.1


async def test_the_offers_keep_what_the_agent_has_lived_by_for_long_enough(tmp_path: Path) -> None:
    agent, settled = Agent(tmp_path), asyncio.Event()

    def told() -> None:
        if agent.trial.is_settled:
            settled.set()

    offers = ConfigOffers(agent.trial, Troubles(), told, lives_for_s=0)
    running = asyncio.create_task(offers.run())
    offers.document_changed(FLEET, NEXT[FLEET])
    await asyncio.wait_for(settled.wait(), 20)
    assert Agent(tmp_path).trial.settings.voice.sensitivity == 0.1
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_withdrawn_configuration_gives_way_to_what_agent_toml_says(tmp_path: Path) -> None:
    agent = Agent(tmp_path)
    await agent.trial.offer({FLEET: remote(1, voice={"sensitivity": 0.7})})
    await agent.trial.offer({})
    assert agent.lived[-1].voice.sensitivity == 0.5


async def test_what_could_not_be_heard_is_tried_again_when_other_words_can_be(tmp_path: Path) -> None:
    agent = Agent(tmp_path)
    offers = ConfigOffers(agent.trial, Troubles(), lambda: None)
    offered = {FLEET: remote(1, voice={"wake_phrases": ["xyzzy"]})}
    assert (await agent.trial.offer(offered)).outcome == "rolled_back"
    agent.unknown = "plugh"
    assert (await agent.trial.offer(offered)).outcome == "rolled_back", "only new words are a reason to try again"
    offers.words_changed()
    assert (await agent.trial.offer(offered)).outcome == "applied"
    assert not agent.trial.words_changed(), "there is nothing to try again"


async def test_what_the_agent_died_on_is_not_tried_again_for_new_words(tmp_path: Path) -> None:
    offered = {FLEET: remote(1, placements={"max_per_hour": 2})}
    first = Agent(tmp_path)
    first.trial._shelf.adopt({name: content.decode() for name, content in offered.items()}, MOST_TIMES)
    again = Agent(tmp_path)
    assert again.trial.outcome.outcome == "rolled_back"
    assert not again.trial.words_changed()
    assert (await again.trial.offer(offered)).outcome == "rolled_back"
