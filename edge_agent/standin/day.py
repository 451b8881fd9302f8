"""The day that the demo plays, scene by scene. Each scene does something to the home and waits for what must follow.

Nothing here is acted: moments go over the devices' own bus to their hooks, words go through their microphones and
Vosk, and a scene that does not end as it should raises DemoError.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from edge_agent.standin.broker import EmbeddedBroker
from edge_agent.standin.home import HomeServer
from edge_agent.standin.household import DemoError, Device, Message
from edge_agent.standin.operator import Operator

ZONE: Final = "Europe/Berlin"
SPEECH: Final = Path(str(files("edge_agent.standin") / "speech"))
QUIET: Final = {"start": "22:00:00", "end": "06:30:00", "weekdays": [1, 2, 3, 4, 5, 6, 7]}

Words = dict[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the day's table: what a moment led to."""

    at: datetime
    device: str
    moment: str
    placed: bool
    what: str
    why: str


@dataclass(slots=True)
class Day:
    """The home and what has happened in it so far. `say` tells the person at the terminal of each scene."""

    tv: Device
    speaker: Device
    fridge: Device
    broker: EmbeddedBroker
    operator: Operator
    home: HomeServer
    say: Callable[[datetime, str], None]
    date: date
    rows: list[Row] = field(default_factory=list)
    now: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.now = self._at(6, 50)

    @property
    def devices(self) -> tuple[Device, Device, Device]:
        """All three devices."""
        return (self.tv, self.speaker, self.fridge)

    def _at(self, hour: int, minute: int, *, days: int = 0) -> datetime:
        return datetime.combine(self.date + timedelta(days=days), time(hour, minute), ZoneInfo(ZONE))

    async def scene(self, hour: int, minute: int, title: Words, text: Words, *, days: int = 0) -> None:
        """Begin a scene: set every clock and tell the page and the person."""
        self.now = self._at(hour, minute, days=days)
        await asyncio.gather(*(device.set_clock(self.now) for device in self.devices))
        self.home.scene(self.now, title, text)
        self.say(self.now, title["en"])

    async def moment(self, device: Device, kind: str, topic: str = "") -> Message:
        """Let a moment arise on a device, through its bus and hook, and return the decision on it."""
        mark = device.mark
        await device.bus({"moment": {"kind": kind, "topic": topic}})
        return await self.decided(device, kind, mark)

    async def decided(self, device: Device, kind: str, mark: int) -> Message:
        """Wait for the decision on a moment of that kind and note it in the day's table."""
        message = await device.expect(
            f"a decision on {kind}",
            lambda m: m["type"] == "decision" and m["decision"]["moment"]["kind"] == kind,
            mark,
        )
        decision: Message = message["decision"]
        chosen = decision["chosen"]
        self.rows.append(
            Row(
                self.now,
                device.spec.name,
                " ".join(filter(None, (kind, decision["moment"]["topic"]))),
                chosen is not None,
                "" if chosen is None else f"{chosen['campaign_name']} ({chosen['format']})",
                decision["detail"] if chosen is None else chosen["transcript"],
            )
        )
        return decision

    async def refused(self, device: Device, kind: str, rule: str, topic: str = "") -> None:
        """Let a moment arise that must not lead to a placement, for that reason."""
        decision = await self.moment(device, kind, topic)
        if decision["chosen"] is not None or decision["rule"] != rule:
            raise DemoError(f"{device.spec.name}: {kind} should have been refused by {rule}, not {decision['rule']}.")

    async def placed(self, device: Device, kind: str, topic: str = "") -> int:
        """Let a moment arise that must lead to a placement; return a mark from before it was rendered."""
        mark = device.mark
        decision = await self.moment(device, kind, topic)
        if decision["chosen"] is None:
            raise DemoError(f"{device.spec.name}: nothing was placed at {kind}: {decision['detail']}")
        await self.rendered(device, "impression", mark)
        return mark

    async def rendered(self, device: Device, event: str, mark: int) -> Message:
        """Wait until a hook has proved that event."""
        return await device.expect(
            f"the event {event}",
            lambda m: m["type"] == "play" and bool(m["play"]["events"]) and m["play"]["events"][-1]["kind"] == event,
            mark,
        )

    async def said(self, device: Device, recording: str, *phrases: str) -> int:
        """Speak a recording in front of a device and wait until it was heard as one of `phrases`.

        Returns a mark from before. ("yes please" is a "yes" too.)
        """
        mark = device.mark
        _, _ = await asyncio.gather(
            device.speak(SPEECH / f"{recording}.wav"),
            device.expect(
                f'hearing "{phrases[0]}"', lambda m: m["type"] == "heard" and m["heard"]["phrase"] in phrases, mark
            ),
        )
        return mark


Scene = Callable[[Day], Awaitable[Any]]


async def before_consent(day: Day) -> None:
    """Nothing is placed before the resident agreed."""
    await day.scene(
        6,
        55,
        {"en": "Nobody was asked yet", "zh": "还没有征得同意"},
        {
            "en": "The TV is switched on. Without consent, nothing is placed.",
            "zh": "电视开机。未经同意，不投放任何内容。",
        },
    )
    await day.refused(day.tv, "power_on", "no_consent")


async def consent(day: Day) -> None:
    """The resident agrees, and sets quiet hours that nobody can widen."""
    await day.scene(
        6,
        58,
        {"en": "The resident agrees", "zh": "住户同意"},
        {
            "en": "Placements: yes. Anonymous reports: yes. Quiet hours: 22:00 to 06:30.",
            "zh": "投放：同意。匿名报告：同意。安静时段：22:00 至 06:30。",
        },
    )
    body = {"consent": {"placements": True, "reports": True}, "limits": {"quiet_hours": [QUIET]}}
    await asyncio.gather(*(device.post("/v1/resident", body) for device in day.devices))


async def morning(day: Day) -> None:
    """The TV boots with a picture; the resident asks for more, and says yes to a page for their phone."""
    await day.scene(
        7,
        0,
        {"en": "Good morning", "zh": "早上好"},
        {
            "en": 'The TV boots with a picture. "Tell me more." "Yes please": a code for the phone.',
            "zh": "电视开机并显示开机画面。“告诉我更多。”“好的”：屏幕显示手机可扫的二维码。",
        },
    )
    await day.placed(day.tv, "power_on")
    await asyncio.sleep(1.5)  # the resident reads it
    mark = await day.said(day.tv, "tell-me-more", "tell me more")
    await day.decided(day.tv, "follow_up", mark)
    await day.rendered(day.tv, "complete", mark)
    mark = await day.said(day.tv, "yes-please", "yes please", "yes")
    await day.decided(day.tv, "follow_up", mark)
    await day.rendered(day.tv, "impression", mark)
    await asyncio.sleep(2)  # a phone reads it
    mark = day.tv.mark
    await day.tv.post("/v1/press", {"button": "close"})
    await day.rendered(day.tv, "close", mark)


async def weather(day: Day) -> None:
    """A mention after a weather answer, and no second one so soon."""
    await day.scene(
        7,
        40,
        {"en": "Will it rain?", "zh": "会下雨吗？"},
        {"en": "The speaker answers, and mentions boots.", "zh": "音箱回答之后，顺带播报了一双雨靴。"},
    )
    mark = await day.placed(day.speaker, "assistant_answered", "weather")
    await day.rendered(day.speaker, "complete", mark)
    await day.scene(
        7,
        44,
        {"en": "And tomorrow?", "zh": "明天呢？"},
        {"en": "Asked again four minutes later: too soon for another.", "zh": "四分钟后再问：间隔太短，不再投放。"},
    )
    await day.refused(day.speaker, "assistant_answered", "min_spacing", "weather")


async def broker_restarts(day: Day) -> None:
    """The network goes away and nothing waits for it."""
    await day.scene(
        12,
        30,
        {"en": "The broker is gone", "zh": "消息服务器断开"},
        {
            "en": "The idle fridge shows a poster all the same. One press closes it.",
            "zh": "无人使用的冰箱照样显示海报，按一下就关闭。",
        },
    )
    await day.broker.stop()
    mark = await day.placed(day.fridge, "idle")
    await asyncio.sleep(2)  # the resident reads it
    closing = day.fridge.mark
    await day.fridge.post("/v1/press", {"button": "close"})
    await day.rendered(day.fridge, "close", closing)
    marks = [device.mark for device in day.devices]
    await day.broker.start()
    for device, mark in zip(day.devices, marks, strict=True):
        if (await device.get("/v1/state"))["link"]["status"] != "connected":
            await device.expect(
                "the broker's return",
                lambda m: m["type"] == "state" and m["state"]["link"]["status"] == "connected",
                mark,
            )


async def not_interested(day: Day) -> None:
    """The resident has had enough of one campaign."""
    await day.scene(
        17,
        30,
        {"en": '"Not interested."', "zh": "“不感兴趣。”"},
        {"en": "The mention closes, and the campaign stays away.", "zh": "播报立即停止，该广告计划不再出现。"},
    )
    await day.placed(day.speaker, "assistant_answered", "weather")
    mark = await day.said(day.speaker, "not-interested", "not interested")
    await day.rendered(day.speaker, "close", mark)
    await day.scene(
        18,
        15,
        {"en": "Asked again", "zh": "再次询问天气"},
        {
            "en": "Its campaign was dismissed; there is nothing else to say.",
            "zh": "住户已拒绝该广告计划，没有别的内容可播。",
        },
    )
    await day.refused(day.speaker, "assistant_answered", "dismissed", "weather")


async def call(day: Day) -> None:
    """A call is nobody else's business."""
    await day.scene(
        19,
        0,
        {"en": "A call comes in", "zh": "来电"},
        {"en": "While somebody is on the phone, the TV stays as it is.", "zh": "通话期间，电视不投放。"},
    )
    await day.tv.bus({"state": {"call_in_progress": True}})
    await day.refused(day.tv, "power_on", "call_in_progress")
    await day.tv.bus({"state": {"call_in_progress": False}})


async def revoked(day: Day) -> None:
    """The operator takes a pack back while it is on the screen."""
    await day.scene(
        19,
        30,
        {"en": "A pack is revoked", "zh": "内容包被撤回"},
        {
            "en": "The operator takes the poster back while it is shown: it closes.",
            "zh": "海报正在显示时，运营方将其撤回：画面立即关闭。",
        },
    )
    mark = await day.placed(day.fridge, "idle")
    await day.operator.revoke("green-valley-pears")
    await day.rendered(day.fridge, "close", mark)
    await day.scene(
        20,
        30,
        {"en": "And it stays away", "zh": "不再出现"},
        {"en": "What is no longer signed is no longer there.", "zh": "签名一旦撤销，内容就不再存在。"},
    )
    await day.refused(day.fridge, "idle", "no_candidates")


async def quiet(day: Day) -> None:
    """The resident's quiet hours."""
    await day.scene(
        22,
        30,
        {"en": "Quiet hours", "zh": "安静时段"},
        {"en": "The resident said: nothing after ten.", "zh": "住户说过：十点以后不要打扰。"},
    )
    await day.refused(day.tv, "power_on", "quiet_hours")
    await day.refused(day.speaker, "assistant_answered", "quiet_hours", "weather")


SCENES: Final[tuple[Scene, ...]] = (
    before_consent,
    consent,
    morning,
    weather,
    broker_restarts,
    not_interested,
    call,
    revoked,
    quiet,
)
