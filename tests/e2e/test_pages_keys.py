"""The two pages without a mouse: a keyboard, a television's remote control, and words that are longer than usual."""

import io
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import Page, expect

from edge_agent.debug.serving import serve
from edge_agent.model import events as ev
from edge_agent.model.catalog import Catalog
from edge_agent.model.moment import MomentKind
from edge_agent.settings.rooms import DebugSettings
from tests.e2e.conftest import CHROMIUM, Home
from tests.small_agent import MORNING

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed (apt-get install chromium)"),
]

PHONE, LAPTOP, TV = ({"width": w, "height": h} for w, h in ((390, 844), (1280, 800), (1920, 1080)))
LONG = "Donaudampfschifffahrtsgesellschaftskapitänswitwenrente für alle"
WORDY = "Rain at four, thunder at five, and the whole of the evening belongs to whoever has an umbrella. " * 6

ALL = """[...document.querySelectorAll('button:not(:disabled), a[href], input, [tabindex="0"]')]
  .filter((one) => one.checkVisibility({ visibilityProperty: true }))
  .map((one) => one.outerHTML.slice(0, 120))"""
FOCUSED = """() => {
  const one = document.activeElement;
  const box = one.getBoundingClientRect();
  const middle = Math.max(2, Math.min(box.top + box.height / 2, innerHeight - 2));
  const top = document.elementFromPoint(box.left + box.width / 2, middle);
  return {
    html: one === document.body ? "" : one.outerHTML.slice(0, 120),
    outline: getComputedStyle(one).outlineStyle,
    seen: top !== null && (one.contains(top) || top.contains(one)) && box.bottom > 0 && box.top < innerHeight,
  };
}"""
FOCUS = """(html) => {
  const all = [...document.querySelectorAll("button, a, input, [tabindex]")];
  document.activeElement.blur();
  all.find((one) => one.outerHTML.slice(0, 120) === html)?.focus();
}"""
BACK = """() =>
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "GoBack", bubbles: true, cancelable: true }))"""
CUT = """() => [...document.querySelectorAll("body *")].filter((one) => {
  const words = one.checkVisibility({ visibilityProperty: true }) && one.textContent.trim();
  if (!words || one.closest(".sr-only, .ad-tag, code, .scroll-x, .skip")) return false;
  const { left, right, top } = one.getBoundingClientRect();
  const hidden = (at) => getComputedStyle(at).overflowX !== "visible";
  for (let at = one.parentElement; one.matches(".bubble") && at; at = at.parentElement)
    if (hidden(at) && top < at.getBoundingClientRect().top) return true;
  const within = !hidden(one) || one.scrollWidth <= one.clientWidth + 1;
  return !within || left < 0 || right > document.documentElement.clientWidth + 1;
}).map((one) => `${one.tagName}.${one.className} ${one.textContent.trim().slice(0, 30)}`)"""


async def focused(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = await page.evaluate(FOCUSED)
    return found


async def whole_day(home: Home) -> None:
    """Let everything happen that puts something on the pages."""
    home.server.scene(MORNING, {"en": "Morning", "zh": "早晨"})
    home.server.finished({"title": "The day", "columns": ["time"], "rows": [["07:00"]]})
    home.moment("tv", MomentKind.POWER_ON)
    home.moment("fridge", MomentKind.IDLE)
    home.moment("speaker", MomentKind.ASSISTANT_ANSWERED, "weather")


PAGES = pytest.mark.parametrize("path", ["", "agents/tv/", "agents/speaker/"], ids=["home", "tv", "speaker"])


@PAGES
@pytest.mark.parametrize("size", [PHONE, LAPTOP, TV], ids=["phone", "laptop", "tv"])
async def test_tab_reaches_everything_in_turn_and_it_is_seen_where_one_is(
    home: Home, path: str, size: dict[str, int]
) -> None:
    await whole_day(home)
    page = await home.open(path, viewport=size)
    reached: list[str] = []
    await page.keyboard.press("Tab")
    while (at := await focused(page))["html"]:
        reached.append(at["html"])
        assert at["outline"] == "solid", at
        assert at["seen"], at
        await page.keyboard.press("Tab")
    assert reached == await page.evaluate(ALL), "in the order in which it is read"


@PAGES
async def test_a_remote_controls_arrows_reach_everything(home: Home, path: str) -> None:
    await whole_day(home)
    page = await home.open(path, viewport=TV)
    wanted = {one for one in await page.evaluate(f"() => {ALL}") if "skip" not in one}
    reached, waiting = {""}, [""]
    while waiting:
        start = waiting.pop()
        for key in ("ArrowDown", "ArrowUp", "ArrowRight", "ArrowLeft"):
            await page.evaluate(FOCUS, start)
            await page.keyboard.press(key)
            at = await focused(page)
            assert at["seen"], at
            if at["html"] not in reached:
                reached.add(at["html"])
                waiting.append(at["html"])
    assert wanted <= reached


async def test_escape_closes_whatever_plays_in_the_home(home: Home) -> None:
    await whole_day(home)
    page = await home.open()
    await expect(page.locator(".poster img")).to_have_count(2)
    await page.keyboard.press("Escape")
    for agent in home.agents.values():
        closed = page.locator(f'.device.{agent.kind}[data-playing="false"]')
        await expect(closed).to_be_attached()
        assert agent.plays(1)[0]["close_cause"] == "press"


async def test_back_closes_what_plays_and_otherwise_leads_back(home: Home) -> None:
    page = await home.open()
    await page.get_by_role("link", name="Open its page TV").press("Enter")
    await expect(page.locator('#device .device[data-online="true"]')).to_be_attached()
    home.moment("tv", MomentKind.POWER_ON)
    await expect(page.locator(".tv .poster img")).to_have_count(1)
    assert not await page.evaluate(BACK), "it is taken"
    await expect(page.locator(".tv .poster img")).to_have_count(0)
    assert await page.evaluate(BACK), "the browser goes back by itself"


async def test_the_arrows_of_a_remote_control_lead_out_of_the_field_for_the_token(home: Home) -> None:
    page = await home.open(base=home.endpoints["tv"].url, viewport=TV)
    await page.get_by_label("Paste the agent's token").focus()
    await page.keyboard.press("ArrowDown")
    assert "token" not in (await focused(page))["html"]


async def test_the_arrows_scroll_a_list_that_is_wider_than_its_place(home: Home) -> None:
    page = await home.open("agents/tv/", viewport=PHONE)
    await page.locator("#packs").focus()
    await page.keyboard.press("ArrowRight")
    await page.wait_for_function("() => document.querySelector('#packs').scrollLeft > 0")
    await expect(page.locator("#packs")).to_be_focused()


def wordy(catalog: Catalog) -> Catalog:
    packs = []
    for pack in catalog.packs:
        creatives = tuple(one.model_copy(update={"transcript": WORDY}) for one in pack.campaign.creatives)
        campaign = pack.campaign.model_copy(update={"name": LONG, "creatives": creatives})
        packs.append(replace(pack, campaign=campaign))
    return replace(catalog, packs=tuple(packs))


@PAGES
@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
async def test_nothing_is_cut_off_however_long_the_words_are(home: Home, path: str, language: str) -> None:
    for agent in home.agents.values():
        agent.inject(ev.CatalogChanged(wordy(agent.engine.catalog)))
        agent.hear("a phrase that is longer than what anybody says to a device in the kitchen")
    await whole_day(home)
    page = await home.open(path, locale=language)
    for size in (PHONE, LAPTOP, TV):
        await page.set_viewport_size({"width": size["width"], "height": size["height"]})
        assert await page.evaluate(CUT) == []


async def test_buttons_that_do_nothing_do_not_look_as_if_they_did(home: Home) -> None:
    page = await home.open(base=home.endpoints["tv"].url)
    grounds = "all => new Set(all.map(one => getComputedStyle(one).backgroundColor)).size"
    assert await page.locator("#buttons button:disabled").evaluate_all(grounds) == 1
    agreed = page.get_by_role("button", name="Placements are welcome")
    await expect(agreed).to_be_disabled()
    await expect(agreed).to_have_attribute("aria-pressed", "true")


async def test_a_page_whose_agent_is_gone_claims_nothing_of_the_present(home: Home) -> None:
    async with serve(home.agents["tv"], DebugSettings(port=0)) as doors:
        assert doors.url is not None
        page = await home.open(base=doors.url)
        home.moment("tv", MomentKind.POWER_ON)
        await expect(page.locator("#facts")).to_contain_text("connected")
        await expect(page.locator("#facts")).to_contain_text("hello home")
    await expect(page.locator("#offline")).to_be_visible()
    await expect(page.locator("#facts")).not_to_contain_text("connected")
    await expect(page.locator("#facts")).not_to_contain_text("hello home")
    await page.context.close()
    assert all("ERR_" in complaint for complaint in home.complaints)
    home.complaints.clear()


@pytest.mark.parametrize("kind", ["tv", "fridge"])
async def test_the_clock_of_a_device_stands_out_from_its_picture(home: Home, kind: str) -> None:
    page = await home.open(f"agents/{kind}/")
    clock = page.locator(".own-clock")
    await clock.evaluate("clock => { for (const words of clock.children) words.style.visibility = 'hidden'; }")
    pixels = Image.open(io.BytesIO(await clock.screenshot())).convert("RGB").tobytes()
    brightest = max(luminance(*pixels[at : at + 3]) for at in range(0, len(pixels), 3))
    assert 1.05 / (brightest + 0.05) >= 4.5


@cache
def luminance(*pixel: int) -> float:
    """Return the relative luminance of WCAG 2.2."""
    red, green, blue = (v / 3294.6 if v <= 10 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in pixel)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
