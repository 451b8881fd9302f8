"""The GET handlers: everything that may be read, none of which changes anything."""

import asyncio
import re
from http import HTTPStatus
from importlib.resources import files
from pathlib import Path
from typing import Final

from aiohttp import web

from edge_agent.debug.keys import AGENT, DEVICES
from edge_agent.debug.refusals import RequestRefusedError

PAGE: Final = Path(str(files("edge_agent.debug"))) / "page"
"""The page's files: HTML, CSS and ES modules, served as they are."""

MAX_LISTED: Final = 500
_NUMBER: Final = re.compile("[0-9]{1,9}")
DEFAULT_LISTED: Final = 50

PAGE_TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}


async def get_health(request: web.Request) -> web.Response:
    """200 while it works, degraded included; 503 while it starts."""
    health = request.app[AGENT].health()
    starting = health["status"] == "starting"
    return web.json_response(health, status=HTTPStatus.SERVICE_UNAVAILABLE if starting else HTTPStatus.OK)


async def get_state(request: web.Request) -> web.Response:
    """Return the device, the resident's wishes and the broker."""
    return web.json_response(request.app[AGENT].state())


async def get_packs(request: web.Request) -> web.Response:
    """Return the shelf, and how much room it has."""
    agent = request.app[AGENT]
    return web.json_response({"packs": list(agent.packs()), "budget_bytes": agent.packs_budget_bytes})


async def get_decisions(request: web.Request) -> web.Response:
    """Return decisions with their reasons, newest first; `?limit=` up to 500."""
    return web.json_response({"decisions": list(request.app[AGENT].decisions(limit_of(request)))})


async def get_plays(request: web.Request) -> web.Response:
    """Return plays with their events, newest first; `?limit=` up to 500."""
    return web.json_response({"plays": list(request.app[AGENT].plays(limit_of(request)))})


async def get_metrics(request: web.Request) -> web.Response:
    """Return Prometheus' text format."""
    headers = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
    return web.Response(body=request.app[AGENT].metrics(), headers=headers)


async def get_screen(request: web.Request) -> web.Response:
    """Return what the virtual screen shows."""
    return web.json_response(request.app[DEVICES].screen())


async def get_screen_asset(request: web.Request) -> web.FileResponse:
    """Return the file on the virtual screen. An SVG gets no scripts, wherever it is opened."""
    media = request.app[DEVICES].screen_asset()
    if media is None:
        raise RequestRefusedError(HTTPStatus.NOT_FOUND, "The screen shows nothing.", "Ask /v1/screen first.")
    confined = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
    return web.FileResponse(media.path, headers={"Content-Type": media.mime, "Content-Security-Policy": confined})


async def get_speaker(request: web.Request) -> web.Response:
    """Return what the virtual speaker says."""
    return web.json_response(request.app[DEVICES].speaker())


async def get_sound(request: web.Request) -> web.FileResponse:
    """Return the last WAV that the virtual speaker played."""
    path = request.app[DEVICES].last_sound()
    if path is None:
        raise RequestRefusedError(HTTPStatus.NOT_FOUND, "The speaker has not said anything yet.", "Try again later.")
    return web.FileResponse(path, headers={"Content-Type": "audio/wav"})


async def get_page(_: web.Request) -> web.Response:
    """Return the agent's page."""
    return await page_file("index.html")


async def get_page_part(request: web.Request) -> web.Response:
    """Return one file of the page."""
    return await page_file(request.match_info["name"])


async def page_file(name: str, folder: Path = PAGE) -> web.Response:
    """Return the page's file of that name; only names that are in the folder exist.

    It is read whole: aiohttp's FileResponse leaves a file open whose reader is stopped while it is opened.
    """
    mime = PAGE_TYPES.get(Path(name).suffix)
    if mime is None or name not in await asyncio.to_thread(_names, folder):
        raise RequestRefusedError(HTTPStatus.NOT_FOUND, "There is no such page.", "Open / instead.")
    content = await asyncio.to_thread((folder / name).read_bytes)
    return web.Response(body=content, headers={"Content-Type": f"{mime}; charset=utf-8"})


def _names(folder: Path) -> frozenset[str]:
    return frozenset(path.name for path in folder.iterdir())


def limit_of(request: web.Request) -> int:
    """Return the query's `limit`. Raises RequestRefusedError (400) when it is no whole number from 1 to 500."""
    given = request.query.get("limit", str(DEFAULT_LISTED))
    if not (_NUMBER.fullmatch(given) and 1 <= int(given) <= MAX_LISTED):
        raise RequestRefusedError(
            HTTPStatus.BAD_REQUEST, f"`limit`: must be a whole number from 1 to {MAX_LISTED}.", "Leave it out for 50."
        )
    return int(given)
