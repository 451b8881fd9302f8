"""The demo (shell: processes, sockets, a temporary folder): one home's whole day, and what became of it."""

import asyncio
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from edge_agent.fleet.report import Line, lines
from edge_agent.standin.broker import EmbeddedBroker
from edge_agent.standin.day import SCENES, ZONE, Day, Row
from edge_agent.standin.home import AgentEndpoint, CollectorUpdate, HomeServer, Table
from edge_agent.standin.household import EXPECT_S, DemoError, Device, DeviceSpec
from edge_agent.standin.operator import Operator

TV: Final = DeviceSpec("tv", "virtual-tv", listens=True)
SPEAKER: Final = DeviceSpec("speaker", "virtual-speaker", listens=True)
FRIDGE: Final = DeviceSpec("fridge", "virtual-fridge")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the day: its table, and what the collector made of the reports."""

    rows: tuple[Row, ...]
    collected: tuple[Line, ...]
    reports: int
    page: str


@asynccontextmanager
async def played_day(say: Say, *, port: int = 0) -> AsyncIterator[Outcome]:
    """Play the day and yield its outcome with the pages still open; everything is stopped and removed on leaving.

    `say` gets one line whenever something begins. Raises DemoError naming the first thing that did not happen.
    """
    async with AsyncExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="edge-agent-demo-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        say("Starting the broker, making keys …")
        broker = await stack.enter_async_context(EmbeddedBroker())
        operator = Operator(folder / "fleet", broker.port)
        stack.push_async_callback(operator.stop_collecting)
        await asyncio.to_thread(operator.make_keys)
        say("Publishing three packs; starting a TV, a speaker and a fridge …")
        ports = {spec.name: _free_port() for spec in (TV, SPEAKER, FRIDGE)}
        devices = {spec.name: Device(spec, folder / spec.name) for spec in (TV, SPEAKER, FRIDGE)}
        for name, device in devices.items():
            device.configure(
                broker_port=broker.port, root_json=operator.root_json, timezone=ZONE, debug_port=ports[name]
            )
            stack.push_async_callback(device.stop)
        await asyncio.gather(operator.publish(), *(device.start() for device in devices.values()))
        endpoints = [
            AgentEndpoint(
                name,
                "tv" if name == "tv" else "speaker" if name == "speaker" else "fridge",
                f"http://127.0.0.1:{ports[name]}/",
                (device.folder / "token").read_text("utf-8").strip(),
            )
            for name, device in devices.items()
        ]
        home = HomeServer(endpoints, port=port)
        page = await stack.enter_async_context(home.serving())
        say(f"The home is at {page}")
        day = Day(
            devices["tv"],
            devices["speaker"],
            devices["fridge"],
            broker,
            operator,
            home,
            lambda at, title: say(f"{at:%H:%M}  {title}"),
            datetime.now(ZoneInfo(ZONE)).date(),
        )
        yield await _played(day, page)


async def _played(day: Day, page: str) -> Outcome:
    await asyncio.gather(*(_shelf_complete(device) for device in day.devices))
    await day.operator.start_collecting()
    for scene in SCENES:
        await scene(day)
    collected, reports = await _reported(day)
    outcome = Outcome(tuple(day.rows), collected, reports, page)
    day.home.finished(*_tables(outcome))
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

    def changed(count: int) -> None:
        day.home.collector(_seen(day, count))

    try:
        async with asyncio.timeout(EXPECT_S):
            await day.operator.until_collected(day.operator.questions, changed)
    except TimeoutError:
        raise DemoError("The collector did not get the day's reports.", "Look at the agents' logs.") from None
    tally = await day.operator.stop_collecting()
    counters = day.operator.counters()
    day.home.collector(_seen(day, tally.accepted))
    return tuple(lines(counters)), tally.accepted


def _seen(day: Day, count: int) -> CollectorUpdate:
    counters = day.operator.counters()
    return CollectorUpdate(
        sealed_messages=count,
        homes=len(day.devices),
        epsilon=counters[0].epsilon if counters else 0.0,
        answers=[
            {"label": f"{counter.campaign}/{counter.crid}", "answer": counter.answer.value, "count": counter.reports}
            for counter in counters
        ],
        estimates=[
            {
                "label": f"{line.campaign}/{line.crid}",
                "answer": "reached",
                "estimate": line.estimates["reached"].value,
                "low": line.estimates["reached"].low,
                "high": line.estimates["reached"].high,
            }
            for line in lines(counters)
            if line.crid
        ],
    )


def _tables(outcome: Outcome) -> tuple[Table, ...]:
    return (
        Table(
            title={"en": "What was placed", "zh": "投放了什么"},
            columns=[
                {"en": "time", "zh": "时间"},
                {"en": "device", "zh": "设备"},
                {"en": "moment", "zh": "时刻"},
                "",
            ],
            rows=[[f"{row.at:%H:%M}", row.device, row.moment, row.what] for row in outcome.rows if row.placed],
        ),
        Table(
            title={"en": "What was not, and why", "zh": "没有投放什么，为什么"},
            columns=[
                {"en": "time", "zh": "时间"},
                {"en": "device", "zh": "设备"},
                {"en": "moment", "zh": "时刻"},
                {"en": "reason", "zh": "原因"},
            ],
            rows=[[f"{row.at:%H:%M}", row.device, row.moment, row.why] for row in outcome.rows if not row.placed],
        ),
        Table(
            title={"en": "What the collector could learn", "zh": "统计方能得知什么"},
            columns=[
                {"en": "creative", "zh": "创意"},
                {"en": "reports", "zh": "报告"},
                {"en": "homes reached", "zh": "触达家庭"},
                {"en": "conclusion", "zh": "结论"},
            ],
            rows=[
                [f"{line.campaign}/{line.crid}", line.reports, interval(line), line.verdict]
                for line in outcome.collected
                if line.crid
            ],
        ),
    )


def interval(line: Line) -> str:
    """Return an estimate of homes reached with its 95 % interval."""
    reach = line.estimates["reached"]
    return f"{reach.value:.1f} ({reach.low:.0f} to {reach.high:.0f})"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
