"""The preview of a pack, opened from the disk as a person does it: on a phone, by keyboard, in both languages."""

import shutil
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.unit.cli.commands import edge_agent

CHROMIUM = shutil.which("chromium") or ""
PACK = Path(str(files("edge_agent.standin") / "packs")) / "puddle-boots"

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")]


def test_the_page_works_on_a_phone_by_keyboard_and_in_both_languages(tmp_path: Path) -> None:
    shutil.copytree(PACK, tmp_path / "puddle-boots")
    done = edge_agent("fleet", "pack", "preview", tmp_path / "puddle-boots", "--out", tmp_path / "preview")
    assert done.returncode == 0, done.stderr
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 360, "height": 740})
        failed: list[str] = []
        page.on("requestfailed", lambda request: failed.append(request.url))
        page.goto((tmp_path / "preview" / "index.html").as_uri())
        look(page)
        page.wait_for_function("[...document.querySelectorAll('audio')].every(audio => audio.duration > 0)")
        assert failed == []
        browser.close()


def look(page: Page) -> None:
    """Look at the page in English, then press the keys that turn it Chinese and show the safe areas."""
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.get_by_text("Dialogue", exact=True).is_visible()
    assert not page.get_by_text("对话", exact=True).is_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert page.get_by_text("对话", exact=True).is_visible()
    assert not page.get_by_text("Dialogue", exact=True).is_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.get_by_label("显示安全区").is_checked()
    assert page.locator("article").count() == 2
    summary = page.locator("details summary").last
    was_open = summary.locator("xpath=..").get_attribute("open")
    summary.focus()
    page.keyboard.press("Enter")
    assert summary.locator("xpath=..").get_attribute("open") != was_open


def test_a_tall_screen_is_seen_whole_at_a_glance(tmp_path: Path) -> None:
    done = edge_agent("fleet", "pack", "preview", PACK.with_name("green-valley"), "--out", tmp_path / "preview")
    assert done.returncode == 0, done.stderr
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto((tmp_path / "preview" / "index.html").as_uri())
        page.wait_for_function("document.querySelector('.screen img').naturalWidth > 0")
        box = page.locator(".screen img").bounding_box()
        assert box is not None
        assert box["height"] <= 720
        assert box["width"] / box["height"] == pytest.approx(1080 / 1920, rel=0.01)
        browser.close()
