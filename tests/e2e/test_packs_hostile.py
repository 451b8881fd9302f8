"""A device on a real broker with somebody hostile on it: what plays goes on playing; honesty repairs everything."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import aiomqtt
import pytest

from edge_agent.fleet.broker import BrokerAddress
from edge_agent.fleet.publish import send
from edge_agent.link.session import Link
from edge_agent.settings.rooms import LinkSettings
from edge_agent.wiring.retained_repository import RetainedRepository
from tests.attacks import ATTACKS, Attack
from tests.brokers import RunningBroker
from tests.fleets import TIMESTAMP, Device, SmallFleet, png, random_bytes, silent

pytestmark = pytest.mark.e2e


@asynccontextmanager
async def tv(tmp_path: Path, fleet: SmallFleet, broker: RunningBroker, root: str) -> AsyncIterator[Device]:
    settings = LinkSettings(
        device_id=f"tv-{tmp_path.name.lower()[-40:].strip('.-_')}",
        host=broker.host,
        port=broker.port,
        root=root,
        reconnect_min=timedelta(milliseconds=50),
        reconnect_max=timedelta(milliseconds=200),
    )
    link = Link(settings)
    device = Device(tmp_path / "tv", fleet.root_json, RetainedRepository(link, root))
    running = asyncio.create_task(link.run())
    try:
        async with device:
            yield device
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def plant(broker: RunningBroker, root: str, messages: Mapping[str, bytes]) -> None:
    """Publish as anybody may who reaches the broker; the timestamp last, as it wakes devices."""
    ordered = [topic for topic in messages if topic != TIMESTAMP] + [TIMESTAMP]
    async with aiomqtt.Client(broker.host, broker.port, max_queued_outgoing_messages=0) as client:
        for topic in ordered:
            await client.publish(f"{root}/{topic}", messages[topic], qos=1, retain=True)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
async def test_a_hostile_publisher_changes_nothing(
    attack: Attack, tmp_path: Path, broker: RunningBroker, root: str, caplog: pytest.LogCaptureFixture
) -> None:
    fleet, address = SmallFleet(tmp_path / "operator"), BrokerAddress(broker.host, broker.port, root)
    fleet.sign()
    await send(fleet.fleet, address, silent)
    async with tv(tmp_path, fleet, broker, root) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        fleet.sign(poster=png(filling=random_bytes(300_000, "second")))
        caplog.clear()
        await plant(broker, root, attack.plant(fleet))
        await device.until(lambda: any(attack.complaint in record.getMessage() for record in caplog.records))
        assert device.playable() == {"acme/spring": 1}
        warned = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
        assert [attack.complaint in message for message in warned] == [True]

        fleet.fleet.remove("packs/acme/spring.json")
        fleet.sign("summer")
        await send(fleet.fleet, address, silent, everything=True)
        await device.until(lambda: device.playable() == {"acme/summer": 1})


async def test_a_broker_that_restarts_in_the_middle_of_a_pack(
    tmp_path: Path, own_broker: RunningBroker, root: str
) -> None:
    fleet, address = SmallFleet(tmp_path / "operator"), BrokerAddress(own_broker.host, own_broker.port, root)
    fleet.sign(poster=png(filling=random_bytes(3_000_000)))
    await send(fleet.fleet, address, silent)
    async with tv(tmp_path, fleet, own_broker, root) as device:
        await device.until(lambda: bool(device.catalogs()) and bool(device.shelf.status().packs))
        await asyncio.to_thread(own_broker.restart)
        await device.until(lambda: device.playable() == {"acme/spring": 1})


async def test_a_broker_that_lost_its_memory_is_filled_again_by_the_next_publication(
    tmp_path: Path, own_broker: RunningBroker, root: str
) -> None:
    fleet, address = SmallFleet(tmp_path / "operator"), BrokerAddress(own_broker.host, own_broker.port, root)
    fleet.sign()
    first = await send(fleet.fleet, address, silent)
    again = await send(fleet.fleet, address, silent)
    assert (first.messages > 5, again.messages, again.sent_bytes) == (True, 1, 0)
    async with aiomqtt.Client(own_broker.host, own_broker.port) as client:
        await client.publish(f"{root}/{TIMESTAMP}", b"", qos=1, retain=True)
    after = await send(fleet.fleet, address, silent)
    assert after.sent_bytes == first.sent_bytes
