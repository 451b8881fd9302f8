"""Packs and a real broker that restarts, or forgets everything."""

import asyncio
from pathlib import Path

import aiomqtt
import pytest

from edge_agent.fleet.broker import BrokerAddress
from edge_agent.fleet.publish import send
from tests.brokers import RunningBroker
from tests.fleets import TIMESTAMP, SmallFleet, on_broker, png, random_bytes, silent

pytestmark = pytest.mark.e2e


async def test_a_broker_that_restarts_in_the_middle_of_a_pack(
    tmp_path: Path, own_broker: RunningBroker, root: str
) -> None:
    fleet, address = SmallFleet(tmp_path / "operator"), BrokerAddress(own_broker.host, own_broker.port, root)
    fleet.sign(poster=png(filling=random_bytes(3_000_000)))
    await send(fleet.fleet, address, silent)
    async with on_broker(tmp_path, fleet, own_broker, root) as device:
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
