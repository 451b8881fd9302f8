"""The demo (shell: processes, sockets, a temporary folder): one home's whole day, and what became of it."""

import asyncio
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from edge_agent.fleet.provision import create_fleet
from edge_agent.fleet.publishing.broker import HOME_BROKER
from edge_agent.fleet.reports.totals import Line, lines
from edge_agent.model.errors import LinkError
from edge_agent.standin.broker import EmbeddedBroker
from edge_agent.standin.day import ZONE, Day
from edge_agent.standin.home import AgentEndpoint, HomeServer
from edge_agent.standin.household import EXPECT_S, DemoError, Device, DeviceSpec
from edge_agent.standin.operator import Operator
from edge_agent.standin.scenes import SCENES
from edge_agent.standin.telling import Outcome, collector_view, many_homes, simulated_view, tables

OPEN_TITLE: Final = {"en": "An open home", "zh": "开放的家"}
OPEN_TEXT: Final = {
    "en": "Nothing is scripted here. Publish a pack, open a device's page, welcome placements, press a button.",
    "zh": "这里没有剧本。发布一个内容包，再打开设备页面：先允许投放，再按一个按钮。",
}
SPECS: Final = (
    DeviceSpec("tv", "virtual-tv", "tv", listens=True),
    DeviceSpec("speaker", "virtual-speaker", "speaker", listens=True),
    DeviceSpec("fridge", "virtual-fridge", "fridge"),
)
MQTT_PORT: Final = 1883

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class OpenHome:
    """A home that runs: its broker, its devices by name, its page and that page's address."""

    broker: EmbeddedBroker
    devices: dict[str, Device]
    server: HomeServer
    page: str


@asynccontextmanager
async def played_day(say: Say, *, port: int = 0) -> AsyncIterator[Outcome]:
    """Play the day and yield its outcome with the pages still open; everything is stopped and removed on leaving.

    `say` gets one line whenever something begins. Raises DemoError naming the first thing that did not happen.
    """
    async with AsyncExitStack() as stack:
        folder = _temporary(stack)
        say("Starting the broker, making keys …")
        broker = await stack.enter_async_context(EmbeddedBroker())
        operator = Operator(folder / "fleet", broker.port)
        stack.push_async_callback(operator.stop_collecting)
        await asyncio.to_thread(operator.make_keys)
        say("Publishing three packs; starting a TV, a speaker and a fridge …")
        _, opened = await asyncio.gather(
            operator.publish(), _open_home(stack, folder, broker, operator.root_json, port=port, timezone=ZONE)
        )
        say(f"The home is at {opened.page}")
        day = Day(
            opened.devices["tv"],
            opened.devices["speaker"],
            opened.devices["fridge"],
            broker,
            operator,
            opened.server,
            lambda at, title: say(f"{at:%H:%M}  {title}"),
            datetime.now(ZoneInfo(ZONE)).date(),
        )
        yield await _played(day, opened.page)


@asynccontextmanager
async def own_home(say: Say, fleet: Path, *, port: int = 0) -> AsyncIterator[OpenHome]:
    """Open a home without a script, whose devices trust the fleet in `fleet` (made if there is none).

    The broker is on MQTT's own port 1883 where that is free; the fleet's folder says where, while
    the home is open, so that `fleet publish` goes there. What was published before is published again, since
    the broker begins empty.
    """
    async with AsyncExitStack() as stack:
        folder = _temporary(stack)
        broker = await stack.enter_async_context(await _broker_at_best())
        operator = Operator(fleet, broker.port)
        if (fleet / "root.json").is_file():
            say(f"Publishing what is in {fleet} …")
            await operator.publish_again()
        else:
            say(f"Making a fleet in {fleet} …")
            await asyncio.to_thread(create_fleet, fleet, datetime.now(UTC))
            await operator.publish_again()
        say("Starting a TV, a speaker and a fridge …")
        zone = _local_zone()
        opened = await _open_home(stack, folder, broker, operator.root_json, port=port, timezone=zone)
        note = fleet / HOME_BROKER
        stack.callback(note.unlink, missing_ok=True)
        await asyncio.to_thread(note.write_text, f"{broker.host}:{broker.port}\n", "utf-8")
        opened.server.scene(datetime.now(ZoneInfo(zone)), OPEN_TITLE, OPEN_TEXT)
        yield opened


def _temporary(stack: AsyncExitStack) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="edge-agent-demo-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder


async def _broker_at_best() -> EmbeddedBroker:
    broker = EmbeddedBroker(MQTT_PORT)
    try:
        await broker.start()
    except LinkError:
        return EmbeddedBroker()
    return broker


async def _open_home(
    stack: AsyncExitStack, folder: Path, broker: EmbeddedBroker, root_json: bytes, *, port: int, timezone: str
) -> OpenHome:
    ports = {spec.name: _free_port() for spec in SPECS}
    devices = {spec.name: Device(spec, folder / spec.name) for spec in SPECS}
    for name, device in devices.items():
        device.configure(broker_port=broker.port, root_json=root_json, timezone=timezone, debug_port=ports[name])
        stack.push_async_callback(device.stop)
    await asyncio.gather(*(device.start() for device in devices.values()))
    endpoints = [
        AgentEndpoint(
            spec.name,
            spec.kind,
            f"http://127.0.0.1:{ports[spec.name]}/",
            (folder / spec.name / "token").read_text("utf-8").strip(),
        )
        for spec in SPECS
    ]
    server = HomeServer(endpoints, port=port)
    return OpenHome(broker, devices, server, await stack.enter_async_context(server.serving()))


def _local_zone() -> str:
    """Return the machine's time zone by name, or UTC where it has none."""
    try:
        return str(Path("/etc/localtime").resolve().relative_to("/usr/share/zoneinfo"))
    except ValueError:
        return "UTC"


async def _played(day: Day, page: str) -> Outcome:
    await asyncio.gather(*(_shelf_complete(device) for device in day.devices))
    await day.operator.start_collecting()
    for scene in SCENES:
        await scene(day)
    collected, reports = await _reported(day)
    outcome = Outcome(
        tuple(day.rows),
        collected,
        many_homes(day.operator.counters()[0].epsilon),
        reports,
        page,
        {device.spec.name: device.runtime for device in day.devices},
    )
    day.home.collector({"simulated": [simulated_view(many) for many in outcome.simulated]})
    day.home.finished(*tables(outcome))
    return outcome


async def _shelf_complete(device: Device) -> None:
    packs = (await device.get("/v1/packs"))["packs"]
    if not (packs and all(pack["complete"] for pack in packs)):
        await device.expect(
            "its pack's arrival",
            lambda m: m["type"] == "packs" and bool(m["packs"]) and all(pack["complete"] for pack in m["packs"]),
            0,
        )


async def _reported(day: Day) -> tuple[tuple[Line, ...], int]:
    """Let the day end, and collect what the home tells of it."""
    await day.scene(
        0,
        5,
        {"en": "The day is over", "zh": "一天结束"},
        {
            "en": "Each home that agreed answers the day's questions: randomised, sealed, late.",
            "zh": "同意的家庭回答当天的问题：随机化、加密、延迟发送。",
        },
        days=1,
    )

    overheard = day.operator.overheard
    try:
        async with asyncio.timeout(EXPECT_S):
            async for counters in day.operator.collected(day.operator.questions):
                day.home.collector(collector_view(counters, overheard, len(day.devices)))
    except TimeoutError:
        raise DemoError("The collector did not get the day's reports.", "Look at the agents' logs.") from None
    tally = await day.operator.stop_collecting()
    day.home.collector(collector_view(day.operator.counters(), overheard, len(day.devices)))
    return tuple(lines(day.operator.counters())), tally.accepted


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
