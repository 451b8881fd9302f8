"""The two pages in a real browser, for the tests of them: three small agents behind one home page."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from edge_agent.debug.serving import serve
from edge_agent.model import events as ev
from edge_agent.model.moment import Moment, MomentKind
from edge_agent.settings.rooms import DebugSettings
from edge_agent.standin.home import AgentEndpoint, HomeServer
from tests.small_agent import Kind, SmallAgent
from tests.small_shelf import small_shelf

CHROMIUM = Path("/usr/bin/chromium")
KINDS: tuple[Kind, ...] = ("tv", "speaker", "fridge")


@dataclass
class Home:
    """Three small agents behind one home page, and a browser that must never complain."""

    server: HomeServer
    url: str
    agents: dict[str, SmallAgent]
    endpoints: dict[str, AgentEndpoint]
    browser: Browser
    complaints: list[str]

    async def open(self, path: str = "", *, base: str = "", **settings: Any) -> Page:
        """Open a page and wait until its first device is there."""
        usual = {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", "reduced_motion": "reduce"}
        context = await self.browser.new_context(**{**usual, **settings})
        page = await context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.on("request", self._outside)
        await page.goto((base or self.url) + path)
        await expect(page.locator('.device[data-online="true"]').first).to_be_attached()
        return page

    def _outside(self, request: Any) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:")):
            self.complaints.append(f"fetched {request.url}")

    def moment(self, device: str, kind: MomentKind, topic: str = "") -> None:
        agent = self.agents[device]
        agent.inject(ev.MomentArose(Moment(kind, agent.now(), topic)))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def home(tmp_path: Path, browser: Browser) -> AsyncIterator[Home]:
    (tmp_path / "shelf").mkdir()
    catalog = small_shelf(tmp_path / "shelf")
    async with AsyncExitStack() as stack:
        agents: dict[str, SmallAgent] = {}
        endpoints: dict[str, AgentEndpoint] = {}
        for kind in KINDS:
            agents[kind] = SmallAgent(kind, catalog, tmp_path / kind)
            token_file = tmp_path / f"{kind}.token"
            doors = await stack.enter_async_context(serve(agents[kind], DebugSettings(port=0, token_file=token_file)))
            endpoints[kind] = AgentEndpoint(kind, kind, doors.url or "", token_file.read_text().strip())
        server = HomeServer(list(endpoints.values()))
        url = await stack.enter_async_context(server.serving())
        home = Home(server, url, agents, endpoints, browser, [])
        yield home
        for context in browser.contexts:
            await context.close()
        assert home.complaints == []
