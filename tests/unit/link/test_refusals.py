"""What brokers that speak 5.0 give as their reasons, told as sentences with a next step: real sockets."""

import asyncio
import logging

import pytest

from edge_agent.link.reasons import reason
from edge_agent.model.errors import LinkError
from tests.links import running
from tests.unit.link.test_session import CONNACK, TIMESTAMP, make_link, read_packet, speaking

ACCEPTED = b"\x20\x03\x00\x00\x00"


def refused(code: int, properties: bytes = b"") -> bytes:
    return bytes([0x20, 3 + len(properties), 0, code, len(properties)]) + properties


def disconnected(code: int) -> bytes:
    return bytes([0xE0, 2, code, 0])


async def told(said: bytes, *, protocol: str = "5.0") -> LinkError:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()
        await reader.read()

    async with speaking(say) as port, running(make_link(port, protocol=protocol)) as link:
        async for status in link.changes():
            if status.error is not None:
                return status.error
    raise RuntimeError("changes never end")


@pytest.mark.parametrize(
    ("said", "what", "step"),
    [
        (refused(0x87), "Not authorized", "access rules"),
        (refused(0x89), "Server busy", "tried again"),
        (refused(0x97), "Quota exceeded", "lets this client"),
        (refused(0x9A), "no retained messages", "retain_available"),
        (refused(0x84), "Unsupported protocol version", "mqtt.protocol"),
        (ACCEPTED + disconnected(0x8E), "Session taken over", "device_id of its own"),
        (ACCEPTED + disconnected(0x95), "Packet too large", "max_packet_size"),
        (ACCEPTED + disconnected(0x8B), "Server shutting down", "tried again"),
        (ACCEPTED + disconnected(0x00), "it ended the connection", "goes on trying"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
async def test_a_reason_is_a_sentence_with_a_next_step(said: bytes, what: str, step: str) -> None:
    error = await told(said)
    assert what in str(error)
    assert step in error.next_step


async def test_another_server_is_shown_and_not_followed() -> None:
    reference = b"mqtt.example\x1b[2J"
    error = await told(refused(0x9C, b"\x1c" + len(reference).to_bytes(2, "big") + reference))
    assert "Use another server" in str(error)
    assert r"mqtt.example\x1b" in str(error)
    assert "mqtt.host" in error.next_step


@pytest.mark.parametrize("protocol", ["5.0", "3.1.1"])
async def test_an_endless_packet_ends_the_connection_when_it_begins(protocol: str) -> None:
    accepted = ACCEPTED if protocol == "5.0" else CONNACK
    error = await told(accepted + b"\x30\xff\xff\xff\x7f" + bytes(1000), protocol=protocol)
    assert "packet of 268435455 bytes" in str(error)


async def test_a_broker_that_hangs_up_is_known_to_at_once() -> None:
    async def hang_up(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        pass

    async with speaking(hang_up) as port:
        link = make_link(port, protocol="5.0")
        link._answer_timeout_s = 3600
        async with running(link):
            async for status in link.changes():
                if status.error is not None:
                    break
            assert "hung up without an answer" in str(link.status.error)


async def test_whoever_gives_up_on_a_broker_that_says_nothing_hears_of_no_bug(
    caplog: pytest.LogCaptureFixture,
) -> None:
    taken, left = asyncio.Event(), asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        taken.set()
        await reader.read()
        left.set()

    async with speaking(say_nothing) as port:
        dialling = asyncio.create_task(make_link(port, protocol="5.0").run())
        await taken.wait()
        dialling.cancel()
        await asyncio.gather(dialling, return_exceptions=True)
        await left.wait()
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


async def test_no_more_publications_are_under_way_than_the_broker_takes() -> None:
    seen: asyncio.Queue[int] = asyncio.Queue()

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x20\x06\x00\x00\x03\x21\x00\x02")  # Receive Maximum 2
        while True:
            kind, _body = await read_packet(reader)
            seen.put_nowait(kind & 0xF0)

    async with speaking(count) as port:
        link = make_link(port, protocol="5.0")
        link._answer_timeout_s = 3600
        async with running(link):
            await link.connected()
            calls: list[asyncio.Future[object]] = [
                asyncio.ensure_future(link.publish("edge/report/1", b"sealed")) for _ in range(5)
            ]
            calls.append(asyncio.ensure_future(link.fetch("edge/report/2", 10)))  # nothing holds this one back
            assert [await seen.get() for _ in range(3)] == [0x30, 0x30, 0x80]
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)


async def test_a_publication_that_is_refused_is_told_of_and_the_link_goes_on() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ACCEPTED)
        while True:
            kind, body = await read_packet(reader)
            if kind & 0xF0 == 0x30:
                mid = body[2 + int.from_bytes(body[:2], "big") :][:2]
                writer.write(b"\x40\x04" + mid + b"\x97\x00")

    async with speaking(refuse) as port, running(make_link(port, protocol="5.0")) as link:
        await link.connected()
        for _ in range(2):
            with pytest.raises(LinkError, match="refuses edge/report/1: Quota exceeded"):
                await link.publish("edge/report/1", b"sealed")
        assert link.status.connected


async def test_a_subscription_over_quota_is_not_taken_for_a_lack_of_rights(caplog: pytest.LogCaptureFixture) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ACCEPTED)
        while True:
            kind, body = await read_packet(reader)
            if kind == 0x82:
                writer.write(b"\x90\x04" + body[:2] + b"\x00\x97")

    async with speaking(refuse) as port:
        link = make_link(port, protocol="5.0")
        link.on("edge/repo/meta/timestamp", lambda _topic, _payload: None)
        with caplog.at_level(logging.ERROR):
            async with running(link):
                await link.connected()
                with pytest.raises(LinkError, match="refuses edge/report/1: Quota exceeded"):
                    await link.fetch("edge/report/1", 10)
                assert link.status.connected
    assert "Quota exceeded" in caplog.text


def test_a_code_that_nobody_has_written_down_is_still_a_sentence() -> None:
    assert reason(0xEE).what == "reason code 0xee"
    assert reason(0xEE).step


@pytest.mark.parametrize("code", range(0x80, 0xA3), ids=hex)
def test_every_code_has_a_next_step(code: int) -> None:
    assert reason(code).step.endswith(".")


@pytest.mark.parametrize("protocol", ["5.0", "3.1.1"])
async def test_what_nobody_asked_for_at_qos_2_is_not_kept_for_a_broker_that_never_lets_go(protocol: str) -> None:
    topic = b"\x00\x04edge"
    packet = b"\x34\x0a" + topic + b"\x00\x01" + b"\x00\x00"
    error = await told((ACCEPTED if protocol == "5.0" else CONNACK) + packet, protocol=protocol)
    assert "sends at QoS 2, which nobody here asked for" in str(error)


async def test_answers_that_a_broker_asks_for_and_never_reads_do_not_pile_up() -> None:
    """A PINGREQ of two bytes makes us keep a packet a hundred times as long."""

    async def ask(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CONNACK)
        while True:
            writer.write(b"\xc0\x00" * 10_000)
            await writer.drain()

    async with speaking(ask) as port, running(make_link(port)) as link, asyncio.timeout(60):
        async for status in link.changes():
            if status.error is not None:
                assert "it reads nothing of what it is sent" in str(status.error)
                return


@pytest.mark.parametrize("qos", [0, 1])
async def test_a_flood_of_packets_leaves_everybody_else_a_turn(qos: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A press must be heard whatever a broker sends. Turns last no time at all here, so that each is one packet."""
    count, turns = 500, 0
    at: list[int] = []
    done = asyncio.Event()

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CONNACK)
        _, subscribed = await read_packet(reader)
        packets = [b"\x90\x03" + subscribed[:2] + b"\x00"]
        for number in range(1, count + 1):
            mid = number.to_bytes(2, "big") if qos else b""
            body = len(TIMESTAMP).to_bytes(2, "big") + TIMESTAMP.encode() + mid + b"%03d" % number
            packets.append(bytes([0x30 | qos << 1, len(body)]) + body)
        writer.write(b"".join(packets))
        await reader.read()

    def came(_topic: str, payload: bytes) -> None:
        assert int(payload) == len(at) + 1
        at.append(turns)
        if len(at) == count:
            done.set()

    monkeypatch.setattr("edge_agent.link.inlet._TURN_S", 0.0)
    async with speaking(flood) as port:
        link = make_link(port)
        link.on(TIMESTAMP, came)
        async with running(link), asyncio.timeout(30):
            while not done.is_set():
                await asyncio.sleep(0)
                turns += 1
    assert at[-1] - at[0] > count // 2
