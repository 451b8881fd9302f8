"""How what a test forged comes onto a broker."""

from collections.abc import Mapping

import aiomqtt

from tests.brokers import RunningBroker
from tests.fleets import TIMESTAMP


async def plant(broker: RunningBroker, root: str, messages: Mapping[str, bytes]) -> None:
    """Publish as anybody may who reaches the broker; the timestamp last, as it wakes devices."""
    ordered = [topic for topic in messages if topic != TIMESTAMP] + [TIMESTAMP]
    async with aiomqtt.Client(broker.host, broker.port, max_queued_outgoing_messages=0) as client:
        for topic in ordered:
            await client.publish(f"{root}/{topic}", messages[topic], qos=1, retain=True)
