"""The event stream: a whole snapshot, then everything as it happens, for as long as the client stays."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession, UnixConnector
from aiohttp.test_utils import TestClient, TestServer

from edge_agent.debug import live
from edge_agent.debug.access import Access
from edge_agent.debug.application import make_application
from edge_agent.debug.messages import Snapshot
from edge_agent.debug.serving import serve
from edge_agent.debug.shapes import PlayView
from edge_agent.model import events as ev
from edge_agent.model.errors import StorageError
from edge_agent.model.moment import Moment, MomentKind
from edge_agent.settings.rooms import DebugSettings
from tests.small_agent import SmallAgent
from tests.unit.debug.conftest import Client


async def messages(answer: ClientResponse) -> AsyncIterator[dict[str, Any]]:
    while line := await answer.content.readline():
        if line.startswith(b"data: "):
            yield json.loads(line.removeprefix(b"data: "))


def switch_on(tv: SmallAgent) -> None:
    tv.inject(ev.MomentArose(Moment(MomentKind.POWER_ON, tv.now())))


async def first_of(stream: AsyncIterator[dict[str, Any]], kind: str) -> dict[str, Any]:
    async with asyncio.timeout(5):
        async for message in stream:
            if message["type"] == kind:
                return message
    raise AssertionError(f"the stream ended without {kind}")


async def test_it_begins_with_everything_at_once(loopback: Client, tv: SmallAgent) -> None:
    switch_on(tv)
    async with loopback.get("/v1/events") as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        snapshot = await anext(messages(answer))
    assert set(snapshot) == set(Snapshot.__annotations__)
    assert snapshot["screen"]["on"]
    assert snapshot["decisions"][0]["outcome"] == "selected"
    assert snapshot["may_act"] is False


async def test_a_disk_that_cannot_be_read_leaves_the_rest_to_be_seen(
    loopback: Client, tv: SmallAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(_limit: int) -> list[PlayView]:
        raise StorageError("The database cannot be read.", "Check the disk.")

    monkeypatch.setattr(tv, "plays", unreadable)
    async with loopback.get("/v1/plays") as answer:
        assert answer.status == 503
    async with loopback.get("/v1/events") as answer:
        stream = messages(answer)
        assert (await anext(stream))["plays"] == []
        switch_on(tv)
        await first_of(stream, "decision")


async def test_it_says_whether_this_client_may_act(acting: Client) -> None:
    async with acting.get("/v1/events") as answer:
        assert (await anext(messages(answer)))["may_act"] is True


async def test_what_happens_is_told_as_it_happens(loopback: Client, tv: SmallAgent) -> None:
    async with loopback.get("/v1/events") as answer:
        stream = messages(answer)
        await anext(stream)
        tv.hear("hello home")
        assert (await first_of(stream, "heard"))["heard"]["phrase"] == "hello home"
        assert (await first_of(stream, "decision"))["decision"]["rule"] == "moment_not_offered"
        switch_on(tv)
        assert (await first_of(stream, "decision"))["decision"]["chosen"]["campaign"] == "harbour"
        assert (await first_of(stream, "screen"))["screen"]["title"] == "Harbour Films"
        tv.hear("why this")
        assert "Harbour Films" in (await first_of(stream, "why"))["reason"]
        tv.finish()
        assert not (await first_of(stream, "screen"))["screen"]["on"]


async def test_what_the_speaker_says_is_told(speaking: Client, speaker: SmallAgent) -> None:
    async with speaking.get("/v1/events") as answer:
        stream = messages(answer)
        await anext(stream)
        speaker.inject(ev.MomentArose(Moment(MomentKind.ASSISTANT_ANSWERED, speaker.now(), "weather")))
        said = await first_of(stream, "speaker")
        assert said["speaker"]["transcript"].startswith("Rain at four.")


async def test_a_slow_client_is_told_what_it_lost_and_gets_everything_again(loopback: Client, tv: SmallAgent) -> None:
    async with loopback.get("/v1/events") as answer:
        stream = messages(answer)
        await anext(stream)
        for _ in range(300):  # no await between them: the stream cannot keep up
            tv.hear("hello home")
        assert (await first_of(stream, "dropped"))["count"] > 0
        assert (await anext(stream))["type"] == "snapshot"


@pytest.fixture(params=["loopback", "socket"])
async def served(request: pytest.FixtureRequest, tv: SmallAgent, tmp_path: Path) -> AsyncIterator[ClientSession]:
    """A client at each of the doors that `serve` opens, which is told of a client's leaving as no test server is."""
    path = tmp_path / "agent.sock"
    by_socket = request.param == "socket"
    async with serve(tv, DebugSettings(port=None if by_socket else 0, socket=path if by_socket else None)) as doors:
        connector = UnixConnector(str(path)) if by_socket else None
        async with ClientSession(doors.url or "http://localhost/", connector=connector) as session:
            yield session


async def test_a_client_that_leaves_gives_its_place_up(
    served: ClientSession, tv: SmallAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_S", 3600)  # what is written next would tell of it, too
    async with served.get("/v1/events") as answer:
        await anext(messages(answer))
        assert tv.feed.watchers == 1
    async with asyncio.timeout(5):
        while tv.feed.watchers:  # noqa: ASYNC110  the agent notices by itself, and sends no event of it
            await asyncio.sleep(0.01)


async def test_a_page_may_be_reloaded_as_often_and_as_quickly_as_anybody_likes(
    served: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MAX_STREAMS", 4)
    for _ in range(40):
        async with served.get("/v1/events") as answer:
            assert answer.status == 200
            await anext(messages(answer))


async def test_a_stream_goes_on_for_a_client_that_reads_late(served: ClientSession, tv: SmallAgent) -> None:
    """Whoever watches for the client's leaving passes on that its buffer is full, and that it is empty again."""
    async with served.get("/v1/events") as answer:
        stream = messages(answer)
        await anext(stream)
        for _ in range(1500):  # each of some 2 KB: more than all the buffers between the two hold
            tv.hear("hello home")
            await asyncio.sleep(0)
        switch_on(tv)
        await first_of(stream, "screen")


async def test_it_shows_that_it_lives_when_nothing_happens(loopback: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_S", 0.02)
    async with loopback.get("/v1/events") as answer:
        await anext(messages(answer))
        async with asyncio.timeout(5):
            assert await answer.content.readline() == b"\n"
            assert (await answer.content.readline()).startswith(b":")


async def test_there_is_a_limit_to_open_streams(loopback: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MAX_STREAMS", 1)
    async with loopback.get("/v1/events") as answer:
        await anext(messages(answer))
        refused = await loopback.get("/v1/events")
        assert refused.status == 503
        assert "1 live streams" in (await refused.json())["error"]


async def test_streams_end_when_the_agent_stops(tv: SmallAgent) -> None:
    server = TestServer(make_application(tv, Access.loopback(None)))
    async with TestClient(server) as client, client.get("/v1/events") as answer:
        await anext(messages(answer))
        async with asyncio.timeout(5):
            await server.close()
            assert [message["type"] async for message in messages(answer)] == []
    assert tv.feed.watchers == 0
