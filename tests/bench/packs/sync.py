"""How fast a pack arrives, beside a bare aiomqtt client that takes the same retained chunks and checks nothing.

    python -m tests.bench.packs.sync [--mib 10] [--rounds 5] [--window 16]

Throughput: the shelf (session, hash check, disk, whole-asset hash, fsync) from an empty directory, timed from the
manifest's appearance on the shelf to the complete catalog; beside a bare client on the same topics, in alternation.
Once over loopback, where the bare client does nothing but copy memory, and once through a proxy that lets 12.5 MB/s
through (100 Mbit/s Ethernet, as on most TVs). Publication: from signing and sending a 5 MB pack to the
CatalogChanged that has it complete on a device that was connected. All of it on one machine.
"""

import argparse
import asyncio
import contextlib
import shutil
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Self

import aiomqtt

from edge_agent.fleet.broker import BrokerAddress
from edge_agent.fleet.publish import send
from edge_agent.link.session import Link
from edge_agent.model.events import CatalogChanged
from edge_agent.settings.rooms import LinkSettings
from edge_agent.wiring.retained_repository import RetainedRepository
from tests.brokers import MOSQUITTO, Embedded, Mosquitto, RunningBroker
from tests.fleets import Device, SmallFleet, png, random_bytes, silent

ROOT = "edge"
BATCH = 32


class TimedDevice(Device):
    """A device that notes when its catalog changed."""

    def _emit(self, event: object) -> None:
        if isinstance(event, CatalogChanged):
            self.changed_at = time.perf_counter()
        super()._emit(event)  # type: ignore[arg-type]


class Wire:
    """A TCP proxy to a broker, in a thread of its own, that lets `bytes_per_s` through towards the client."""

    host = "127.0.0.1"

    def __init__(self, broker: RunningBroker, bytes_per_s: float) -> None:
        self.name = f"{broker.name} at {bytes_per_s / 1e6:g} MB/s"
        self._broker = broker
        self._bytes_per_s = bytes_per_s
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _listen(self) -> None:
        server = await asyncio.start_server(self._serve, self.host, 0)
        self.port = server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(self._broker.host, self._broker.port)
        await asyncio.gather(
            self._carry(reader, there_writer, 0), self._carry(there_reader, writer, self._bytes_per_s)
        )

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, bytes_per_s: float) -> None:
        free_at = 0.0
        with contextlib.suppress(OSError):
            while content := await reader.read(32768):
                writer.write(content)
                await writer.drain()
                if bytes_per_s:
                    free_at = max(free_at, time.perf_counter()) + len(content) / bytes_per_s
                    await asyncio.sleep(max(0.0, free_at - time.perf_counter()))
            writer.close()


Place = RunningBroker | Wire


async def bare(broker: Place, topics: list[str]) -> float:
    """Subscribe to 32 topics whenever fewer than 32 are open: mosquitto drops a larger burst at QoS 0, unsaid."""
    async with aiomqtt.Client(broker.host, broker.port) as client:
        began, missing, unasked = time.perf_counter(), set(topics), list(topics)

        async def ask() -> None:
            batch, unasked[:] = unasked[:BATCH], unasked[BATCH:]
            await client.subscribe([(topic, 0) for topic in batch])

        await ask()
        async for message in client.messages:
            missing.discard(message.topic.value)
            if not missing:
                break
            if unasked and len(missing) - len(unasked) < BATCH:
                await ask()
        return time.perf_counter() - began


async def shelf(broker: Place, fleet: SmallFleet, directory: Path, window: int) -> float:
    shutil.rmtree(directory, ignore_errors=True)
    link = Link(LinkSettings(device_id="bench", host=broker.host, port=broker.port, root=ROOT))
    device = TimedDevice(directory, fleet.root_json, RetainedRepository(link, ROOT), window=window)
    running = asyncio.create_task(link.run())
    async with device:
        await device.until(lambda: bool(device.shelf.catalog.packs))
        began = device.changed_at
        await device.until(lambda: bool(device.playable()))
        took = device.changed_at - began
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
    ours, theirs = [], []
    for _ in range(given.rounds):
        theirs.append(await asyncio.wait_for(bare(place, topics), 60))
        ours.append(await shelf(place, fleet, directory, given.window))
    pairs = [other / mine for mine, other in zip(ours, theirs, strict=True)]
    print(
        f"{place.name:24} {given.mib} MiB in {len(topics)} chunks:",
        f"bare {given.mib / statistics.median(theirs):6.1f} MiB/s,",
        f"shelf {given.mib / statistics.median(ours):6.1f} MiB/s, ratio {statistics.median(pairs):.2f}",
        f"({min(pairs):.2f} to {max(pairs):.2f} over {given.rounds} rounds)",
        flush=True,
    )


async def measure(broker: RunningBroker, work: Path, given: argparse.Namespace) -> None:
    fleet = SmallFleet(work / "operator")
    fleet.sign(poster=png(filling=random_bytes(given.mib << 20)))
    await send(fleet.fleet, BrokerAddress(broker.host, broker.port, ROOT), silent)
    await throughput(broker, fleet, work / "tv", given)
    with Wire(broker, 12.5e6) as wire:
        await throughput(wire, fleet, work / "tv", given)
    took = await publication(broker, fleet, work / "tv", given.rounds)
    print(
        f"{broker.name:24} 5 MB published until complete on the device: median {statistics.median(took):.2f} s "
        f"({min(took):.2f} to {max(took):.2f})",
        flush=True,
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--mib", type=int, default=10)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--window", type=int, default=16)
    given = arguments.parse_args()
    brokers: list[RunningBroker] = [Mosquitto(), Embedded()] if MOSQUITTO is not None else [Embedded()]
    for broker in brokers:
        with broker, tempfile.TemporaryDirectory() as work:
            asyncio.run(measure(broker, Path(work), given))


if __name__ == "__main__":
    main()
