"""The demo's day, scene by scene. Each scene does something to the home and waits for what must follow."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from edge_agent.standin.day import Day

QUIET: Final = {"start": "22:00:00", "end": "06:30:00", "weekdays": [1, 2, 3, 4, 5, 6, 7]}

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
