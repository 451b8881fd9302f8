"""A Chinese page of a device to which everything has happened: nothing that the agent says on it is English."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from edge_agent.debug.serving import serve
from edge_agent.model import events as ev
from edge_agent.model.decision import Decision, EligibilityRule, NoFill, Rejection
from edge_agent.model.errors import LinkError, StorageError
from edge_agent.model.formats import Format
from edge_agent.model.identity import DecisionId
from edge_agent.model.moment import Moment, MomentKind, Slot
from edge_agent.model.shelf_room import RoomFate, RoomPlace, RoomReason
from edge_agent.model.wording import Said
from edge_agent.settings.rooms import DebugSettings
from tests.sentences import everything_said
from tests.small_agent import MORNING, SmallAgent
from tests.small_shelf import small_shelf

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed (apt-get install chromium)"),
]

PATIENCE_MS = 90_000
SENTENCE = re.compile(r"[A-Za-z]+,? [a-z]+ [a-z]+")
"""Three words in a row that no name has."""
LATIN = re.compile(r"[A-Za-z]{2,}")
SIGNS = {"MiB", "KiB"}
"""What is written alike in both languages."""

MOMENT = Moment(MomentKind.POWER_ON, MORNING)
SLOT = Slot("s", Format.BOOT_SCREEN, MOMENT, MORNING, timedelta(seconds=8), ("image/png",))


def emptied_for(reasons: tuple[Said, ...]) -> Decision:
    """Return a decision in which each of these is why something was not chosen."""
    rejections = tuple(Rejection("甲", "甲", "甲", EligibilityRule.OUTRANKED, reason) for reason in reasons)
    return Decision(DecisionId("everything"), MORNING, MOMENT, NoFill(SLOT, rejections))


async def nothing_sticks_out(page: Page) -> None:
    for width in (400, 1280):
        await page.set_viewport_size({"width": width, "height": 900})
        assert await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


async def test_all_that_the_agent_says_is_chinese_on_a_chinese_page(tmp_path: Path) -> None:
    (tmp_path / "shelf").mkdir()
    agent = SmallAgent("tv", small_shelf(tmp_path / "shelf"), tmp_path / "tv", consent=False)
    said = everything_said()
    agent.inject(ev.MomentArose(MOMENT))  # a real refusal, for want of consent
    agent.decided(emptied_for(said))
    by_name = {one.name: one for one in said}
    waiting, placed, *_ = (pack.name for pack in agent.engine.catalog.packs)
    agent.waits[waiting] = by_name["pack.no_room"]
    agent.places[placed] = RoomPlace(
        placed, 1, RoomFate.FIRST, RoomReason.IN_FLIGHT, MORNING, 10, by_name["room.first"]
    )
    agent.troubles.begin("broker", LinkError("The broker 127.0.0.1 cannot be reached.", "Start it."))
    agent.troubles.begin("journal", StorageError("The disk of the journal is full.", "Free some space."))
    async with serve(agent, DebugSettings(port=0)) as doors, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = await browser.new_page(locale="zh-CN")
        page.set_default_timeout(PATIENCE_MS)
        await page.goto(doors.url or "")
        lines = page.locator("#decision .rejections li .soft")
        await expect(lines).to_have_count(len(said), timeout=PATIENCE_MS)
        shown = dict(zip((one.name for one in said), await lines.all_inner_texts(), strict=True))
        english = {name: text for name, text in shown.items() if set(LATIN.findall(text)) - SIGNS or "{" in text}
        assert english == {}
        for name, fact in {
            "outside_daypart": "09:00–12:00",
            "min_spacing": "星期日",
            "outside_flight.before": "2026年11月22日",
            "frequency_cap": "小时",
            "language": "法语",
            "pack.spent": "5 MiB",
            "format_off": "开机画面",
            "size.shape": "1920×1920",
        }.items():
            assert fact in shown[name], shown[name]

        await expect(page.locator("#decisions")).to_contain_text("未获同意")
        await expect(page.locator("#packs")).to_contain_text("空间不足：连同本机其他内容共需 5 MiB，上限为 5 MiB。")
        await expect(page.locator("#packs")).to_contain_text("最先移除：正在播放。")
        await expect(page.locator("#facts")).to_contain_text("消息服务器连接异常，请检查网络。 始于 07:00。")
        await expect(page.locator("#facts")).to_contain_text("存储空间已满、只读或损坏，请检查存储。")
        agent.troubles.end("broker")
        await expect(page.locator("#facts")).not_to_contain_text("消息服务器连接异常", timeout=PATIENCE_MS)
        whole = await page.locator("body").inner_text()
        assert SENTENCE.findall(whole) == []
        assert await page.locator('[lang="en"]:not(#language)').count() == 0
        await nothing_sticks_out(page)
        await page.locator("#language").click()
        await expect(page.locator("#facts")).to_contain_text("The disk of the journal is full. Free some space.")
        await expect(page.locator("#packs")).to_contain_text("Goes first: it plays now.")
        await browser.close()
