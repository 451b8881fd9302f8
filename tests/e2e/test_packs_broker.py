"""Packs and a real broker that restarts, or forgets everything."""

import asyncio
from pathlib import Path
from typing import Literal

import aiomqtt
import pytest

from edge_agent.fleet.publishing.broker import BrokerAddress
from edge_agent.fleet.publishing.send import send
from tests.brokers import MOSQUITTO, Mosquitto, RunningBroker
from tests.fleets import TIMESTAMP, SmallFleet, on_broker, png, random_bytes, silent
from tests.proxies import Proxy

Version = Literal["5.0", "3.1.1"]

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("device_speaks", ["5.0", "3.1.1"], ids=["device-5.0", "device-3.1.1"])
@pytest.mark.parametrize("operator_speaks", ["5.0", "3.1.1"], ids=["operator-5.0", "operator-3.1.1"])
async def test_a_pack_goes_from_the_operator_to_a_device_in_either_version_of_mqtt(
    operator_speaks: Version, device_speaks: Version, tmp_path: Path, root: str
) -> None:
    if MOSQUITTO is None:
        pytest.skip("the embedded broker speaks 3.1.1 only")
    fleet = SmallFleet(tmp_path / "operator")
    fleet.sign(poster=png(filling=random_bytes(600_000)))
    with Mosquitto() as broker:
        address = BrokerAddress(broker.host, broker.port, root, protocol=operator_speaks)
        await send(fleet.fleet, address, silent)
        async with on_broker(tmp_path, fleet, broker, root, protocol=device_speaks) as device:
            await device.until(lambda: device.playable() == {"acme/spring": 1})
            fleet.sign(poster=png(filling=random_bytes(600_000, "second")))
            await send(fleet.fleet, address, silent)
            await device.until(lambda: device.playable() == {"acme/spring": 2})


async def test_a_pack_goes_over_a_broker_that_takes_little_at_a_time(tmp_path: Path, root: str) -> None:
    if MOSQUITTO is None:
        pytest.skip("the embedded broker has no such limits")
    fleet = SmallFleet(tmp_path / "operator")
    fleet.sign(poster=png(filling=random_bytes(600_000)))
    with Mosquitto(lines=["max_inflight_messages 1", "max_packet_size 140000", "max_keepalive 10"]) as broker:
        await send(fleet.fleet, BrokerAddress(broker.host, broker.port, root), silent)
        async with on_broker(tmp_path, fleet, broker, root) as device:
            await device.until(lambda: device.playable() == {"acme/spring": 1})


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


async def test_a_connection_that_breaks_again_and_again_goes_on_where_it_broke_each_time(
    tmp_path: Path, broker: RunningBroker, root: str
) -> None:
    fleet = SmallFleet(tmp_path / "operator")
    fleet.sign(poster=png(filling=random_bytes(3_000_000)))
    await send(fleet.fleet, BrokerAddress(broker.host, broker.port, root), silent)
    async with Proxy(broker) as proxy:
        proxy.cut_after(500_000)
        async with on_broker(tmp_path, fleet, proxy, root) as device:
            for broken in range(1, 6):
                await device.until(lambda broken=broken: proxy.connections > broken)  # type: ignore[misc]
                proxy.cut_after(500_000)
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
