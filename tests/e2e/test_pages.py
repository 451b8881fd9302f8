"""The two pages in a real browser: what is seen, heard, pressed and read out, on a phone and on a television."""

import re

import pytest
from playwright.async_api import expect

from edge_agent.debug.said import said_view
from edge_agent.debug.serving import serve
from edge_agent.debug.shapes import AssetSourceView
from edge_agent.model import events as ev
from edge_agent.model.errors import MirrorError
from edge_agent.model.identity import PlayId
from edge_agent.model.moment import MomentKind
from edge_agent.model.play import PlayEvent, PlayEventKind
from edge_agent.settings.rooms import DebugSettings
from edge_agent.standin.home import Estimate
from tests.e2e.conftest import CHROMIUM, Home
from tests.small_agent import MORNING

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed (apt-get install chromium)"),
]


async def test_the_screen_shows_the_placement_and_one_click_closes_it(home: Home) -> None:
    page = await home.open()
    home.moment("tv", MomentKind.POWER_ON)
    picture = page.locator(".tv .poster img")
    await expect(picture).to_have_attribute("alt", "Three nights by the sea, this Friday.")
    await expect(page.locator(".tv .ad-tag")).to_have_text("Ad · Harbour Films")
    await page.wait_for_function("document.querySelector('.tv .poster img').naturalWidth > 0")
    await page.locator(".tv").get_by_role("button", name="Close what is playing").click()
    await expect(picture).to_have_count(0)
    assert home.agents["tv"].plays(1)[0]["close_cause"] == "press"


async def test_what_is_said_and_heard_stands_in_bubbles_that_are_read_out(home: Home) -> None:
    page = await home.open()
    home.moment("speaker", MomentKind.ASSISTANT_ANSWERED, "weather")
    said = page.locator(".speaker .bubble.said")
    await expect(said).to_contain_text("Rain at four.")
    await expect(said).to_be_visible()
    home.agents["speaker"].hear("hello home")
    await expect(page.locator(".speaker .bubble.heard")).to_have_text("hello home")
    assert await page.locator(".speaker .bubbles").get_attribute("aria-live") == "polite"
    home.agents["speaker"].hear("why this")
    await expect(page.locator('[data-kind="speaker"] .heard-line')).to_contain_text("why this")


async def test_the_microphone_is_told_in_words(home: Home) -> None:
    page = await home.open()
    caption = page.locator('.station[data-kind="fridge"] .caption')
    await expect(caption).to_contain_text("Listening")
    home.agents["fridge"].mute(on=True)
    await expect(caption).to_contain_text("Muted")


async def test_the_day_tells_what_was_placed_and_what_was_refused_and_why(home: Home) -> None:
    home.server.scene(MORNING, {"en": "The TV is switched on", "zh": "打开电视"}, "It was staged last night.")
    page = await home.open()
    home.moment("tv", MomentKind.POWER_ON)
    home.moment("tv", MomentKind.POWER_ON)
    scene = page.locator("#timeline .scene-item")
    await expect(scene.locator("h3")).to_have_text("The TV is switched on")
    await expect(scene.locator('.chip[data-outcome="selected"]')).to_have_text("Placed")
    await expect(scene.locator(".outcomes li").nth(1)).to_contain_text("already playing")
    await expect(page.locator("#time")).to_have_text("07:00")


async def test_the_collector_is_shown_beside_the_truth_that_stays_at_home(home: Home) -> None:
    page = await home.open()
    await expect(page.locator("#collector")).to_contain_text("None has arrived yet.")
    row = Estimate(label="Harbour", answer="reached", estimate=2.1, low=1.2, high=2.9, truth=2.0)
    home.server.collector({"sealed_messages": 12, "sealed_bytes": 2048, "homes": 3, "estimates": [row]})
    await expect(page.locator(".sealed")).to_contain_text("12")
    await expect(page.locator(".sealed")).to_contain_text("2 KiB")
    scale = page.get_by_role("img", name="Harbour, reached: estimate 2.1, between 1.2 and 2.9; truth 2")
    await expect(scale.locator(".interval")).to_have_attribute("style", re.compile(r"left: 40%"))
    many = Estimate(
        label={"en": "1,000 homes", "zh": "1,000 户"},
        answer="reached",
        estimate=287,
        low=236,
        high=338,
        truth=300,
        of=1000,
    )
    home.server.collector({"simulated": [many]})
    scale = page.get_by_role("img", name="1,000 homes, reached: estimate 287, between 236 and 338; truth 300")
    await expect(scale.locator(".truth")).to_have_attribute("style", "left: 30%;")
    home.server.finished({"title": "The day", "columns": ["time"], "rows": [["07:00"]]})
    await expect(page.locator("#tables caption")).to_have_text("The day")


async def test_an_agent_that_goes_and_comes_back_is_told(home: Home) -> None:
    agent = home.agents["tv"]
    async with serve(agent, DebugSettings(port=0)) as doors:
        assert doors.url is not None
        page = await home.open(base=doors.url)
        await expect(page.locator("#offline")).to_be_hidden()
    await expect(page.locator("#offline")).to_be_visible()
    await expect(page.locator(".device.tv")).to_have_attribute("data-online", "false")
    async with serve(agent, DebugSettings(port=int(doors.url.split(":")[2].strip("/")))):
        await expect(page.locator(".device.tv")).to_have_attribute("data-online", "true")
        await expect(page.locator("#offline")).to_be_hidden()
        await page.context.close()
    assert all("ERR_CONNECTION_REFUSED" in complaint for complaint in home.complaints)
    home.complaints.clear()  # the browser itself says when a connection is refused


async def test_chinese_is_chosen_by_the_browser_and_by_hand_and_kept(home: Home) -> None:
    home.server.scene(MORNING, {"en": "Morning", "zh": "早晨"})
    page = await home.open(locale="zh-CN")
    await expect(page.locator("h1")).to_have_text("家中的一天")
    await expect(page.locator("#timeline h3")).to_have_text("早晨")
    await page.get_by_role("button", name="切换到英文").click()
    await expect(page.locator("h1")).to_have_text("A day at home")
    await page.reload()
    await expect(page.locator("h1")).to_have_text("A day at home")
    assert await page.evaluate("document.documentElement.lang") == "en"


@pytest.mark.parametrize("path", ["", "agents/tv/", "agents/speaker/", "agents/fridge/"])
async def test_nothing_sticks_out_from_a_phone_to_a_4k_screen(home: Home, path: str) -> None:
    for device, kind in (("tv", MomentKind.POWER_ON), ("fridge", MomentKind.IDLE)):
        home.moment(device, kind)
    page = await home.open(path)
    for width in (320, 390, 600, 768, 900, 1024, 1280, 1920, 3840):
        await page.set_viewport_size({"width": width, "height": 800})
        beyond = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert beyond <= 0, width


async def test_escape_closes_on_the_agents_own_page(home: Home) -> None:
    page = await home.open("agents/tv/")
    home.moment("tv", MomentKind.POWER_ON)
    await expect(page.locator(".tv .poster img")).to_have_count(1)
    await page.keyboard.press("Escape")
    await expect(page.locator(".tv .poster img")).to_have_count(0)


async def test_a_remote_controls_arrows_reach_every_button(home: Home) -> None:
    page = await home.open("agents/tv/", viewport={"width": 1920, "height": 1080})
    await page.keyboard.press("ArrowDown")
    reached = set()
    for key in (["ArrowRight"] * 3 + ["ArrowLeft"] * 3 + ["ArrowDown"]) * 8:
        await page.keyboard.press(key)
        reached.add(await page.evaluate("document.activeElement.dataset.id ?? document.activeElement.id"))
    buttons = await page.locator("#buttons button, #consent button").evaluate_all("all => all.map(b => b.dataset.id)")
    assert set(buttons) <= reached


async def test_its_buttons_act_and_say_what_came_of_it(home: Home) -> None:
    page = await home.open("agents/speaker/")
    await page.get_by_role("button", name="Weather answered").click()
    await expect(page.locator("#answer")).to_have_text("Placed: Umbra Umbrellas")
    await expect(page.locator("#decision")).to_contain_text("Umbra Umbrellas was chosen.")
    call = page.get_by_role("button", name="Call comes in")
    await call.press("Enter")
    await expect(page.get_by_role("button", name="Call ends")).to_be_focused()
    assert home.agents["speaker"].plays(1)[0]["close_cause"] == "device"
    await page.get_by_role("button", name="Weather answered").click()
    await expect(page.locator("#answer")).to_have_text("Refused: on a call")


async def test_the_resident_decides_on_the_page(home: Home) -> None:
    page = await home.open("agents/fridge/")
    agree = page.get_by_role("button", name="Placements are welcome")
    await expect(agree).to_have_attribute("aria-pressed", "true")
    await agree.click()
    await expect(agree).to_have_attribute("aria-pressed", "false")
    assert not home.agents["fridge"].engine.surroundings.consent.placements
    await page.get_by_role("button", name="Left alone").click()
    await expect(page.locator("#answer")).to_have_text("Refused: no consent")


async def test_without_its_token_the_page_only_reads(home: Home) -> None:
    endpoint = home.endpoints["tv"]
    page = await home.open(base=endpoint.url)
    await expect(page.get_by_role("button", name="Close", exact=True)).to_be_disabled()
    await page.get_by_label("Paste the agent's token").fill(endpoint.token or "")
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Do not disturb").click()
    await expect(page.get_by_role("button", name="Disturb me again")).to_be_visible()
    assert home.agents["tv"].engine.surroundings.device.do_not_disturb


async def test_a_wrong_token_is_asked_for_again(home: Home) -> None:
    endpoint = home.endpoints["tv"]
    page = await home.open(base=endpoint.url)
    for token, answer in (
        ("not-the-token", "That did not work: That is not this agent's token."),
        (endpoint.token, "Done."),
    ):
        await page.get_by_label("Paste the agent's token").fill(token or "")
        await page.keyboard.press("Enter")
        await page.get_by_role("button", name="Do not disturb").click()
        await expect(page.locator("#answer")).to_contain_text(answer)
    await expect(page.locator("#unlock")).to_be_hidden()
    assert [said for said in home.complaints if "403" not in said] == []
    home.complaints.clear()


async def test_a_button_among_the_facts_keeps_the_focus_whatever_changes(home: Home) -> None:
    page = await home.open("agents/speaker/")
    home.moment("speaker", MomentKind.ASSISTANT_ANSWERED, "weather")
    listen = page.get_by_role("button", name="Play the sound")
    await listen.focus()
    home.agents["speaker"].hear("hey kitchen")
    await expect(page.locator("#facts")).to_contain_text("hey kitchen")
    await expect(listen).to_be_focused()


async def test_why_a_play_failed_is_said_beside_it(home: Home) -> None:
    page = await home.open("agents/speaker/")
    agent = home.agents["speaker"]
    home.moment("speaker", MomentKind.ASSISTANT_ANSWERED, "weather")
    playing = PlayId(agent.plays(1)[0]["play_id"])
    agent.inject(ev.PlayProgressed(PlayEvent(playing, PlayEventKind.ERROR, agent.now(), 900, "The cable is out.")))
    await expect(page.locator("#plays")).to_contain_text("failedThe cable is out.")


async def test_a_token_in_the_address_is_taken_out_of_sight(home: Home) -> None:
    endpoint = home.endpoints["tv"]
    page = await home.open(f"#token={endpoint.token}", base=endpoint.url)
    await expect(page.locator("#unlock")).to_be_hidden()
    assert page.url == endpoint.url


async def test_what_an_advertiser_wrote_is_never_markup(home: Home) -> None:
    page = await home.open("agents/tv/")
    home.agents["tv"].hear("<img src=x onerror=alert(1)>")
    await expect(page.locator(".bubble.heard")).to_have_text("<img src=x onerror=alert(1)>")
    assert await page.locator(".bubble img, #facts img").count() == 0


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "en",
            [
                "Files come from",
                "https://cdn.example/fleet · 12 MiB · files it did not have: 2",
                "Broker · 0 B",
                "The mirror https://cdn.example/fleet is too slow, or",
            ],
        ),
        (
            "zh-CN",
            [
                "文件来源",
                "https://cdn.example/fleet · 12 MiB · 缺少 2 个文件",
                "消息服务器 · 0 B",
                "下载服务器无法访问",
            ],
        ),
    ],
    ids=["en", "zh"],
)
async def test_where_files_come_from_is_said_where_there_are_mirrors(
    home: Home, language: str, said: list[str]
) -> None:
    endpoint = home.endpoints["tv"]
    without = await home.open(base=endpoint.url, locale=language)
    await expect(without.locator("#facts")).to_be_visible()
    assert said[0] not in await without.locator("#facts").inner_text()
    problem = MirrorError("https://cdn.example/fleet", "is too slow, or says nothing").said()
    mirror = {"kind": "mirror", "url": "https://cdn.example/fleet", "received_bytes": 12 * 2**20, "lacks": 2}
    home.agents["tv"].mirrors = [AssetSourceView(**mirror, problem=str(problem), problem_said=said_view(problem))]  # type: ignore[typeddict-item]
    page = await home.open(base=endpoint.url, locale=language)
    for text in said:
        await expect(page.locator("#facts")).to_contain_text(text)


CONTRAST = """() => {
  const channel = (v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const parts = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.backgroundImage !== "none") return null;
      const [r, g, b, a = 1] = parts(style.backgroundColor);
      if (a === 1) return [r, g, b];
      if (a > 0) return null;
    }
    return [255, 255, 255];
  };
  const weak = [];
  for (const element of document.querySelectorAll("h1,h2,h3,p,span,a,button,th,td,dt,dd,strong,b,time,code")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    const behind = own && element.checkVisibility() && !element.disabled ? ground(element) : null;
    if (!behind) continue;
    const [a, b] = [light(parts(getComputedStyle(element).color)), light(behind)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const name = `${element.tagName}.${element.className} ${element.textContent.slice(0, 20)}`;
    if (ratio < 4.5) weak.push(`${name} ${ratio.toFixed(2)}`);
  }
  return weak;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["", "agents/tv/"])
async def test_text_stands_out_from_its_ground(home: Home, scheme: str, path: str) -> None:
    home.server.scene(MORNING, "Morning", "Light.")
    home.server.collector({"sealed_messages": 2, "sealed_bytes": 100, "sample_hex": "ab" * 40, "homes": 3})
    page = await home.open(path, color_scheme=scheme)
    home.moment("tv", MomentKind.POWER_ON)
    home.moment("tv", MomentKind.POWER_ON)
    home.agents["tv"].hear("hello home")
    await expect(page.locator('.chip[data-outcome="refused"]').first).to_be_visible()
    assert await page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("path", ["", "agents/tv/"])
async def test_the_page_has_its_landmarks_and_every_control_a_name(home: Home, path: str) -> None:
    page = await home.open(path)
    for landmark in (page.get_by_role("banner"), page.get_by_role("main"), page.get_by_role("contentinfo")):
        await expect(landmark).to_have_count(1)
    assert await page.locator("h1").count() == 1
    nameless = await page.locator("button, a, input").evaluate_all(
        "all => all.filter(e => !(e.textContent.trim() || e.ariaLabel || e.labels?.length)).map(e => e.outerHTML)"
    )
    assert nameless == []
    await page.keyboard.press("Tab")
    await expect(page.locator(".skip")).to_be_focused()
    outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


async def test_nothing_moves_for_those_who_asked_for_that(home: Home) -> None:
    page = await home.open()
    home.moment("speaker", MomentKind.ASSISTANT_ANSWERED, "weather")
    await expect(page.locator(".speaker .bubble.said")).to_be_visible()
    assert await page.evaluate("document.getAnimations().length") == 0
