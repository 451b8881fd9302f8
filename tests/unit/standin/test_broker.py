import asyncio

import aiomqtt
import pytest

from edge_agent.model.errors import LinkError
from edge_agent.standin.broker import EmbeddedBroker


async def _first(client: aiomqtt.Client) -> aiomqtt.Message:
    async with asyncio.timeout(10):
        return await anext(aiter(client.messages))


async def test_a_retained_message_of_256_kib_is_served_unchanged() -> None:
    payload = bytes(range(256)) * 1024
    async with EmbeddedBroker() as broker:
        async with aiomqtt.Client(broker.host, broker.port) as publisher:
            await publisher.publish("edge/repo/chunk/x", payload, qos=1, retain=True)
        async with aiomqtt.Client(broker.host, broker.port) as reader:
            await reader.subscribe("edge/repo/chunk/x")
            message = await _first(reader)
    assert message.payload == payload
    assert message.retain


async def test_retained_messages_and_the_port_survive_a_restart() -> None:
    async with EmbeddedBroker() as broker:
        port = broker.port
        async with aiomqtt.Client(broker.host, broker.port) as publisher:
            await publisher.publish("kept", b"1", qos=1, retain=True)
            await publisher.publish("cleared", b"1", qos=1, retain=True)
            await publisher.publish("cleared", b"", qos=1, retain=True)
        await broker.restart()
        assert broker.port == port
        async with aiomqtt.Client(broker.host, broker.port) as reader:
            await reader.subscribe([("cleared", 0), ("kept", 0)])
            assert str((await _first(reader)).topic) == "kept"


async def test_a_port_that_is_taken_is_said_in_one_sentence() -> None:
    async with EmbeddedBroker() as broker:
        with pytest.raises(LinkError, match=r"cannot listen on 127\.0\.0\.1:\d+: Address already in use\.$"):
            await EmbeddedBroker(port=broker.port).start()


async def test_a_restart_drops_clients() -> None:
    async with EmbeddedBroker() as broker, aiomqtt.Client(broker.host, broker.port) as client:
        await client.subscribe("anything")
        await broker.restart()
        with pytest.raises(aiomqtt.MqttError):
            await _first(client)


async def test_a_new_client_gets_nothing_that_only_others_subscribed_to() -> None:
    async with EmbeddedBroker() as broker, aiomqtt.Client(broker.host, broker.port) as first:
        await first.publish("theirs", b"1", qos=1, retain=True)
        await first.subscribe("theirs")
        await _first(first)
        async with aiomqtt.Client(broker.host, broker.port) as second:
            await second.subscribe("mine")
            await second.publish("mine", b"2", qos=1)
            assert str((await _first(second)).topic) == "mine"


async def test_only_loopback_is_served() -> None:
    with pytest.raises(LinkError, match="loopback"):
        EmbeddedBroker(host="0.0.0.0")  # noqa: S104 -- it is what must be refused


async def test_a_taken_port_is_told_with_the_next_step() -> None:
    async with EmbeddedBroker() as broker:
        with pytest.raises(LinkError, match=str(broker.port)) as caught:
            await EmbeddedBroker(port=broker.port).start()
    assert "another port" in caught.value.next_step


async def test_what_was_acknowledged_is_kept_though_its_publisher_left_at_once() -> None:
    async with EmbeddedBroker() as broker:
        async with aiomqtt.Client(broker.host, broker.port) as publisher:
            await asyncio.gather(*(publisher.publish(f"t/{n}", b"1", qos=1, retain=True) for n in range(50)))
        await broker.restart()
        async with aiomqtt.Client(broker.host, broker.port) as reader:
            await reader.subscribe("t/#")
            topics = {str((await _first(reader)).topic) for _ in range(50)}
    assert topics == {f"t/{n}" for n in range(50)}
