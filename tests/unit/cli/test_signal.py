"""`edge-agent signal`: a real command process talks to a real socket."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge_agent.debug.serving import serve
from edge_agent.settings.rooms import DebugSettings
from tests.small_agent import SmallAgent
from tests.small_shelf import small_shelf
from tests.unit.cli.commands import Done, edge_agent_beside


@dataclass(frozen=True)
class Tv:
    agent: SmallAgent
    socket: Path

    async def signal(self, *words: str) -> Done:
        return await signal(*words, "--socket", str(self.socket))


async def signal(*words: str) -> Done:
    return await edge_agent_beside("signal", *words)


@pytest.fixture
async def tv(tmp_path: Path) -> AsyncIterator[Tv]:
    (tmp_path / "shelf").mkdir()
    agent = SmallAgent("tv", small_shelf(tmp_path / "shelf"), tmp_path / "tv")
    path = tmp_path / "agent.sock"
    async with serve(agent, DebugSettings(port=None, socket=path)):
        yield Tv(agent, path)


async def test_a_moment_says_what_came_of_it(tv: Tv) -> None:
    placed = await tv.signal("moment", "power_on")
    assert (placed.code, placed.out) == (0, "Placed: Harbour Films was chosen.\n")
    refused = await tv.signal("moment", "power_on", "--json")
    assert json.loads(refused.out)["decision"]["rule"] == "already_playing"
    assert refused.code == 0


async def test_states_and_presses_reach_the_agent(tv: Tv) -> None:
    assert (await tv.signal("state", "call_in_progress=true", "media_playing=off")).code == 0
    assert tv.agent.engine.surroundings.device.call_in_progress
    assert (await tv.signal("press", "close", "--json")).out == '{"accepted": true}\n'


async def test_what_the_agent_refuses_is_one_sentence(tv: Tv) -> None:
    for words in (("moment", "sneeze"), ("state", "colour=true"), ("press", "eject")):
        said = await tv.signal(*words)
        assert said.code == 1
        assert said.err.startswith("edge-agent: ")
        assert said.err.count("\n") == 1


async def test_a_wrong_command_line_is_exit_code_2(tv: Tv) -> None:
    assert (await tv.signal("state", "call_in_progress=perhaps")).code == 2


async def test_an_agent_that_does_not_run_is_said(tmp_path: Path) -> None:
    said = await signal("moment", "idle", "--socket", str(tmp_path / "none.sock"))
    assert said.code == 1
    assert "No agent listens" in said.err
