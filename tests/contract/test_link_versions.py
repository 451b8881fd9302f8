"""Which version of MQTT is spoken, and what is made of what brokers of 5.0 say that they take."""

import asyncio
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from edge_agent.fleet.publishing.broker import BrokerAddress
from edge_agent.fleet.publishing.send import send
from edge_agent.link.client import MOST_TAKEN_BYTES
from edge_agent.link.session import Link
from edge_agent.model.errors import LinkError, NotRetainedError, OversizeError
from edge_agent.settings.rooms import LinkSettings
from tests.brokers import MOSQUITTO, Embedded, Mosquitto, Reachable
from tests.fleets import SmallFleet, silent
from tests.links import running
from tests.proxies import ACCEPTS_311_ONLY, HANGS_UP, UNSUPPORTED_VERSION, Proxy, RefusedVersion

pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")

TIMESTAMP = "edge/repo/meta/timestamp"
STATE = "edge/device/tv-1/state"
WILL = (STATE, b'{"online":false}')


def make_link(broker: Reachable, *, will: tuple[str, bytes] | None = None, **more: Any) -> Link:
    short = {"reconnect_min": timedelta(milliseconds=20), "reconnect_max": timedelta(milliseconds=100)}
    return Link(LinkSettings(device_id="tv-1", port=broker.port, **{**short, **more}), will=will)


async def until_lost(link: Link) -> None:
    async for status in link.changes():
        if not status.connected:
            return


async def refusal(link: Link) -> LinkError:
    async for status in link.changes():
        assert not status.connected
        if status.error is not None:
            return status.error
    raise RuntimeError("changes never end")


async def test_a_broker_that_takes_5_is_asked_once() -> None:
    with Mosquitto() as broker:
        async with Proxy(broker) as proxy, running(make_link(proxy)) as link:
            await link.connected()
            proxy.cut()
            await until_lost(link)
            await link.connected()
            assert set(proxy.levels) == {5}


@pytest.mark.parametrize(
    "answer",
    [ACCEPTS_311_ONLY, UNSUPPORTED_VERSION, HANGS_UP],
    ids=["return-code-1", "reason-code-0x84", "hangs-up"],
)
async def test_a_broker_that_refuses_5_is_spoken_to_in_3_1_1_from_then_on(
    answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with Mosquitto() as broker, caplog.at_level(logging.INFO, "edge_agent.link"):
        async with Proxy(broker, refuses=RefusedVersion(5, answer)) as proxy, running(make_link(proxy)) as link:
            await link.connected()
            assert proxy.levels == [5, 4]
            proxy.cut()
            await until_lost(link)
            await link.connected()
            await link.publish(STATE, b"1", retain=True)
            assert set(proxy.levels[2:]) == {4}
    said = [record.getMessage() for record in caplog.records if "does not take MQTT 5.0" in record.getMessage()]
    assert len(said) == 1


async def test_the_embedded_broker_names_the_version_as_its_reason() -> None:
    with Embedded() as broker:
        async with Proxy(broker) as proxy, running(make_link(proxy)) as link:
            await link.connected()
            assert proxy.levels == [5, 4]
        async with running(make_link(broker, protocol="5.0")) as link:
            error = await refusal(link)
            assert "Unsupported protocol version" in str(error)
            assert "mqtt.protocol" in error.next_step


async def test_3_1_1_is_spoken_where_a_person_says_so() -> None:
    with Mosquitto() as broker:
        async with Proxy(broker) as proxy, running(make_link(proxy, protocol="3.1.1")) as link:
            await link.connected()
            assert proxy.levels == [4]


async def test_whoever_cuts_connections_does_not_change_the_version_of_a_device_that_runs() -> None:
    with Mosquitto() as broker:
        async with Proxy(broker) as proxy, running(make_link(proxy)) as link:
            await link.connected()
            proxy.refuses = RefusedVersion(5, HANGS_UP)
            proxy.cut()
            assert "hung up" in str(await lost_reason(link))
            proxy.refuses = None
            await link.connected()
            assert set(proxy.levels) == {5}


async def test_a_broker_that_was_replaced_by_an_older_one_is_followed() -> None:
    with Mosquitto() as broker:
        async with Proxy(broker) as proxy, running(make_link(proxy)) as link:
            await link.connected()
            proxy.refuses = RefusedVersion(5, UNSUPPORTED_VERSION)
            proxy.cut()
            await until_lost(link)
            await link.connected()
            assert proxy.levels[-2:] == [5, 4]


async def lost_reason(link: Link) -> LinkError:
    await until_lost(link)
    async for status in link.changes():
        if status.error is not None and "hung up" in str(status.error):
            return status.error
    raise RuntimeError("changes never end")


async def test_what_is_larger_than_the_broker_takes_is_refused_before_it_is_sent() -> None:
    with Mosquitto(lines=["max_packet_size 2000"]) as broker:
        async with running(make_link(broker)) as link:
            await link.connected()
            with pytest.raises(LinkError, match="this broker takes 2000"):
                await link.publish(STATE, bytes(2000), retain=True)
            await link.publish(STATE, bytes(1900), retain=True)
            assert link.status.connected


@pytest.mark.parametrize("will", [WILL, None], ids=["device", "operator"])
@pytest.mark.parametrize(
    ("line", "said"),
    [("retain_available false", "retained messages"), ("max_qos 0", "QoS")],
    ids=["no-retained-messages", "no-acknowledgements"],
)
async def test_a_broker_that_can_carry_no_fleet_is_told_of_with_what_to_do(
    line: str, said: str, will: tuple[str, bytes] | None
) -> None:
    with Mosquitto(lines=[line]) as broker:
        async with running(make_link(broker, will=will)) as link:
            error = await refusal(link)
            assert said in str(error)
            assert "edge-agent docs brokers" in error.next_step


async def test_no_more_is_under_way_than_the_broker_takes() -> None:
    with Mosquitto(lines=["max_inflight_messages 1"]) as broker:
        async with running(make_link(broker)) as link:
            await link.connected()
            assert link.offer.in_flight == 1
            await asyncio.gather(*(link.publish(f"edge/report/{n}", b"sealed", retain=True) for n in range(40)))
            await link.publish(TIMESTAMP, b"ts", retain=True)
            assert await link.fetch("edge/report/39", 10) == b"sealed"


async def test_an_endless_message_is_never_sent_to_us() -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    with Mosquitto() as broker:
        async with aiomqtt.Client(broker.host, broker.port) as publisher, Proxy(broker) as proxy:
            await publisher.publish(TIMESTAMP, bytes(4 * MOST_TAKEN_BYTES), qos=1, retain=True)
            await publisher.publish(STATE, b"1", qos=1, retain=True)
            proxy.kept = bytearray()
            link = make_link(proxy)
            link.on(TIMESTAMP, lambda _topic, payload: heard.put_nowait(payload))
            async with running(link):
                await link.connected()
                assert await link.fetch(STATE, 10) == b"1"
                await publisher.publish(TIMESTAMP, bytes(2 * MOST_TAKEN_BYTES), qos=1, retain=True)
                await publisher.publish(TIMESTAMP, b"news", qos=1, retain=True)
                assert await heard.get() == b"news"
            assert len(proxy.kept) < 10_000


async def test_an_endless_message_of_3_1_1_is_let_go_by_and_the_connection_stays(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    with Mosquitto() as broker:
        async with aiomqtt.Client(broker.host, broker.port) as publisher, Proxy(broker) as proxy:
            await publisher.publish(TIMESTAMP, bytes(20 * MOST_TAKEN_BYTES), qos=1, retain=True)
            await publisher.publish(STATE, bytes(19 * MOST_TAKEN_BYTES), qos=1, retain=True)
            await publisher.publish("edge/report/1", b"1", qos=1, retain=True)
            link = make_link(proxy, protocol="3.1.1")
            link.on(TIMESTAMP, lambda _topic, payload: heard.put_nowait(payload))
            async with running(link):
                await link.connected()
                with pytest.raises(OversizeError, match=str(19 * MOST_TAKEN_BYTES)):
                    await link.fetch(STATE, 10)
                assert await link.fetch("edge/report/1", 10) == b"1"
                with pytest.raises(NotRetainedError):
                    await link.fetch("edge/report/2", 10, patience=timedelta(hours=1))
                await publisher.publish(TIMESTAMP, b"news", qos=1, retain=True)
                assert await heard.get() == b"news"
            assert proxy.levels == [4]
    assert f"A message of {20 * MOST_TAKEN_BYTES} bytes on {TIMESTAMP} is too large" in caplog.text


async def test_a_retained_message_that_is_too_large_to_be_sent_is_as_good_as_none() -> None:
    with Mosquitto() as broker:
        async with aiomqtt.Client(broker.host, broker.port) as publisher, running(make_link(broker)) as link:
            await publisher.publish(STATE, bytes(2 * MOST_TAKEN_BYTES), qos=1, retain=True)
            await publisher.publish(TIMESTAMP, b"ts", qos=1, retain=True)
            await link.connected()
            with pytest.raises(NotRetainedError):
                await link.fetch(STATE, 10, patience=timedelta(hours=1))


async def test_what_a_device_said_when_it_left_is_forgotten_in_the_end() -> None:
    with Mosquitto() as broker:
        five = aiomqtt.ProtocolVersion.V5
        async with aiomqtt.Client(broker.host, broker.port, protocol=five) as watcher, Proxy(broker) as proxy:
            async with running(make_link(proxy, will=WILL)) as link:
                await link.connected()
                await watcher.subscribe(STATE, qos=1)
                proxy.cut()
                await until_lost(link)
                will = await anext(aiter(watcher.messages))
                await link.connected()
            goodbye = await anext(aiter(watcher.messages))
    for left in (will, goodbye):
        assert left.payload == WILL[1]
        assert left.properties is not None
        assert timedelta(days=399) < timedelta(seconds=left.properties.MessageExpiryInterval) <= timedelta(days=400)  # type: ignore[attr-defined]


async def test_what_the_broker_lets_nobody_publish_is_an_error_and_not_silence(tmp_path: Path) -> None:
    rules = tmp_path / "acl"
    rules.write_text("topic read edge/#\n")
    with Mosquitto(lines=[f"acl_file {rules}"]) as broker:
        async with running(make_link(broker)) as link:
            await link.connected()
            with pytest.raises(LinkError, match="refuses edge/device/tv-1/state: Not authorized") as raised:
                await link.publish(STATE, b"1", retain=True)
            assert "access rules" in raised.value.next_step


async def test_a_fleet_that_is_too_large_for_its_broker_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    fleet = SmallFleet(tmp_path / "operator")
    fleet.sign()
    with Mosquitto(lines=["max_packet_size 1500"]) as broker:
        with pytest.raises(LinkError, match="this broker takes 1500") as raised:
            await send(fleet.fleet, BrokerAddress(broker.host, broker.port), silent)
        assert "max_packet_size" in raised.value.next_step
        async with running(make_link(broker)) as link:
            await link.connected()
            await link.publish(TIMESTAMP, b"ts", retain=True)
            for topic in fleet.messages():
                if topic not in TIMESTAMP:
                    with pytest.raises(NotRetainedError):
                        await link.fetch(f"edge/{topic}", 2**20)
