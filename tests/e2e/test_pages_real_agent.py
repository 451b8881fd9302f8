"""The page of a real agent process: a signed pack arrives, its picture is on the screen, one click takes it away."""

import tomllib
from pathlib import Path

import pytest
from playwright.async_api import async_playwright, expect

from edge_agent.standin.home import AgentEndpoint, HomeServer
from tests.brokers import RunningBroker
from tests.e2e.homes import Fleet, make_device, running, shelved

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed (apt-get install chromium)"),
]


async def test_a_real_fridge_is_seen_agreed_with_and_closed_in_the_browser(
    tmp_path: Path, own_broker: RunningBroker
) -> None:
    fleet = Fleet(tmp_path / "fleet", own_broker)
    await fleet.publish_sample("green-valley")
    device = make_device("fridge", tmp_path, broker_port=own_broker.port, root_json=fleet.root_json)
    async with running(device), async_playwright() as playwright:
        await shelved(device)
        debug = tomllib.loads(device.config.read_text("utf-8"))["debug"]
        token = (device.folder / debug["token_file"]).read_text("utf-8").strip()
        endpoint = AgentEndpoint("fridge", "fridge", f"http://127.0.0.1:{debug['port']}/", token)
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        async with HomeServer([endpoint]).serving() as home:
            page = await browser.new_page(viewport={"width": 1280, "height": 900}, locale="en-GB")
            await page.goto(f"{home}agents/fridge/")
            await expect(page.locator("#packs")).to_contain_text("Green Valley")
            await expect(page.locator("#packs")).to_contain_text("Goes first: its flight ends on")
            await page.get_by_role("button", name="Left alone").click()
            await expect(page.locator("#answer")).to_have_text("Refused: no consent")
            await page.get_by_role("button", name="Placements are welcome").click()
            await expect(page.locator('[data-id="placements"]')).to_have_attribute("aria-pressed", "true")
            await page.get_by_role("button", name="Left alone").click()
            picture = page.locator(".poster img")
            await expect(picture).to_be_visible(timeout=15_000)
            await page.wait_for_function("document.querySelector('.poster img')?.naturalWidth > 0")
            await expect(page.locator("#packs")).to_contain_text("Stays: it plays now")
            await page.keyboard.press("Escape")
            await expect(picture).to_have_count(0)
            await expect(page.locator("#plays")).to_contain_text("closed (by a press)")
            await expect(page.locator("#packs")).to_contain_text("Goes first: its flight ends on")
            await page.locator("#language").click()
            await expect(page.locator("#packs")).to_contain_text("投放将于")
        await browser.close()
