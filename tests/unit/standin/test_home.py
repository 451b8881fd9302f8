"""The home page's server: one address for all agents, the day, and no way in for anybody else."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession

from edge_agent.debug.access import SECURITY_HEADERS
from edge_agent.debug.serving import serve
from edge_agent.model.errors import SettingsError
from edge_agent.settings.rooms import DebugSettings
from edge_agent.standin.home import AgentEndpoint, HomeServer
from tests.small_agent import MORNING, SmallAgent
from tests.small_shelf import small_shelf

PAGE = {"X-Edge-Agent": "page"}


@dataclass(frozen=True)
class Home:
    server: HomeServer
    session: ClientSession
    url: str
    tv: SmallAgent
    token: str


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    """A home with a TV that runs and a fridge that does not."""
    (tmp_path / "shelf").mkdir()
    tv = SmallAgent("tv", small_shelf(tmp_path / "shelf"), tmp_path / "tv")
    async with AsyncExitStack() as stack:
        doors = await stack.enter_async_context(serve(tv, DebugSettings(port=0, token_file=tmp_path / "token")))
        assert doors.url is not None
        token = (tmp_path / "token").read_text().strip()
        server = HomeServer(
            [AgentEndpoint("tv", "tv", doors.url, token), AgentEndpoint("fridge", "fridge", "http://127.0.0.1:9/")]
        )
        url = await stack.enter_async_context(server.serving())
        session = await stack.enter_async_context(ClientSession(url))
        yield Home(server, session, url, tv, token)


async def messages(answer: ClientResponse) -> AsyncIterator[dict[str, Any]]:
    while line := await answer.content.readline():
        if line.startswith(b"data: "):
            yield json.loads(line.removeprefix(b"data: "))


async def own(stream: AsyncIterator[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
    """What the home itself tells."""
    async for message in stream:
        if message["type"] != "agent":
            yield message


async def test_a_page_that_comes_late_is_told_the_whole_day(home: Home) -> None:
    home.server.scene(MORNING, {"en": "Morning", "zh": "早晨"}, "Light.")
    home.server.collector({"sealed_messages": 3, "sealed_bytes": 900})
    home.server.finished({"title": "The day", "columns": ["a"], "rows": [[1]]})
    async with home.session.get("/home/events") as answer:
        day = await anext(messages(answer))
    assert day["agents"] == [{"name": "tv", "kind": "tv"}, {"name": "fridge", "kind": "fridge"}]
    assert day["scenes"] == [
        {"time": MORNING.isoformat(), "title": {"en": "Morning", "zh": "早晨"}, "text": "Light."}
    ]
    assert day["collector"] == {"sealed_messages": 3, "sealed_bytes": 900}
    assert day["tables"][0]["rows"] == [[1]]


async def test_an_open_page_is_told_as_it_happens(home: Home) -> None:
    async with home.session.get("/home/events") as answer, asyncio.timeout(5):
        stream = own(messages(answer))
        await anext(stream)
        home.server.scene(MORNING, "Noon")
        assert (await anext(stream))["scene"]["title"] == "Noon"
        home.server.collector({"homes": 3})
        home.server.collector({"epsilon": 2.0})
        await anext(stream)
        assert (await anext(stream))["collector"] == {"homes": 3, "epsilon": 2.0}
        home.server.finished()
        assert await anext(stream) == {"type": "finished", "tables": []}


async def test_an_agent_is_reached_through_the_home_with_its_token(home: Home) -> None:
    async with home.session.post("/agents/tv/v1/moments", json={"kind": "power_on"}, headers=PAGE) as answer:
        assert answer.status == 202
        assert (await answer.json())["decision"]["outcome"] == "selected"
    async with home.session.get("/agents/tv/v1/decisions", params={"limit": "1"}) as answer:
        assert len((await answer.json())["decisions"]) == 1
    async with home.session.get("/agents/tv/v1/screen") as answer:
        asset = (await answer.json())["asset"]
    async with home.session.get(f"/agents/tv/{asset}") as answer:
        assert answer.headers["Content-Type"] == "image/svg+xml"
        assert "sandbox" in answer.headers["Content-Security-Policy"]


async def test_the_homes_one_stream_carries_every_agent(home: Home) -> None:
    seen: dict[str, list[Any]] = {"tv": [], "fridge": []}
    async with home.session.get("/home/events") as answer, asyncio.timeout(5):
        async for message in messages(answer):
            if message["type"] == "agent":
                seen[message["name"]].append(message["message"])
                if message["message"] is not None and message["message"]["type"] == "snapshot":
                    home.tv.hear("hello home")
            if len(seen["tv"]) > 1 and seen["fridge"]:
                break
    assert [told["type"] for told in seen["tv"][:2]] == ["snapshot", "heard"]
    assert seen["tv"][0]["may_act"] is True
    assert seen["fridge"][0] is None


async def test_an_agents_live_events_pass_through(home: Home) -> None:
    async with home.session.get("/agents/tv/v1/events") as answer, asyncio.timeout(5):
        stream = messages(answer)
        assert (await anext(stream))["may_act"] is True
        home.tv.hear("hello home")
        assert (await anext(stream))["type"] == "heard"


async def test_the_token_never_reaches_the_page(home: Home) -> None:
    for path in ("/", "/agents/tv/", "/agents/tv/v1/state", "/agents/tv/page/agent.js", "/home_page/home.js"):
        async with home.session.get(path) as answer:
            assert answer.status == 200, path
            assert home.token not in await answer.text()
            assert home.token not in str(answer.headers)


async def test_a_page_of_another_origin_cannot_act(home: Home) -> None:
    for headers in ({}, {"X-Edge-Agent": "other"}, {"Content-Type": "text/plain"}):
        async with home.session.post("/agents/tv/v1/moments", data='{"kind":"power_on"}', headers=headers) as answer:
            assert answer.status == 403
    async with home.session.options("/agents/tv/v1/moments", headers={"Origin": "https://evil.example"}) as answer:
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert home.tv.decisions(1) == []


async def test_a_rebound_name_gets_nothing(home: Home) -> None:
    for path in ("/", "/home/events", "/agents/tv/v1/state", "/page/theme.css"):
        async with home.session.get(path, headers={"Host": "evil.example"}) as answer:
            assert answer.status == 421


async def test_an_agent_that_does_not_run_is_said(home: Home) -> None:
    async with home.session.get("/agents/fridge/v1/state") as answer:
        assert answer.status == 502
        assert "fridge" in (await answer.json())["error"]
    async with home.session.get("/agents/cellar/v1/state") as answer:
        assert answer.status == 404


@pytest.mark.parametrize("path", ["/home_page/..%2fhome.py", "/page/..%2fport.py", "/home_page/none.js", "/x"])
async def test_only_the_pages_own_files_are_served(home: Home, path: str) -> None:
    async with home.session.get(path) as answer:
        assert answer.status == 404


async def test_the_page_carries_the_security_headers(home: Home) -> None:
    async with home.session.get("/") as answer:
        for name, value in SECURITY_HEADERS.items():
            assert answer.headers[name] == value


async def test_a_taken_port_is_said(home: Home) -> None:
    port = int(home.url.rsplit(":", 1)[1].strip("/"))
    with pytest.raises(SettingsError, match=r"cannot use port \d+: Address already in use\.$"):
        async with HomeServer([], port=port).serving():
            pass
