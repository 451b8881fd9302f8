"""The two doors: where they are, who may open them, and what stands in their way."""

import asyncio
import os
import socket
import stat
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import ClientSession, UnixConnector
from yarl import URL

from edge_agent.debug.serving import MAX_CONNECTIONS, read_or_make_token, serve
from edge_agent.model.errors import SettingsError
from edge_agent.settings.rooms import DebugSettings
from tests.small_agent import SmallAgent


async def test_both_doors_lead_to_the_same_agent(tv: SmallAgent, tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    async with serve(tv, DebugSettings(port=0, socket=path)) as doors:
        assert doors.url is not None
        async with ClientSession() as session, session.get(f"{doors.url}v1/state") as answer:
            by_tcp = await answer.json()
        async with ClientSession(connector=UnixConnector(str(path))) as session:
            async with session.get("http://localhost/v1/state") as answer:
                assert await answer.json() == by_tcp
            async with session.post("http://localhost/v1/moments", json={"kind": "power_on"}) as answer:
                assert answer.status == 202
    assert len(tv.decisions(5)) == 1


async def test_the_socket_is_for_its_owner_and_group_and_goes_with_the_agent(tv: SmallAgent, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "agent.sock"
    mask = os.umask(0)
    try:
        async with serve(tv, DebugSettings(port=None, socket=path)) as doors:
            assert doors.url is None
            assert stat.S_IMODE(path.stat().st_mode) == 0o660
    finally:
        assert os.umask(mask) == 0
    assert not path.exists()


async def test_whoever_opens_connections_without_end_takes_only_so_many_and_the_other_door_stays_open(
    tv: SmallAgent, tmp_path: Path
) -> None:
    path = tmp_path / "agent.sock"
    async with serve(tv, DebugSettings(port=0, socket=path)) as doors, AsyncExitStack() as held:
        assert doors.url is not None
        port = URL(doors.url).port

        async def is_served() -> bool:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            held.callback(writer.close)
            writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            try:
                return bool(await reader.readline())
            except ConnectionError:
                return False

        assert [await is_served() for _ in range(MAX_CONNECTIONS)] == [True] * MAX_CONNECTIONS
        assert not await is_served()
        async with (
            ClientSession(connector=UnixConnector(str(path))) as session,
            session.get("http://localhost/health") as answer,
        ):
            assert answer.status == 200
        await held.aclose()
        while not await is_served():
            pass


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 20_000 + b"\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone",
    ],
)
async def test_what_is_no_http_is_answered_and_fills_no_log(
    tv: SmallAgent, caplog: pytest.LogCaptureFixture, request_: bytes
) -> None:
    async with serve(tv, DebugSettings(port=0)) as doors:
        assert doors.url is not None
        reader, writer = await asyncio.open_connection("127.0.0.1", URL(doors.url).port)
        writer.write(request_)
        assert (await reader.readline()).startswith(b"HTTP/1.")
        writer.write_eof()
        await reader.read()
        writer.close()
        await writer.wait_closed()
    assert not caplog.records


async def test_a_socket_that_a_crash_left_is_replaced(tv: SmallAgent, tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    async with serve(tv, DebugSettings(port=None, socket=path)):
        assert path.is_socket()


async def test_a_socket_of_a_running_agent_is_left_alone(tv: SmallAgent, tmp_path: Path) -> None:
    settings = DebugSettings(port=None, socket=tmp_path / "agent.sock")
    async with serve(tv, settings):
        with pytest.raises(SettingsError, match="Another agent answers"):
            async with serve(tv, settings):
                pass
        async with (
            ClientSession(connector=UnixConnector(str(settings.socket))) as session,
            session.get("http://localhost/health") as answer,
        ):
            assert answer.status == 200


async def test_a_taken_port_is_said_in_one_sentence(tv: SmallAgent) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SettingsError, match="cannot use port"):
            async with serve(tv, DebugSettings(port=taken.getsockname()[1])):
                pass


async def test_a_path_that_is_too_long_is_said_in_one_sentence(tv: SmallAgent, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be opened"):
        async with serve(tv, DebugSettings(port=None, socket=tmp_path / ("x" * 120))):
            pass


def test_a_missing_token_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "etc" / "token"
    token = read_or_make_token(path)
    assert len(token) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_or_make_token(path) == token


def test_a_token_that_everybody_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("x" * 40)
    path.chmod(0o644)
    with pytest.raises(SettingsError, match="Everybody may read") as refused:
        read_or_make_token(path)
    assert "chmod" in refused.value.next_step


@pytest.mark.parametrize("content", ["", "\n", "short", "x" * 15])
def test_a_token_that_can_be_guessed_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "token"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(SettingsError, match="shorter than 16"):
        read_or_make_token(path)


def test_a_token_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        read_or_make_token(tmp_path)
