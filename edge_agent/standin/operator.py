"""The demo's operator (shell: a fleet folder, the broker): the same functions as `edge-agent fleet`, for one home."""

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Final

import aiomqtt

from edge_agent.fleet.provision import create_fleet
from edge_agent.fleet.publishing.broker import BrokerAddress
from edge_agent.fleet.publishing.send import Sent, send
from edge_agent.fleet.reports.collect import collect
from edge_agent.fleet.reports.opening import Tally
from edge_agent.fleet.reports.store import STORE_NAME, Counter, ReportStore
from edge_agent.fleet.reports.subscription import CollectorSettings
from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.fleet.signing.revoke import revoke
from edge_agent.fleet.signing.signed_packs import manifests, sign_pack

SAMPLE_PACKS: Final = ("lumen-tea", "puddle-boots", "green-valley")


def _silent(_what: str, _done: int, _total: int) -> None:
    """Show no progress: the demo's packs are small."""


@dataclass(slots=True)
class Overheard:
    """What the broker, or anybody who listens on it, has of the reports: `sample` is the beginning of the newest."""

    messages: int = 0
    length_bytes: int = 0
    sample: bytes = b""

    def add(self, payload: bytes) -> None:
        """Take one more message."""
        self.messages += 1
        self.length_bytes += len(payload)
        self.sample = payload[:96]


class Operator:
    """Holds the keys, publishes the sample packs, revokes one, and collects reports."""

    def __init__(self, folder: Path, broker_port: int) -> None:
        self._folder = folder
        self._address = BrokerAddress(port=broker_port)
        self._fleet: FleetRepository | None = None
        self.questions = 0
        """How many questions a home that has one device for each pack is asked a day: one a creative."""
        self._stop = threading.Event()
        self._collecting: asyncio.Task[Tally] | None = None
        self._overhearing: asyncio.Task[None] | None = None
        self.overheard = Overheard()

    @property
    def fleet(self) -> FleetRepository:
        """The signed repository."""
        if self._fleet is None:
            raise RuntimeError("the operator has no keys yet")
        return self._fleet

    @property
    def root_json(self) -> bytes:
        """What devices trust."""
        return (self._folder / "root.json").read_bytes()

    def make_keys(self) -> None:
        """Make every key, and one for each advertiser of the sample packs."""
        now = datetime.now(UTC)
        self._fleet = create_fleet(self._folder, now)
        for advertiser in SAMPLE_PACKS:
            self.fleet.add_advertiser(advertiser)
        self.fleet.commit(now)

    async def publish(self) -> Sent:
        """Sign the sample packs and bring them to the broker."""
        await asyncio.to_thread(self._sign)
        return await send(self.fleet, self._address, _silent)

    async def publish_again(self) -> Sent:
        """Bring everything that was signed before to the broker, which may have begun empty."""
        self._fleet = await asyncio.to_thread(FleetRepository.open, self._folder)
        return await send(self.fleet, self._address, _silent)

    def _sign(self) -> None:
        packs = self._folder / "packs"
        shutil.copytree(str(files("edge_agent.standin") / "packs"), packs, dirs_exist_ok=True)
        for name in SAMPLE_PACKS:
            sign_pack(self.fleet, packs / name, datetime.now(UTC), _silent)
        self.questions = sum(len(manifest.campaign.creatives) for manifest in manifests(self.fleet))

    async def revoke(self, pack: str) -> None:
        """Take a pack from every device."""
        revoke(self.fleet, pack, datetime.now(UTC))
        await send(self.fleet, self._address, _silent)

    async def start_collecting(self) -> None:
        """Subscribe as the collector; returns when the broker has confirmed it."""
        subscribed = asyncio.Event()
        loop = asyncio.get_running_loop()
        settings = CollectorSettings(host=self._address.host, port=self._address.port, fleet_dir=self._folder)

        def ready() -> None:
            loop.call_soon_threadsafe(subscribed.set)

        self._collecting = asyncio.create_task(asyncio.to_thread(collect, settings, self._stop, ready=ready))
        waiting = asyncio.create_task(subscribed.wait())
        await asyncio.wait({self._collecting, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._collecting.done():
            self._collecting.result()
        self._overhearing = asyncio.create_task(self._overhear())

    async def _overhear(self) -> None:
        """Listen on the broker as anybody may; it is restarted during the day, and so is this."""
        while True:
            try:
                async with aiomqtt.Client(self._address.host, self._address.port) as client:
                    await client.subscribe(f"{self._address.root}/report/+")
                    async for message in client.messages:
                        self.overheard.add(bytes(message.payload))
            except aiomqtt.MqttError:
                await asyncio.sleep(0.2)

    async def stop_collecting(self) -> Tally:
        """End the collection and return what came of it; asking again gives the same."""
        self._stop.set()
        if self._overhearing is not None:
            self._overhearing.cancel()
            await asyncio.gather(self._overhearing, return_exceptions=True)
        if self._collecting is None:
            return Tally()
        return await self._collecting

    def counters(self) -> list[Counter]:
        """Return what was collected so far."""
        store = ReportStore(self._folder / STORE_NAME)
        try:
            return store.counters()
        finally:
            store.close()

    async def collected(self, enough: int) -> AsyncIterator[list[Counter]]:
        """Yield what was opened so far whenever it grew, until it is `enough` reports."""
        seen = -1
        while seen < enough:
            counters = await asyncio.to_thread(self.counters)
            count = sum(counter.reports for counter in counters)
            if count != seen:
                seen = count
                yield counters
            if seen < enough:
                await asyncio.sleep(0.2)  # the collector's file tells nobody that it grew
