"""The link against brokers that misbehave: real sockets that speak just enough MQTT."""

import asyncio
import contextlib
import logging
import select
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from edge_agent.link.dialling import dialled
from edge_agent.link.session import Link
from edge_agent.link.versions import VersionChoice
from edge_agent.model.errors import LinkError
from edge_agent.settings.rooms import LinkSettings
from tests.brokers import RunningBroker
from tests.links import running

CONNACK = b"\x20\x02\x00\x00"
NOT_AUTHORISED = b"\x20\x02\x00\x05"
TIMESTAMP = "edge/repo/meta/timestamp"

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def publish(topic: bytes, payload: bytes) -> bytes:
    body = len(topic).to_bytes(2, "big") + topic + payload
    assert len(body) < 128
    return b"\x30" + bytes([len(body)]) + body


async def read_packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    kind, length = await reader.readexactly(2)
    assert length < 128
    return kind, await reader.readexactly(length)


@contextlib.asynccontextmanager
async def speaking(script: Script) -> AsyncIterator[int]:
    """Serve `script` to every connection; give the port."""
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await read_packet(reader)
            await script(reader, writer)
        writer.close()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await writer.wait_closed()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def make_link(port: int, **more: Any) -> Link:
    return Link(
        LinkSettings(
            device_id="tv-1",
            port=port,
            reconnect_min=timedelta(milliseconds=5),
            reconnect_max=timedelta(milliseconds=20),
            **more,
        ),
        answer_timeout=timedelta(milliseconds=200),
    )


async def attempts(link: Link, count: int) -> None:
    async for status in link.changes():
        if status.attempts >= count:
            return


async def stays_open(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def test_a_broker_that_never_answers_is_tried_again() -> None:
    async with speaking(stays_open) as port, running(make_link(port)) as link:
        await attempts(link, 3)
        assert "timed out" in str(link.status.error)


async def test_attempts_leave_no_socket_behind() -> None:
    open_now, most = 0, 0

    async def count(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await reader.read()
        open_now -= 1

    async with speaking(count) as port, running(make_link(port)) as link:
        await attempts(link, 5)
    assert most == 1


async def test_a_broker_that_refuses_is_tried_again_and_the_reason_is_told() -> None:
    async def refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(NOT_AUTHORISED)
        await writer.drain()

    async with speaking(refuse) as port, running(make_link(port)) as link:
        await attempts(link, 3)
        assert isinstance(link.status.error, LinkError)
        assert "Not authorized" in str(link.status.error)
        assert "credentials" in link.status.error.next_step


@pytest.mark.parametrize(
    "said",
    [
        publish(b"edge/#", b"wildcard in a topic name"),
        publish(b"edge/\xff", b"not UTF-8"),
        publish(b"", b"no topic"),
        b"\xf0\x00",
        b"\x30\xff\xff\xff\xff\xff",
        b"\x90\x03\x00\x01\x80",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ],
)
async def test_a_broker_that_speaks_garbage_costs_the_connection_and_nothing_else(said: bytes) -> None:
    async def garble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CONNACK + said)
        await writer.drain()
        writer.write_eof()
        await reader.read()

    async with speaking(garble) as port, running(make_link(port)) as link:
        async for _status in link.changes():
            if link._failures > 3:
                break
        assert link.status.error is not None


@pytest.mark.parametrize("said", [publish(b"edge/#", b""), publish(b"edge/\xff", b""), b"\x32\x01\x00", b"\xf0\x00"])
async def test_garbage_in_the_moment_of_leaving_is_nobodys_concern(said: bytes) -> None:
    writers: list[asyncio.StreamWriter] = []

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CONNACK)
        writers.append(writer)
        await reader.read()

    async with speaking(greet) as port:
        settings = LinkSettings(device_id="tv-1", port=port, protocol="3.1.1")
        async with dialled(settings, VersionChoice("3.1.1"), timeout_s=5) as client:
            sock = client._client.socket()
            assert sock is not None
            writers[0].write(said)
            select.select([sock.fileno()], [], [], 5)
            await asyncio.sleep(0)  # so that we leave in the turn of the event loop in which this is read, and first


async def test_a_broker_that_takes_us_and_drops_us_at_once_is_still_failing() -> None:
    async def drop(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CONNACK)
        await writer.drain()

    async with speaking(drop) as port, running(make_link(port)) as link:
        async for _status in link.changes():
            if link._failures > 3:
                break


async def test_a_flood_that_nobody_asked_for_is_dropped_with_one_line(caplog: pytest.LogCaptureFixture) -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CONNACK)
        _kind, body = await read_packet(reader)
        writer.write(b"\x90\x03" + body[:2] + b"\x01")
        writer.write(publish(b"flood\nERROR", b""))
        for n in range(2000):
            writer.write(publish(b"edge/flood/%d" % n, bytes(100)))
        writer.write(publish(TIMESTAMP.encode(), b"wanted"))
        await reader.read()

    async with speaking(flood) as port:
        link = make_link(port)
        link.on(TIMESTAMP, lambda _topic, payload: heard.put_nowait(payload))
        with caplog.at_level(logging.WARNING):
            async with running(link):
                assert await heard.get() == b"wanted"
                await link.connected()
    assert [record.getMessage() for record in caplog.records] == [
        r"The broker sends messages that nobody asked for, such as 'flood\nERROR'; they are dropped."
    ]


async def test_a_subscription_that_is_refused_is_told_and_the_link_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async def refuse_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CONNACK)
        while True:
            kind, body = await read_packet(reader)
            if kind == 0x82:
                writer.write(b"\x90\x03" + body[:2] + b"\x80")

    async with speaking(refuse_all) as port:
        link = make_link(port)
        link.on(TIMESTAMP, lambda _topic, _payload: None)
        async with running(link):
            await link.connected()
            with pytest.raises(LinkError, match="refuses edge/repo/chunk"):
                await link.fetch("edge/repo/chunk/" + "0" * 64, 10)
            assert link.status.connected
    assert "access rules" in caplog.text


async def test_a_publication_that_is_never_acknowledged_is_an_error() -> None:
    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CONNACK)
        await reader.read()

    async with speaking(swallow) as port, running(make_link(port)) as link:
        await link.connected()
        with pytest.raises(LinkError, match="did not answer"):
            await link.publish("edge/report/1", b"sealed")


async def test_a_publication_under_way_fails_as_soon_as_the_connection_is_lost() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CONNACK)
        await read_packet(reader)

    async with speaking(hang_up) as port:
        link = make_link(port)
        link._answer_timeout_s = 3600
        async with running(link):
            await link.connected()
            with pytest.raises(LinkError, match="lost"):
                await link.publish("edge/report/1", b"sealed")


async def test_a_bug_in_a_callback_is_reported_and_costs_nobody_else(broker: RunningBroker, root: str) -> None:
    bugs: list[Any] = []
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: bugs.append(context["exception"]))

    def fail(_topic: str, _payload: bytes) -> None:
        raise ZeroDivisionError

    link = Link(LinkSettings(device_id="tv-1", port=broker.port, root=root))
    link.on(f"{root}/report/1", fail)
    link.on(f"{root}/report/1", lambda _topic, payload: heard.put_nowait(payload))
    async with running(link):
        await link.connected()
        await link.publish(f"{root}/report/1", b"1")
        assert await heard.get() == b"1"
        assert link.status.connected
    assert [type(bug) for bug in bugs] == [ZeroDivisionError]


async def test_a_missing_credentials_file_is_told_and_tried_again(tmp_path: Path) -> None:
    async with running(make_link(1, credentials_file=tmp_path / "credentials")) as link:
        await attempts(link, 3)
        assert "credentials" in str(link.status.error)


async def test_an_authority_file_that_is_missing_is_told_and_tried_again(tmp_path: Path) -> None:
    async with running(make_link(1, tls=True, ca_file=tmp_path / "ca.pem")) as link:
        await attempts(link, 3)
        assert "ca.pem" in str(link.status.error)


async def test_a_qos_that_is_not_offered_is_the_callers_bug() -> None:
    with pytest.raises(RuntimeError):
        await make_link(1).publish("edge/report/1", b"", qos=2)


async def test_a_window_of_nothing_is_the_callers_bug() -> None:
    with pytest.raises(RuntimeError):
        await anext(make_link(1).fetch_many(["edge/report/1"], 0, 10))
