"""What our tests expect of both brokers before they trust anything that runs on them."""

import asyncio

import aiomqtt

from tests.brokers import RunningBroker


async def test_retained_messages_outlive_a_restart(each_broker: RunningBroker, root: str) -> None:
    async with aiomqtt.Client(each_broker.host, each_broker.port) as client:
        await client.publish(f"{root}/kept", b"still here", qos=1, retain=True)
    each_broker.restart()
    async with aiomqtt.Client(each_broker.host, each_broker.port) as client, asyncio.timeout(10):
        await client.subscribe(f"{root}/kept")
        assert (await anext(aiter(client.messages))).payload == b"still here"


async def test_the_shared_broker_serves(broker: RunningBroker, root: str) -> None:
    async with aiomqtt.Client(broker.host, broker.port) as client, asyncio.timeout(10):
        await client.subscribe(f"{root}/echo", qos=1)
        await client.publish(f"{root}/echo", b"1", qos=1)
        assert (await anext(aiter(client.messages))).payload == b"1"
