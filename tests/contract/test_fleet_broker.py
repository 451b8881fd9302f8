"""What a publisher asks a broker that it has just sent something to."""

from edge_agent.fleet.publishing.broker import BrokerAddress, connected
from tests.brokers import RunningBroker

TOPIC = "repo/meta/timestamp"


async def test_what_is_kept_is_seen_and_told_from_what_was_kept_before(broker: RunningBroker, root: str) -> None:
    async with connected(BrokerAddress(broker.host, broker.port, root)) as seen:
        await seen.put([(TOPIC, lambda: b"one")], lambda _topic, _length: None)
        assert await seen.keeps(TOPIC, 100)
        assert await seen.keeps(TOPIC, 100, b"one")
        assert not await seen.keeps(TOPIC, 100, b"two")
