"""How fast a pack arrives, beside a bare aiomqtt client that takes the same retained chunks and checks nothing.

    python -m tests.bench.packs.sync [--mib 10] [--rounds 5] [--window 32]

Throughput: the shelf (session, hash check, disk, whole-asset hash, fsync) from an empty directory, timed from the
manifest's appearance on the shelf to the complete catalog; beside a bare client on the same topics, and one that does
no more than what no device can leave out (each chunk hashed, written, hashed again as part of the whole, one fsync),
in alternation. Both of those speak 3.1.1, ask for 32 exact topics in a packet and never unsubscribe; the shelf speaks
what the session chose, asks for eight, which every managed broker takes, and unsubscribes from each. Each with the
processor time that it and the broker took, which other work on the machine disturbs less. Once over loopback, where
the bare client does nothing but copy memory, and once through a proxy that lets 12.5 MB/s through (100 Mbit/s
Ethernet, as on most TVs). Publication: from signing and sending a 5 MB pack to the CatalogChanged that has it
complete on a device that was connected. Change: 1 % of a pack, in one piece, is changed; what the next publication
sends. All of it on one machine.
"""

import argparse
import asyncio
import gc
import hashlib
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import aiomqtt

from edge_agent.fleet.publishing.broker import BrokerAddress
from edge_agent.fleet.publishing.send import send
from edge_agent.link.session import Link
from edge_agent.model.events import CatalogChanged
from edge_agent.settings.rooms import LinkSettings
from edge_agent.wiring.retained_repository import RetainedRepository
from tests.brokers import MOSQUITTO, Embedded, Mosquitto, RunningBroker
from tests.fleets import Device, SmallFleet, png, random_bytes, silent
from tests.proxies import ThreadedProxy

ROOT = "edge"
BATCH = 32


class TimedDevice(Device):
    """A device that notes when its catalog changed."""

    def _emit(self, event: object) -> None:
        if isinstance(event, CatalogChanged):
            self.changed_at = time.perf_counter()
        super()._emit(event)  # type: ignore[arg-type]


Place = RunningBroker | ThreadedProxy


class Took(NamedTuple):
    """Seconds on the wall, and of the processor: ours, and a broker's that is a process of its own."""

    wall_s: float
    processor_s: float
    broker_s: float

    def since(self, began: "Took") -> "Took":
        return Took(*(now - then for now, then in zip(self, began, strict=True)))


def clocks(place: "Place | None" = None) -> Took:
    broker_s = place.processor_s() if isinstance(place, Mosquitto) else 0.0
    return Took(time.perf_counter(), time.process_time(), broker_s)


async def bare(broker: Place, topics: list[str], kept: Path | None = None) -> Took:
    """Subscribe to 32 topics whenever fewer than 32 are open: mosquitto drops a larger burst at QoS 0, unsaid.

    With `kept` each chunk is hashed, written there and hashed once more; in the end there is one fsync.
    """
    async with aiomqtt.Client(broker.host, broker.port) as client:
        whole = hashlib.sha256()
        file = None if kept is None else kept.open("wb", buffering=0)
        began, missing, unasked = clocks(broker), set(topics), list(topics)

        async def ask() -> None:
            batch, unasked[:] = unasked[:BATCH], unasked[BATCH:]
            await client.subscribe([(topic, 0) for topic in batch])

        await ask()
        async for message in client.messages:
            missing.discard(message.topic.value)
            if file is not None:
                content = bytes(message.payload)
                assert message.topic.value.endswith(hashlib.sha256(content).hexdigest())
                file.write(content)
                whole.update(content)
            if not missing:
                break
            if unasked and len(missing) - len(unasked) < BATCH:
                await ask()
        if file is not None:
            os.fsync(file.fileno())
            file.close()
        return clocks(broker).since(began)


async def shelf(broker: Place, fleet: SmallFleet, directory: Path, window: int) -> Took:
    shutil.rmtree(directory, ignore_errors=True)
    link = Link(LinkSettings(device_id="bench", host=broker.host, port=broker.port, root=ROOT))
    device = TimedDevice(directory, fleet.root_json, RetainedRepository(link, ROOT), window=window)
    running = asyncio.create_task(link.run())
    async with device:
        await device.until(lambda: bool(device.shelf.catalog.packs))
        began = clocks(broker)._replace(wall_s=device.changed_at)
        await device.until(lambda: bool(device.playable()))
        took = clocks(broker)._replace(wall_s=device.changed_at).since(began)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return took


async def publication(broker: Place, fleet: SmallFleet, directory: Path, rounds: int) -> list[float]:
    link = Link(LinkSettings(device_id="bench", host=broker.host, port=broker.port, root=ROOT))
    device = TimedDevice(directory, fleet.root_json, RetainedRepository(link, ROOT))
    running = asyncio.create_task(link.run())
    address, took = BrokerAddress(broker.host, broker.port, ROOT), []
    async with device:
        await device.until(lambda: bool(device.playable()))
        for number in range(rounds):
            poster = png(filling=random_bytes(5_000_000, f"publication {number}"))
            version = device.playable().get("acme/five", 0)
            began = time.perf_counter()
            await asyncio.to_thread(fleet.sign, "five", poster)
            await send(fleet.fleet, address, silent)
            await device.until(lambda version=version: device.playable().get("acme/five", 0) > version)  # type: ignore[misc]
            took.append(device.changed_at - began)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return took


async def throughput(place: Place, fleet: SmallFleet, directory: Path, given: argparse.Namespace) -> None:
    topics = [f"{ROOT}/{topic}" for topic in fleet.messages() if "chunk" in topic]
    rounds: dict[str, list[Took]] = {"bare": [], "hashing and keeping": [], "shelf": []}
    while len(rounds["shelf"]) < given.rounds:
        try:  # mosquitto may drop a burst for the bare client, which then waits for ever
            one = await asyncio.wait_for(bare(place, topics), 30)
            other = await asyncio.wait_for(bare(place, topics, directory / "kept"), 30)
        except TimeoutError:
            continue
        rounds["bare"].append(one)
        rounds["hashing and keeping"].append(other)
        rounds["shelf"].append(await shelf(place, fleet, directory / "shelf", given.window))
    print(f"{place.name}: {given.mib} MiB in {len(topics)} chunks, {given.rounds} rounds")
    for name, took in rounds.items():
        ratios = sorted(bare.wall_s / mine.wall_s for bare, mine in zip(rounds["bare"], took, strict=True))
        print(
            f"  {name:20} {given.mib / statistics.median(one.wall_s for one in took):6.1f} MiB/s,",
            f"processor {statistics.median(one.processor_s for one in took):.2f} s,",
            f"broker's {statistics.median(one.broker_s for one in took):.2f} s,",
            f"{statistics.median(ratios):.2f} of bare ({ratios[0]:.2f} to {ratios[-1]:.2f})",
            flush=True,
        )


async def change(broker: Place, fleet: SmallFleet) -> None:
    address, body = BrokerAddress(broker.host, broker.port, ROOT), random_bytes(20_000_000, "change")
    await asyncio.to_thread(fleet.sign, "changed", png(filling=body))
    await send(fleet.fleet, address, silent)
    piece = slice(7_000_000, 7_200_000)
    body = body[: piece.start] + random_bytes(200_000, "new") + body[piece.stop :]
    await asyncio.to_thread(fleet.sign, "changed", png(filling=body))
    sent = await send(fleet.fleet, address, silent)
    print(f"{broker.name}: 1 % of 20 MB changed: {100 * sent.sent_bytes / len(body):.2f} % sent", flush=True)


async def measure(broker: RunningBroker, work: Path, given: argparse.Namespace) -> None:
    fleet = SmallFleet(work / "operator")
    (work / "tv").mkdir()
    fleet.sign(poster=png(filling=random_bytes(given.mib << 20)))
    await send(fleet.fleet, BrokerAddress(broker.host, broker.port, ROOT), silent)
    gc.collect()
    gc.freeze()  # as the agent does once it is ready: or 50 ms for the libraries' objects fall on some round or other
    await throughput(broker, fleet, work / "tv", given)
    with ThreadedProxy(broker, 12.5e6) as proxy:
        await throughput(proxy, fleet, work / "tv", given)
    await change(broker, fleet)
    took = await publication(broker, fleet, work / "tv" / "shelf", given.rounds)
    print(
        f"{broker.name:24} 5 MB published until complete on the device: median {statistics.median(took):.2f} s "
        f"({min(took):.2f} to {max(took):.2f})",
        flush=True,
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--mib", type=int, default=10)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--window", type=int, default=32)
    given = arguments.parse_args()
    brokers: list[RunningBroker] = [Mosquitto(), Embedded()] if MOSQUITTO is not None else [Embedded()]
    for broker in brokers:
        with broker, tempfile.TemporaryDirectory() as work:
            asyncio.run(measure(broker, Path(work), given))


if __name__ == "__main__":
    main()
