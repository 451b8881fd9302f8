"""How fast the link fetches retained chunks, beside a bare aiomqtt client.

    python -m tests.bench.fetch [--chunks 240] [--size 65536] [--rounds 7] [--window 16] [--protocol auto]

Prints the median throughput of both on mosquitto and on the embedded broker, their ratio, and the processor time that
the link takes for a chunk (on the embedded broker that of the broker, too, which is in the same process). The bare
client speaks MQTT 3.1.1. Rounds alternate, so that what else the machine does hits both alike. The broker runs on the
same machine: no network is measured. The bare
client subscribes to 64 topics at a time and reads them; asked for some hundred at once, mosquitto 2.0.11 now and then
drops a whole SUBSCRIBE's retained messages at QoS 0 without a word, and the bare client waits for ever.
"""

import argparse
import asyncio
import hashlib
import statistics
import time
from datetime import timedelta

import aiomqtt

from edge_agent.link.session import Link
from edge_agent.link.topics import Chunk, Metadata, Timestamp, format_topic
from edge_agent.model.errors import NotRetainedError
from edge_agent.settings.rooms import LinkSettings
from tests.brokers import MOSQUITTO, Embedded, Mosquitto, RunningBroker

ROOT = "edge"
_BURST = 64


async def seed(broker: RunningBroker, count: int, size: int) -> list[str]:
    async with aiomqtt.Client(broker.host, broker.port) as client:
        await client.publish(format_topic(ROOT, Timestamp()), b"timestamp", qos=1, retain=True)
        topics = []
        for n in range(count):
            payload = hashlib.shake_128(n.to_bytes(4, "big")).digest(size)
            topics.append(format_topic(ROOT, Chunk(hashlib.sha256(payload).hexdigest())))
            await client.publish(topics[-1], payload, qos=1, retain=True)
    return topics


async def bare(broker: RunningBroker, topics: list[str]) -> float:
    async with aiomqtt.Client(broker.host, broker.port) as client:
        began = time.perf_counter()
        for start in range(0, len(topics), _BURST):
            missing = set(topics[start : start + _BURST])
            await client.subscribe([(topic, 0) for topic in missing])
            async for message in client.messages:
                missing.discard(message.topic.value)
                if not missing:
                    break
        return time.perf_counter() - began


async def linked(link: Link, topics: list[str], size: int, window: int) -> float:
    began, arrived = time.perf_counter(), 0
    async for _topic, outcome in link.fetch_many(topics, window, size):
        arrived += isinstance(outcome, bytes)
    assert arrived == len(topics)
    return time.perf_counter() - began


async def absent(link: Link) -> float:
    began = time.perf_counter()
    try:
        await link.fetch(format_topic(ROOT, Metadata(2, "root")), 1000, patience=timedelta(seconds=60))
    except NotRetainedError:
        return time.perf_counter() - began
    raise RuntimeError("there is no such role")


async def measure(broker: RunningBroker, args: argparse.Namespace) -> None:
    topics = await seed(broker, args.chunks, args.size)
    link = Link(LinkSettings(device_id="bench", port=broker.port, root=ROOT, protocol=args.protocol))
    running = asyncio.create_task(link.run())
    await link.connected()
    bare_s, link_s, absent_s, processor_s = [], [], [], []
    for _ in range(args.rounds):
        bare_s.append(await bare(broker, topics))
        processor_began = time.process_time()
        link_s.append(await linked(link, topics, args.size, args.window))
        processor_s.append(time.process_time() - processor_began)
        absent_s.append(await absent(link))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    mib = args.chunks * args.size / 2**20
    slow, fast = statistics.median(link_s), statistics.median(bare_s)
    print(
        f"{broker.name:10}  {mib / fast:9.1f}  {mib / slow:9.1f}  {fast / slow:5.2f}"
        f"  {statistics.median(absent_s) * 1000:9.0f}  {statistics.median(processor_s) / args.chunks * 1e6:18.0f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--chunks", type=int, default=240)
    parser.add_argument("--size", type=int, default=65536)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--window", type=int, default=16)
    parser.add_argument("--protocol", choices=["auto", "5.0", "3.1.1"], default="auto")
    args = parser.parse_args()
    print(f"{args.chunks} chunks of {args.size} bytes, window {args.window}, median of {args.rounds} rounds")
    print("broker      bare MiB/s  link MiB/s  ratio  absent ms  link CPU µs/chunk", flush=True)
    for kind in ([Mosquitto] if MOSQUITTO else []) + [Embedded]:
        with kind() as broker:
            asyncio.run(measure(broker, args))


if __name__ == "__main__":
    main()
