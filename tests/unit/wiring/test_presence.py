"""What a device says of itself, on a real broker: after each connection and change, and never twice the same."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import aiomqtt
import pytest

from edge_agent.link.session import Link
from edge_agent.model.errors import FormatError, NotRetainedError, RenderError, StorageError
from edge_agent.settings.rooms import LinkSettings
from edge_agent.troubles import Troubles
from edge_agent.wiring.presence import Presence
from edge_agent.wiring.reported import told_problems
from edge_agent.wiring.retained_repository import RetainedRepository
from tests.brokers import RunningBroker


class Device:
    """A link with its presence; `said` is what a listener on the broker heard of it."""

    def __init__(self, broker: RunningBroker, root: str) -> None:
        settings = LinkSettings(
            device_id=f"presence-{root.rpartition('/')[2]}",
            host=broker.host,
            port=broker.port,
            root=root,
            reconnect_min=timedelta(milliseconds=20),
            reconnect_max=timedelta(milliseconds=100),
        )
        self.broker, self.topic = broker, f"{root}/device/x/state"
        self.state = b"first"
        self.told = asyncio.Event()
        self.troubles = Troubles(changed=self.told.set)
        self.link = Link(settings)
        self.presence = Presence(self.link, self.topic, lambda: self.state, self.troubles, self.told.set)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self.link.run()), asyncio.create_task(self.presence.run())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @asynccontextmanager
    async def heard(self) -> AsyncIterator["asyncio.Queue[bytes]"]:
        """Everything that is published on the topic from now on, retained or not."""
        said: asyncio.Queue[bytes] = asyncio.Queue()
        async with aiomqtt.Client(self.broker.host, self.broker.port) as client:
            await client.subscribe(self.topic)

            async def listen() -> None:
                async for message in client.messages:
                    assert isinstance(message.payload, bytes)
                    said.put_nowait(message.payload)

            listening = asyncio.create_task(listen())
            try:
                yield said
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)


async def take(said: "asyncio.Queue[bytes]") -> bytes:
    return await asyncio.wait_for(said.get(), 20)


async def test_the_state_is_told_after_connecting_and_after_each_change_and_not_twice(
    broker: RunningBroker, root: str
) -> None:
    device = Device(broker, root)
    async with device.heard() as said, device.running():
        assert await take(said) == b"first"
        device.presence.wanted()
        for _ in range(10):
            await asyncio.sleep(0)  # let it look, and find nothing new
        device.state = b"second"
        device.presence.wanted()
        assert await take(said) == b"second", "the same is not told twice"
        device.state = b"third"
        device.presence.wanted()
        assert await take(said) == b"third"
        assert said.empty()


async def test_whoever_subscribes_later_finds_the_newest_state(broker: RunningBroker, root: str) -> None:
    device = Device(broker, root)
    async with device.heard() as said, device.running():
        await take(said)
    async with device.heard() as later:
        assert await take(later) == b"first"


async def test_a_broker_that_goes_is_a_trouble_and_one_that_comes_back_is_told_everything(
    own_broker: RunningBroker, root: str
) -> None:
    device = Device(own_broker, root)
    async with device.running():
        async with device.heard() as said:
            await take(said)
        await asyncio.to_thread(own_broker.stop)
        await until(device, lambda: "broker" in device.troubles.lasting)
        assert device.troubles.lasting["broker"].next_step
        device.state = b"changed meanwhile"
        device.presence.wanted()
        await asyncio.to_thread(own_broker.start)
        await until(device, lambda: not device.troubles.lasting)
        async with device.heard() as said:
            while await take(said) != b"changed meanwhile":
                pass


async def test_a_new_connection_tells_again_since_the_last_will_may_have_spoken(
    own_broker: RunningBroker, root: str
) -> None:
    device = Device(own_broker, root)
    async with device.running():
        async with device.heard() as said:
            assert await take(said) == b"first"
        async with aiomqtt.Client(own_broker.host, own_broker.port) as client:
            await client.publish(device.topic, b"offline", qos=1, retain=True)
        await asyncio.to_thread(own_broker.restart)
        async with device.heard() as said:
            while await take(said) != b"first":
                pass


async def until(device: Device, wanted: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not wanted():
            device.told.clear()
            await device.told.wait()


async def test_the_repository_is_read_below_the_root_and_says_what_is_new(broker: RunningBroker, root: str) -> None:
    device = Device(broker, root)
    repository = RetainedRepository(device.link, root)
    early: list[bytes] = []
    arrived: asyncio.Queue[bytes] = asyncio.Queue()
    repository.on_timestamp(early.append)
    repository.on_timestamp(arrived.put_nowait)
    async with aiomqtt.Client(broker.host, broker.port) as client, device.running():
        await client.publish(f"{root}/repo/chunk/a", b"chunk", qos=1, retain=True)
        await client.publish(f"{root}/repo/meta/timestamp", b"new", qos=1, retain=True)
        assert await take(arrived) == b"new"
        assert early == [], "a packs room that was replaced hears nothing any more"
        assert await repository.fetch("repo/chunk/a", 100) == b"chunk"
        with pytest.raises(NotRetainedError):
            await repository.fetch("repo/chunk/b", 100)
        answers = repository.fetch_many(["repo/chunk/a", "repo/chunk/b"], 4, 100)
        found = {topic: answer async for topic, answer in answers}
        assert found["repo/chunk/a"] == b"chunk"
        assert isinstance(found["repo/chunk/b"], NotRetainedError)


def test_the_fleet_is_told_that_a_hook_fails_and_nothing_of_what_it_was_to_show() -> None:
    troubles = Troubles()
    troubles.begin("show hook", RenderError("No picture for /blobs/5f2a of spring-bread."))
    troubles.begin("packs directory", StorageError("The disk is full."))
    hook, disk = told_problems(troubles.lasting)
    assert "show hook" in hook
    assert "blobs" not in hook
    assert "spring" not in hook
    assert disk == "The disk is full."


def test_packs_that_fail_hide_nothing_else_from_the_fleet() -> None:
    troubles = Troubles()
    for number in range(10):
        troubles.begin(f"manifest acme/{number}", FormatError(f"The pack acme/{number} is no JSON."))
        troubles.begin(f"pack acme/{number}", FormatError(f"The pack acme/{number} is not there."))
    troubles.begin("journal", StorageError("The disk is full."))
    told = told_problems(troubles.lasting)
    assert told[:2] == ("The disk is full.", "The pack acme/0 is no JSON.")
    assert len(told) == 8
