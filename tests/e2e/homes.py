"""A whole device for tests: a real agent process, a real broker, a real fleet."""

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import aiomqtt

from edge_agent.fleet.provision import create_fleet
from edge_agent.fleet.publishing.broker import BrokerAddress
from edge_agent.fleet.publishing.send import send
from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.fleet.signing.signed_packs import sign_pack
from edge_agent.measure.report_key import Kem
from edge_agent.standin.household import Device, DeviceSpec
from tests.brokers import RunningBroker, free_port

SPECS = {
    "tv": DeviceSpec("tv", "virtual-tv", "tv"),
    "speaker": DeviceSpec("speaker", "virtual-speaker", "speaker"),
    "fridge": DeviceSpec("fridge", "virtual-fridge", "fridge"),
}


def _silent(_what: str, _done: int, _total: int) -> None:
    """Show no progress."""


class Fleet:
    """An operator with keys, who publishes to one broker."""

    def __init__(self, folder: Path, broker: RunningBroker) -> None:
        self.folder = folder
        self.address = BrokerAddress(port=broker.port)
        self.repository: FleetRepository = create_fleet(folder, datetime.now(UTC), Kem.CLASSIC)

    @property
    def root_json(self) -> bytes:
        return (self.folder / "root.json").read_bytes()

    async def publish_sample(self, name: str) -> None:
        """Publish one of the sample packs, as its advertiser."""
        folder = self.folder / "packs" / name
        if not folder.exists():
            shutil.copytree(str(files("edge_agent.standin") / "packs" / name), folder)
        if name not in self.repository.advertisers:
            self.repository.add_advertiser(name)
        sign_pack(self.repository, folder, datetime.now(UTC), _silent)
        await self.send()

    async def configure(self, target: str, **sections: Any) -> None:
        """Sign a remote configuration; `version` is one of the arguments."""
        self.repository.put(target, json.dumps({"v": 1, **sections}).encode())
        self.repository.commit(datetime.now(UTC))
        await self.send()

    async def send(self) -> None:
        await send(self.repository, self.address, _silent)


def morning() -> str:
    """Return a time zone in which it is about nine: no test runs over midnight, where daily caps begin anew."""
    ahead = (9 - datetime.now(UTC).hour + 12) % 24 - 12
    return f"Etc/GMT{-ahead:+d}"  # POSIX: the sign is the other way round


def make_device(
    kind: str,
    folder: Path,
    *,
    broker_port: int,
    root_json: bytes,
    extra: str = "",
    listens: bool = False,
    timezone: str = "",
) -> Device:
    """Configure a virtual device of that kind; `extra` goes into agent.toml. Without a `timezone` it is morning."""
    device = Device(replace(SPECS[kind], listens=listens), folder / kind)
    device.configure(
        broker_port=broker_port, root_json=root_json, timezone=timezone or morning(), debug_port=free_port()
    )
    with device.config.open("a", encoding="utf-8") as config:
        config.write(extra)
    return device


def again(device: Device) -> Device:
    """Return the same device, to be started anew from the same folder."""
    return Device(device.spec, device.folder)


@contextlib.asynccontextmanager
async def running(device: Device) -> AsyncIterator[Device]:
    """Start the device's agent, and stop it on leaving."""
    try:
        await device.start()
        yield device
    finally:
        await device.stop()


async def agree(device: Device, **limits: Any) -> None:
    """Let the resident agree to everything."""
    await device.post("/v1/resident", {"consent": {"placements": True, "reports": True}, "limits": limits})


async def shelved(device: Device, count: int = 1, since: int = 0) -> None:
    """Wait until that many complete packs are on the shelf."""

    def enough(packs: list[dict[str, Any]]) -> bool:
        return len([pack for pack in packs if pack["complete"]]) == count

    if not enough((await device.get("/v1/packs"))["packs"]):
        # They may have come before the feed was open: then its first message, a snapshot, has them.
        await device.expect("packs", lambda m: m["type"] in {"packs", "snapshot"} and enough(m["packs"]), since)


async def decision_on(device: Device, kind: str, topic: str = "") -> dict[str, Any]:
    """Let a moment arise over the device's bus and return the decision on it."""
    mark = device.mark
    await device.bus({"moment": {"kind": kind, "topic": topic}})
    message = await device.expect(
        "a decision", lambda m: m["type"] == "decision" and m["decision"]["moment"]["kind"] == kind, mark
    )
    decision: dict[str, Any] = message["decision"]
    return decision


async def shows(device: Device, since: int) -> None:
    """Wait until a placement can be seen and its impression is in the journal, which comes after it can be seen."""
    await device.expect("it shows", lambda m: m["type"] == "screen" and m["screen"]["on"], since)
    await device.expect("its impression", lambda m: m["type"] == "play" and m["play"]["rendered"], since)


async def placed(device: Device, crid: str, kind: str = "idle", *, journaled: bool = True) -> None:
    """Assert that a moment is answered with that creative, and wait until it can be seen and is closed again.

    Where the disk refuses, it can be seen and is not `journaled`.
    """
    mark = device.mark
    decision = await decision_on(device, kind)
    assert decision["outcome"] == "selected", decision["detail"]
    assert decision["chosen"]["crid"] == crid
    if journaled:
        await shows(device, mark)
    else:
        await device.expect("it shows", lambda m: m["type"] == "screen" and m["screen"]["on"], mark)
    mark = device.mark
    await device.post("/v1/press", {"button": "close"})
    await device.expect("it ends", lambda m: m["type"] == "state" and m["state"]["playing"] is None, mark)


async def problem(device: Device, text: str) -> dict[str, Any]:
    """Wait until /health tells of a problem with `text` in it, and return that problem."""
    while True:
        mark = device.mark
        for found in (await device.get("/health"))["problems"]:
            if text in found["what"]:
                told: dict[str, Any] = found
                return told
        await device.expect(f'health telling of "{text}"', lambda _: True, mark)


async def solved(device: Device, text: str) -> None:
    """Wait until /health no longer tells of a problem with `text` in it; every change of health is in the feed."""
    while True:
        mark = device.mark
        if not any(text in found["what"] for found in (await device.get("/health"))["problems"]):
            return
        await device.expect(f'the end of "{text}"', lambda _: True, mark)


def log_lines(device: Device, text: str) -> list[str]:
    """Return the lines of the agent's log with `text` in them."""
    return [line for line in (device.folder / "agent.log").read_text("utf-8").splitlines() if text in line]


class Wiretap:
    """Everything that passes the broker, for as long as it is entered."""

    def __init__(self, broker: RunningBroker) -> None:
        self._broker = broker
        self.seen: list[tuple[str, bytes]] = []
        self._grew = asyncio.Condition()

    async def __aenter__(self) -> Self:
        self._client = aiomqtt.Client(self._broker.host, self._broker.port)
        await self._client.__aenter__()
        await self._client.subscribe("#")
        self._task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._client.__aexit__(None, None, None)

    async def _listen(self) -> None:
        async for message in self._client.messages:
            async with self._grew:
                self.seen.append((str(message.topic), bytes(message.payload)))
                self._grew.notify_all()

    async def until(self, wanted: Callable[[str, bytes], bool], *, timeout_s: float = 20) -> tuple[str, bytes]:
        """Return the first message that is wanted, seen already or yet to come."""
        async with asyncio.timeout(timeout_s), self._grew:
            while True:
                for topic, payload in self.seen:
                    if wanted(topic, payload):
                        return topic, payload
                await self._grew.wait()
