"""What the packs room expects of a source, of the one in memory and of the real one over a broker alike."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import aiomqtt
import pytest

from edge_agent.link.session import Link
from edge_agent.model.errors import LinkError, NotRetainedError
from edge_agent.packs.source import Source
from edge_agent.settings.rooms import LinkSettings
from edge_agent.wiring.retained_repository import RetainedRepository
from tests.brokers import RunningBroker
from tests.fleets import TIMESTAMP, MemorySource


@dataclass
class Bench:
    source: Source
    retain: Callable[[str, bytes], Awaitable[None]]


@pytest.fixture(params=["memory", "broker"])
async def bench(request: pytest.FixtureRequest, broker: RunningBroker, root: str) -> AsyncIterator[Bench]:
    if request.param == "memory":
        memory = MemorySource()

        async def keep(topic: str, content: bytes) -> None:
            memory.retained[topic] = content
            if topic == TIMESTAMP:
                memory.push()

        yield Bench(memory, keep)
        return
    link = Link(LinkSettings(device_id="contract", host=broker.host, port=broker.port, root=root))
    source = RetainedRepository(link, root)
    running = asyncio.create_task(link.run())
    await asyncio.wait_for(link.connected(), 20)

    async def publish(topic: str, content: bytes) -> None:
        async with aiomqtt.Client(broker.host, broker.port) as client:
            await client.publish(f"{root}/{topic}", content, qos=1, retain=True)

    yield Bench(source, publish)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_what_is_retained_is_fetched_and_what_is_not_is_said(bench: Bench) -> None:
    await bench.retain(TIMESTAMP, b"now")
    await bench.retain("repo/meta/1/root", b"root")
    assert await bench.source.fetch("repo/meta/1/root", 4) == b"root"
    with pytest.raises(LinkError):
        await bench.source.fetch("repo/meta/1/root", 3)
    with pytest.raises(NotRetainedError):
        await bench.source.fetch("repo/meta/2/root", 10)


async def test_each_topic_is_answered_once(bench: Bench) -> None:
    await bench.retain(TIMESTAMP, b"now")
    there = [f"repo/chunk/{number:064x}" for number in range(20)]
    for topic in there:
        await bench.retain(topic, topic.encode())
    absent = "repo/chunk/" + "f" * 64
    answers = [answer async for answer in bench.source.fetch_many([*there, absent], 4, 1000)]
    assert sorted(topic for topic, _ in answers) == sorted([*there, absent])
    found = dict(answers)
    assert isinstance(found[absent], NotRetainedError)
    assert all(found[topic] == topic.encode() for topic in there)


async def test_nothing_asked_is_nothing_answered(bench: Bench) -> None:
    assert [answer async for answer in bench.source.fetch_many([], 4, 1000)] == []


async def test_a_new_timestamp_is_told(bench: Bench) -> None:
    told: asyncio.Queue[bytes] = asyncio.Queue()
    bench.source.on_timestamp(told.put_nowait)
    await bench.retain(TIMESTAMP, b"1")
    assert await asyncio.wait_for(told.get(), 20) == b"1"
    await bench.retain(TIMESTAMP, b"2")
    assert await asyncio.wait_for(told.get(), 20) == b"2"


async def test_who_asks_later_is_told_the_newest_timestamp_too(bench: Bench) -> None:
    told: asyncio.Queue[bytes] = asyncio.Queue()
    bench.source.on_timestamp(told.put_nowait)
    await bench.retain(TIMESTAMP, b"1")
    assert await asyncio.wait_for(told.get(), 20) == b"1"
    later: asyncio.Queue[bytes] = asyncio.Queue()
    bench.source.on_timestamp(later.put_nowait)
    assert await asyncio.wait_for(later.get(), 20) == b"1"
