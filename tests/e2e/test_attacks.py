"""A device on a real broker with somebody hostile on it, one test an attack.

After each: what played goes on playing, nothing unverified was within reach of the rest of the agent, one clear line
was logged; and an honest publication repairs everything.
"""

import hashlib
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge_agent.fleet.publishing.broker import BrokerAddress
from edge_agent.fleet.publishing.send import send
from tests.attacks import ATTACKS, Attack
from tests.attacks.forger import forge, replace_keys
from tests.attacks.planting import plant
from tests.brokers import RunningBroker
from tests.fleets import TIMESTAMP, Device, SmallFleet, on_broker, png, random_bytes, silent
from tests.proxies import Proxy

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


class Honest:
    """What was honestly signed, to hold against what a device has."""

    def __init__(self) -> None:
        self.blobs: set[str] = set()

    def note(self, fleet: SmallFleet) -> None:
        """Remember what is signed now: documents, and the assets of packs."""
        for pack in fleet.packs():
            self.blobs |= {asset.sha256 for asset in pack.assets.values()}
        self.blobs |= {file.hashes["sha256"] for file in fleet.fleet.files.values()}

    def check(self, device: Device) -> None:
        """Fail where anything else is within reach of the rest of the agent.

        In `documents` may lie what an advertiser really signed, although the format forbids it; nobody is given it.
        """
        folder = device.settings.directory
        for path in (*folder.glob("assets/*"), *folder.glob("documents/*")):
            assert not path.is_symlink()
            assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
            assert path.parent.name == "documents" or path.name in self.blobs, f"{path} was never honestly signed"
        for content in device.shelf.documents.values():
            assert hashlib.sha256(content).hexdigest() in self.blobs
        for pack in device.shelf.catalog.packs:
            for path in pack.paths.values():
                assert path.parent == folder / "assets"


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
async def test_a_hostile_publisher_changes_nothing(
    attack: Attack, tmp_path: Path, broker: RunningBroker, root: str, caplog: pytest.LogCaptureFixture
) -> None:
    fleet, address, honest = (
        SmallFleet(tmp_path / "operator"),
        BrokerAddress(broker.host, broker.port, root),
        Honest(),
    )
    attack.prepare(fleet)
    fleet.sign()
    honest.note(fleet)
    await send(fleet.fleet, address, silent)
    async with on_broker(tmp_path, fleet, broker, root) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        fleet.sign(poster=png(filling=random_bytes(300_000, "second")))
        honest.note(fleet)
        caplog.clear()
        await plant(broker, root, attack.plant(fleet))
        await device.until(lambda: any(attack.complaint in record.getMessage() for record in caplog.records))
        await device.until(lambda: device.is_settled() and device.playable() == {"acme/spring": attack.plays})
        warned = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
        assert [attack.complaint in message for message in warned] == [True]
        honest.check(device)

        attack.repair(fleet)
        fleet.fleet.remove("packs/acme/spring.json")
        fleet.sign("summer")
        honest.note(fleet)
        await send(fleet.fleet, address, silent, everything=True, take_over=True)
        await device.until(lambda: device.playable() == {"acme/summer": 1})
        honest.check(device)


async def test_freeze(tmp_path: Path, broker: RunningBroker, root: str, caplog: pytest.LogCaptureFixture) -> None:
    """The broker withholds every newer timestamp: once the old one has expired, that is said; what plays goes on."""
    fleet = SmallFleet(tmp_path / "operator", datetime.now(UTC) - timedelta(days=29))
    fleet.sign()
    await send(fleet.fleet, BrokerAddress(broker.host, broker.port, root), silent)
    ahead = timedelta()
    async with on_broker(tmp_path, fleet, broker, root, now=lambda: datetime.now(UTC) + ahead) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        assert device.shelf.status().is_fresh
        ahead = timedelta(days=2)
        device.shelf.refresh()
        await device.until(lambda: "is not fresh" in device.shelf.status().problem)
        assert not device.shelf.status().is_fresh
        assert device.playable() == {"acme/spring": 1}
    assert [record.levelname for record in caplog.records if "is not fresh" in record.getMessage()] == ["WARNING"]


async def test_fast_forward_is_recovered_from(tmp_path: Path, broker: RunningBroker, root: str) -> None:
    """A thief of the online keys signs the highest versions there are; new keys make the fleet's own count again."""
    fleet, address = SmallFleet(tmp_path / "operator"), BrokerAddress(broker.host, broker.port, root)
    fleet.sign()
    await send(fleet.fleet, address, silent)
    async with on_broker(tmp_path, fleet, broker, root) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})

        def forward(signed: Any) -> None:
            signed.version = 2**31 - 1

        await plant(broker, root, forge(fleet, "packs-acme", forward))
        await device.until(lambda: device.shelf.status().version > 2)
        snapshot = forge(fleet, "snapshot", forward)
        await plant(broker, root, {**snapshot, TIMESTAMP: forge(fleet, "timestamp", forward)[TIMESTAMP]})
        await device.until(lambda: device.shelf.status().version == 2**31 - 1)

        replace_keys(fleet)
        fleet.sign("summer")
        await send(fleet.fleet, address, silent, everything=True)
        await device.until(lambda: device.playable() == {"acme/spring": 1, "acme/summer": 1})
        assert device.shelf.status().version == fleet.fleet.timestamp.version


async def test_slow_retrieval(
    tmp_path: Path, broker: RunningBroker, root: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A broker that stops in the middle of a pack is given up on, and what plays goes on."""
    fleet, address, honest = (
        SmallFleet(tmp_path / "operator"),
        BrokerAddress(broker.host, broker.port, root),
        Honest(),
    )
    fleet.sign()
    honest.note(fleet)
    await send(fleet.fleet, address, silent)
    async with (
        Proxy(broker) as proxy,
        on_broker(tmp_path, fleet, proxy, root, chunk_timeout=timedelta(seconds=1)) as device,
    ):
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        fleet.sign(poster=png(filling=random_bytes(3_000_000, "second")))
        honest.note(fleet)
        proxy.stop_after(1_000_000)
        await send(fleet.fleet, address, silent)
        await device.until(lambda: any("stopped arriving" in record.getMessage() for record in caplog.records))
        assert device.playable() == {"acme/spring": 1}
        honest.check(device)
        proxy.open()
        await device.until(lambda: device.playable() == {"acme/spring": 2})


@pytest.mark.parametrize("part", ["partial", "assets"])
async def test_symlinks_in_the_store(part: str, tmp_path: Path, broker: RunningBroker, root: str) -> None:
    """Links where the store keeps its files lead nobody out of it: nothing is written through them, nothing read."""
    fleet, honest = SmallFleet(tmp_path / "operator"), Honest()
    fleet.sign()
    honest.note(fleet)
    (pack,) = fleet.packs()
    poster = pack.assets["poster.png"]
    outside = tmp_path / "outside"
    outside.write_bytes(b"the household's own" if part == "partial" else bytes(poster.length))
    before = outside.read_bytes()
    link = tmp_path / "tv" / part / poster.sha256
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    await send(fleet.fleet, BrokerAddress(broker.host, broker.port, root), silent)
    async with on_broker(tmp_path, fleet, broker, root) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        assert outside.read_bytes() == before
        honest.check(device)
