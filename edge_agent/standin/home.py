"""Shell (sockets): the demo's home page. One address for the whole home, live from its agents.

It serves the page, tells it the day's scenes and what the collector sees, and passes everything under
`/agents/<name>/` on to that agent with the agent's token, so that one page may show and touch all of them. It listens
on the loopback only and takes acts only from its own page: the same `Host` check as the agents' endpoint, and a
header that no page of another origin can send.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal, NotRequired, TypedDict

import aiohttp
from aiohttp import web

from edge_agent.debug.access import add_security_headers, names_loopback
from edge_agent.debug.reading import PAGE, page_file
from edge_agent.debug.refusals import Handler, RequestRefusedError, answer, refusal_response
from edge_agent.debug.said import SaidView
from edge_agent.model.errors import SettingsError
from edge_agent.standin.listening import ANOTHER_PORT, bind_trouble

HOME_PAGE: Final = Path(str(files("edge_agent.standin"))) / "home_page"
ACT_HEADER: Final = "X-Edge-Agent"
MAX_BODY_BYTES: Final = 64 * 1024
HEARTBEAT_S: Final = 10.0
SHUTDOWN_S: Final = 1.0
RETRY_S: Final = 0.5
MAX_LINE_BYTES: Final = 4 * 1024 * 1024
"""The longest message of an agent that is passed on: a snapshot with all its lists."""

Page = asyncio.Queue[str | None]
"""What one open page is to be told; None when there will be nothing more."""

Words = str | Mapping[str, str]
"""What a person reads: one text, or one for each language (`{"en": …, "zh": …}`)."""


@dataclass(frozen=True, slots=True)
class AgentEndpoint:
    """One agent of the home: its debug endpoint (`http://127.0.0.1:PORT/`) and the token to act with."""

    name: str
    kind: Literal["tv", "speaker", "fridge"]
    url: str
    token: str | None = field(default=None, repr=False)


class Estimate(TypedDict):
    """One row of what the collector works out: how many of `of` homes (else of all `homes`).

    `truth` is known to the demo only.
    """

    label: Words
    answer: str
    estimate: float
    low: float
    high: float
    truth: NotRequired[float | None]
    of: NotRequired[int]


class Answers(TypedDict):
    """How often one randomised answer was opened."""

    label: str
    answer: str
    count: int


class CollectorUpdate(TypedDict, total=False):
    """What the collector sees so far. Fields that are left out stay as they were."""

    sealed_messages: int
    sealed_bytes: int
    sample_hex: str
    """The first bytes of one sealed report, in hexadecimal."""
    homes: int
    epsilon: float
    answers: Sequence[Answers]
    estimates: Sequence[Estimate]
    simulated: Sequence[Estimate]
    """The same question asked of more homes than the demo has, where the truth is known."""


class Spoken(TypedDict):
    """A sentence of an agent: in English, and what it is made of for other languages."""

    en: str
    said: SaidView


class Table(TypedDict):
    """One table at the end of the day."""

    title: Words
    columns: Sequence[Words]
    rows: Sequence[Sequence[Words | Spoken | int | float]]


class HomeServer:
    """The home's page, for as long as `serving()` is entered; the conductor of the demo tells it the day.

    Every method returns at once and may be called before, while and after the page is open: a page that is opened
    late is told everything so far.
    """

    def __init__(self, agents: Sequence[AgentEndpoint], *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._agents = {agent.name: agent for agent in agents}
        self._host = host
        self._port = port
        self._scenes: list[dict[str, Any]] = []
        self._collector: dict[str, Any] = {}
        self._tables: list[Table] = []
        self._pages: set[Page] = set()
        self._client: aiohttp.ClientSession | None = None

    def scene(self, time: datetime, title: Words, text: Words = "") -> None:
        """Begin a scene at the simulated `time` (aware, in the home's zone). Decisions from then on belong to it."""
        self._scenes.append({"time": time.isoformat(), "title": title, "text": text})
        self._tell({"type": "scene", "scene": self._scenes[-1]})

    def collector(self, update: CollectorUpdate) -> None:
        """Show what the collector sees now."""
        self._collector.update(update)
        self._tell({"type": "collector", "collector": self._collector})

    def finished(self, *tables: Table) -> None:
        """Show the day in tables: what was placed, what was refused and why, what the collector could learn."""
        self._tables = list(tables)
        self._tell({"type": "finished", "tables": self._tables})

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve until left; yields the page's address. Raises SettingsError when the port is taken."""
        app = web.Application(middlewares=[_guard], client_max_size=MAX_BODY_BYTES)
        app.add_routes(
            [
                web.get("/", _get_home),
                web.get("/page/{name}", _get_shared),
                web.get("/home_page/{name}", _get_own),
                web.get("/home/events", self._get_events, allow_head=False),
                web.get("/agents/{agent}/{path:.*}", self._pass_on, allow_head=False),
                web.post("/agents/{agent}/{path:.*}", self._pass_on),
            ]
        )
        app.on_response_prepare.append(add_security_headers)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S, handler_cancellation=True)
        async with aiohttp.ClientSession(
            timeout=timeout, auto_decompress=False, read_bufsize=MAX_LINE_BYTES
        ) as self._client:
            await runner.setup()
            try:
                await web.TCPSite(runner, self._host, self._port).start()
                yield f"http://{self._host}:{runner.addresses[0][1]}/"
            except OSError as error:
                why = f"The home page cannot use port {self._port}: {bind_trouble(error)}."
                raise SettingsError(why, ANOTHER_PORT) from error
            finally:
                for page in self._pages:
                    page.put_nowait(None)
                await runner.cleanup()

    def _tell(self, message: Mapping[str, Any]) -> None:
        text = _event(message)
        for page in self._pages:
            page.put_nowait(text)

    async def _get_events(self, request: web.Request) -> web.StreamResponse:
        """Stream the day and all that the agents tell: one connection a page, since browsers allow few.

        Everything so far comes first. A demo is short, so that its queues are as well.
        """
        page: Page = asyncio.Queue()
        self._pages.add(page)
        followers = [asyncio.create_task(self._follow(agent, page)) for agent in self._agents.values()]
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        try:
            await response.prepare(request)
            text: str | None = _event(self._day())
            while text is not None:
                await response.write(text.encode())
                text = await _next(page)
        except ConnectionError:
            pass  # The page was closed.
        finally:
            self._pages.discard(page)
            for follower in followers:
                follower.cancel()
            await asyncio.gather(*followers, return_exceptions=True)
        return response

    async def _follow(self, agent: AgentEndpoint, page: "Page") -> None:
        """Pass on to `page` what the agent tells, for as long as the page is open; say so when it does not."""
        while True:
            try:
                async with await self._asked(agent, "GET", "v1/events") as answer:
                    async for line in answer.content:
                        if line.startswith(b"data: "):
                            told = line.removeprefix(b"data: ").decode().rstrip()
                            page.put_nowait(f'data: {{"type":"agent","name":"{agent.name}","message":{told}}}\n\n')
            except (aiohttp.ClientError, ValueError):
                pass  # It is not there (yet), or told more in one line than anybody would: begin again.
            page.put_nowait(_event({"type": "agent", "name": agent.name, "message": None}))
            await asyncio.sleep(RETRY_S)

    def _day(self) -> dict[str, Any]:
        agents = [{"name": agent.name, "kind": agent.kind} for agent in self._agents.values()]
        return {
            "type": "day",
            "agents": agents,
            "scenes": self._scenes,
            "collector": self._collector,
            "tables": self._tables,
        }

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        """Pass a request on to its agent and stream the answer back."""
        agent = self._agents.get(request.match_info["agent"])
        if agent is None:
            raise RequestRefusedError(HTTPStatus.NOT_FOUND, "There is no such agent in this home.", "Open / instead.")
        headers = {name: request.headers[name] for name in ("Content-Type", "Range") if name in request.headers}
        body = await request.read() if request.method == "POST" else None
        path = request.match_info["path"]
        asking = self._asked(agent, request.method, path, params=request.query, headers=headers, data=body)
        try:
            asked = await asking
        except aiohttp.ClientError:
            return refusal_response(HTTPStatus.BAD_GATEWAY, f"{agent.name} does not answer.", "Wait until it starts.")
        async with asked:
            return await _streamed(request, asked)

    async def _asked(self, agent: AgentEndpoint, method: str, path: str, **settings: Any) -> aiohttp.ClientResponse:
        """Ask the agent, with its token."""
        if self._client is None:
            raise RuntimeError("the home is not being served")
        headers = {**settings.pop("headers", {})}
        if agent.token is not None:
            headers["Authorization"] = f"Bearer {agent.token}"
        address = agent.url.rstrip("/") + "/" + path
        return await self._client.request(method, address, headers=headers, allow_redirects=False, **settings)


_PASSED: Final = ("Content-Type", "Content-Length", "Content-Range", "Accept-Ranges", "Content-Security-Policy")


async def _streamed(request: web.Request, asked: aiohttp.ClientResponse) -> web.StreamResponse:
    headers = {name: asked.headers[name] for name in _PASSED if name in asked.headers}
    response = web.StreamResponse(status=asked.status, headers=headers)
    try:
        await response.prepare(request)
        async for chunk in asked.content.iter_any():
            await response.write(chunk)
    except (ConnectionError, aiohttp.ClientError):
        pass  # One side left. The page begins again by itself.
    return response


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    if not names_loopback(request.headers.get("Host", "")):
        return refusal_response(HTTPStatus.MISDIRECTED_REQUEST, "This page is for 127.0.0.1 and localhost only.")
    if request.method == "POST" and request.headers.get(ACT_HEADER) != "page":
        return refusal_response(HTTPStatus.FORBIDDEN, "Only this home's own page may act.", "Use the agent's socket.")
    return await answer(request, handler)


async def _get_home(_: web.Request) -> web.Response:
    return await page_file("index.html", HOME_PAGE)


async def _get_own(request: web.Request) -> web.Response:
    return await page_file(request.match_info["name"], HOME_PAGE)


async def _get_shared(request: web.Request) -> web.Response:
    return await page_file(request.match_info["name"], PAGE)


async def _next(page: "Page") -> str | None:
    """Return what the page is told next; None when there will be nothing more."""
    try:
        async with asyncio.timeout(HEARTBEAT_S):
            return await page.get()
    except TimeoutError:
        return ": still here\n\n"


def _event(message: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(message, ensure_ascii=False, separators=(',', ':'))}\n\n"
