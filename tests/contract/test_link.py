"""What the link promises, on every broker that we name and in each version of MQTT that it speaks."""

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import timedelta

import aiomqtt
import pytest

from edge_agent.link.session import Link
from edge_agent.link.topics import Chunk, DeviceStateTopic, Metadata, Timestamp, format_topic
from edge_agent.model.errors import LinkError, NotRetainedError
from edge_agent.settings.rooms import LinkSettings
from tests.brokers import MOSQUITTO, Embedded, Mosquitto, RunningBroker
from tests.links import running
from tests.proxies import Proxy

ROOT = "edge"
TIMESTAMP = format_topic(ROOT, Timestamp())
STATE = format_topic(ROOT, DeviceStateTopic("tv-1"))
WILL = (STATE, b'{"online":false}')
PATIENT_S = 30


@pytest.fixture(params=["mosquitto-5.0", "mosquitto-3.1.1", "embedded"])
def each_broker(request: pytest.FixtureRequest) -> Iterator[RunningBroker]:
    """Each kind of broker in turn, in each version of MQTT; with the embedded one, the link has to find it out."""
    name, _, protocol = request.param.partition("-")
    if name == "mosquitto" and MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    with Mosquitto() if name == "mosquitto" else Embedded() as running:
        running.protocol = protocol or "auto"
        yield running


def settings(place: RunningBroker | Proxy) -> LinkSettings:
    return LinkSettings(
        device_id="tv-1",
        port=place.port,
        protocol=place.protocol,
        root=ROOT,
        reconnect_min=timedelta(milliseconds=20),
        reconnect_max=timedelta(milliseconds=200),
    )


@contextlib.asynccontextmanager
async def connected(place: RunningBroker | Proxy, *, will: tuple[str, bytes] | None = None) -> AsyncIterator[Link]:
    async with running(Link(settings(place), will=will), within_s=None) as link, asyncio.timeout(PATIENT_S):
        await link.connected()
        yield link


async def retain(broker: RunningBroker, messages: Sequence[tuple[str, bytes]]) -> None:
    async with aiomqtt.Client(broker.host, broker.port) as client:
        for topic, payload in messages:
            await client.publish(topic, payload, qos=1, retain=True)


async def until_lost(link: Link) -> None:
    async for status in link.changes():
        if not status.connected:
            return


def chunks(count: int, size: int) -> dict[str, bytes]:
    payloads = [hashlib.shake_128(bytes([n])).digest(size) for n in range(count)]
    return {format_topic(ROOT, Chunk(hashlib.sha256(payload).hexdigest())): payload for payload in payloads}


async def test_a_retained_message_is_fetched(each_broker: RunningBroker) -> None:
    topic = format_topic(ROOT, Metadata(1, "root"))
    await retain(each_broker, [(TIMESTAMP, b"ts"), (topic, b"signed")])
    async with connected(each_broker) as link:
        assert await link.fetch(topic, 6) == b"signed"
        assert await link.fetch(topic, 6) == b"signed"
        assert await link.fetch(TIMESTAMP, 10) == b"ts"


async def test_nothing_retained_is_said_without_waiting_for_the_timeout(each_broker: RunningBroker) -> None:
    await retain(each_broker, [(TIMESTAMP, b"ts")])
    async with connected(each_broker) as link:
        with pytest.raises(NotRetainedError):
            await link.fetch(format_topic(ROOT, Metadata(2, "root")), 100, patience=timedelta(hours=1))


async def test_an_absent_topic_is_absent_also_while_somebody_listens_to_the_timestamp(
    each_broker: RunningBroker,
) -> None:
    await retain(each_broker, [(TIMESTAMP, b"ts")])
    link = Link(settings(each_broker))
    told: asyncio.Queue[bytes] = asyncio.Queue()
    link.on(TIMESTAMP, lambda _topic, payload: told.put_nowait(payload))
    async with running(link, within_s=None), asyncio.timeout(PATIENT_S):
        assert await told.get() == b"ts"
        for version in (2, 3):
            with pytest.raises(NotRetainedError):
                await link.fetch(format_topic(ROOT, Metadata(version, "root")), 9, patience=timedelta(hours=1))
        await retain(each_broker, [(TIMESTAMP, b"newer")])
        # Asking for absent topics made the broker repeat "ts"; the listener has it already.
        assert await told.get() == b"newer"


async def test_an_empty_repository_is_a_timeout(each_broker: RunningBroker) -> None:
    async with connected(each_broker) as link:
        with pytest.raises(LinkError, match="Nothing arrived"):
            await link.fetch(TIMESTAMP, 100, patience=timedelta(milliseconds=200))


async def test_an_oversize_message_fails_its_own_topic_only(each_broker: RunningBroker) -> None:
    contents = chunks(3, 1000)
    (large, payload), *_ = contents.items()
    await retain(each_broker, [*contents.items(), (large, payload + b"!"), (TIMESTAMP, b"ts")])
    async with connected(each_broker) as link:
        outcomes = {topic: outcome async for topic, outcome in link.fetch_many(list(contents), 16, 1000)}
        with pytest.raises(LinkError, match="1001 bytes"):
            await link.fetch(large, 1000)
    assert isinstance(outcomes.pop(large), LinkError)
    assert outcomes == {topic: payload for topic, payload in contents.items() if topic != large}


async def test_a_hundred_chunks_arrive_intact_and_the_missing_ones_are_named(each_broker: RunningBroker) -> None:
    contents = chunks(100, 64 * 1024)
    missing = [format_topic(ROOT, Chunk(hashlib.sha256(bytes(n)).hexdigest())) for n in range(5)]
    await retain(each_broker, [*contents.items(), (TIMESTAMP, b"ts")])
    asked = [*missing, *contents, *missing]
    async with connected(each_broker) as link:
        outcomes = [outcome async for outcome in link.fetch_many(asked, 16, 128 * 1024, patience=timedelta(hours=1))]
    assert len(outcomes) == 105
    found = dict(outcomes)
    assert {topic: found[topic] for topic in contents} == contents
    assert all(isinstance(found[topic], NotRetainedError) for topic in missing)


@pytest.mark.parametrize("window", [1, 2, 7, 256])
async def test_any_window_fetches_everything(each_broker: RunningBroker, window: int) -> None:
    contents = chunks(20, 100)
    await retain(each_broker, [*contents.items(), (TIMESTAMP, b"ts")])
    async with connected(each_broker) as link:
        assert {topic: outcome async for topic, outcome in link.fetch_many(list(contents), window, 100)} == contents


async def test_a_consumer_may_stop_early_and_others_go_on(each_broker: RunningBroker) -> None:
    contents = chunks(20, 100)
    await retain(each_broker, [*contents.items(), (TIMESTAMP, b"ts")])
    async with connected(each_broker) as link:
        async with contextlib.aclosing(link.fetch_many(list(contents), 8, 100)) as early:
            await anext(early)
        both = await asyncio.gather(*(link.fetch(topic, 100) for topic in [*contents, *contents]))
    assert both == [*contents.values(), *contents.values()]


async def test_publishing_returns_once_the_broker_has_it(each_broker: RunningBroker) -> None:
    async with connected(each_broker) as link:
        await link.publish(STATE, b"1", retain=True)
        await link.publish(STATE, b"2", retain=True, qos=0)
        await link.publish(STATE, b"3", retain=True)
        each_broker.restart()
        await until_lost(link)
        await link.connected()
        assert await link.fetch(STATE, 10) == b"3"


async def test_without_a_broker_everything_is_refused_at_once_and_works_when_it_comes(
    each_broker: RunningBroker, caplog: pytest.LogCaptureFixture
) -> None:
    each_broker.stop()
    link = Link(settings(each_broker))
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    link.on(TIMESTAMP, lambda _topic, payload: heard.put_nowait(payload))
    with caplog.at_level(logging.INFO, "edge_agent.link"):
        async with running(link, within_s=None), asyncio.timeout(PATIENT_S):
            async for status in link.changes():
                if status.attempts > 3:
                    break
            assert not link.status.connected
            assert "cannot be used" in str(link.status.error)
            with pytest.raises(LinkError):
                await link.publish(STATE, b"1")
            with pytest.raises(LinkError):
                await link.fetch(TIMESTAMP, 10)
            with pytest.raises(LinkError):
                await anext(link.fetch_many([TIMESTAMP], 16, 10))
            each_broker.start()
            await link.connected()
            await link.publish(TIMESTAMP, b"ts")
            assert await heard.get() == b"ts"
    said = [record.levelname for record in caplog.records if "does not take MQTT 5.0" not in record.getMessage()]
    assert said == ["WARNING", "INFO"]  # once when it begins, once when it ends


async def test_a_restart_in_the_middle_loses_nothing(each_broker: RunningBroker) -> None:
    await retain(each_broker, [(TIMESTAMP, b"1")])
    link = Link(settings(each_broker))
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    link.on(TIMESTAMP, lambda _topic, payload: heard.put_nowait(payload))
    async with running(link, within_s=None), asyncio.timeout(PATIENT_S):
        assert await heard.get() == b"1"
        each_broker.restart()
        assert await heard.get() == b"1"  # retained, so it is told again after every reconnect
        await link.connected()
        await retain(each_broker, [(TIMESTAMP, b"2")])
        assert await heard.get() == b"2"


async def test_a_session_that_the_broker_dropped_does_not_leave_the_device_deaf(each_broker: RunningBroker) -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    async with connected(each_broker) as link:
        link.on(TIMESTAMP, lambda _topic, payload: heard.put_nowait(payload))
        # The same client id, as after a device was cloned: the broker throws ours out with all it subscribed to.
        async with aiomqtt.Client(each_broker.host, each_broker.port, identifier="edge-agent-tv-1"):
            await until_lost(link)
            await link.connected()
            await retain(each_broker, [(TIMESTAMP, b"after")])
            assert await heard.get() == b"after"


async def test_a_fetch_under_way_fails_when_the_connection_is_lost(each_broker: RunningBroker) -> None:
    contents = chunks(40, 64 * 1024)
    await retain(each_broker, [*contents.items(), (TIMESTAMP, b"ts")])
    async with Proxy(each_broker) as proxy, connected(proxy) as link:
        proxy.cut_after(10 * 64 * 1024)
        first = {topic: outcome async for topic, outcome in link.fetch_many(list(contents), 16, 64 * 1024)}
        arrived = {topic: outcome for topic, outcome in first.items() if isinstance(outcome, bytes)}
        assert first.keys() == contents.keys()
        assert 0 < len(arrived) < 40
        await link.connected()
        rest = [topic for topic in contents if topic not in arrived]
        arrived |= {
            topic: outcome
            async for topic, outcome in link.fetch_many(rest, 16, 64 * 1024)
            if isinstance(outcome, bytes)
        }
    assert arrived == contents


async def test_another_client_sees_the_last_will(each_broker: RunningBroker) -> None:
    async with (
        Proxy(each_broker) as proxy,
        connected(proxy, will=WILL) as link,
        aiomqtt.Client(each_broker.host, each_broker.port) as watcher,
    ):
        await link.publish(STATE, b'{"online":true}', retain=True)
        await watcher.subscribe(STATE)
        assert (await anext(aiter(watcher.messages))).payload == b'{"online":true}'
        proxy.cut()
        assert (await anext(aiter(watcher.messages))).payload == WILL[1]


async def test_a_device_that_is_stopped_says_goodbye_itself(each_broker: RunningBroker) -> None:
    async with connected(each_broker, will=WILL) as link:
        await link.publish(STATE, b'{"online":true}', retain=True)
    async with connected(each_broker) as link:
        assert await link.fetch(STATE, 100) == WILL[1]


async def test_a_listener_that_was_ended_hears_no_more(each_broker: RunningBroker) -> None:
    ended: list[bytes] = []
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    async with connected(each_broker) as link:
        end = link.on(STATE, lambda _topic, payload: ended.append(payload))
        link.on(STATE, lambda _topic, payload: heard.put_nowait(payload))
        end()
        await link.publish(STATE, b"1", retain=True)
        assert await heard.get() == b"1"
    assert ended == []


@pytest.mark.parametrize("topic", ["edge/#", "edge/+/x", "edge//x", "edge/\x00", "edge/é", "x" * 300, ""])
async def test_hostile_topics_never_reach_the_broker(broker: RunningBroker, topic: str) -> None:
    async with connected(broker) as link:
        with pytest.raises(LinkError):
            await link.publish(topic, b"1")
        with pytest.raises(LinkError):
            await link.fetch(topic, 10)
        with pytest.raises(LinkError):
            await anext(link.fetch_many([TIMESTAMP, topic], 16, 10))
        with pytest.raises(LinkError):
            link.on(topic, lambda _topic, _payload: None)
        assert link.status.connected
