"""`GET /v1/events`: everything as it happens, as server-sent events (WHATWG HTML, section 9.2).

Each message is one JSON object of `shapes.LiveMessage` in one `data:` line. The first is a whole snapshot, and so is
the one after a `dropped`; a client needs no other request and no memory of what it missed.
"""

import asyncio
import json
from http import HTTPStatus
from typing import Final, cast

from aiohttp import web

from edge_agent.debug.access import may_act
from edge_agent.debug.feed import Subscription
from edge_agent.debug.keys import AGENT, CLOSING, DEVICES, STREAMS
from edge_agent.debug.leaving import leaving
from edge_agent.debug.messages import LiveMessage, ScreenMessage, Snapshot, SpeakerMessage
from edge_agent.debug.port import AgentPort
from edge_agent.debug.refusals import RequestRefusedError
from edge_agent.debug.shapes import PlayView, SpeakerView
from edge_agent.debug.virtual import VirtualDevices
from edge_agent.model.errors import StorageError

MAX_STREAMS: Final = 32
HEARTBEAT_S: Final = 10.0
"""How often a comment is sent when nothing happens, so that a connection that died without a word is noticed."""
LISTED: Final = 200
"""How many decisions and plays a snapshot holds."""


async def get_events(request: web.Request) -> web.StreamResponse:
    """Stream until the client leaves or the agent stops. 503 when too many are open."""
    streams, mine = request.app[STREAMS], object()
    if len(streams) >= MAX_STREAMS:
        raise RequestRefusedError(
            HTTPStatus.SERVICE_UNAVAILABLE, f"{MAX_STREAMS} live streams are open already.", "Close some pages."
        )
    streams.add(mine)
    try:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await _stream(request, response)
    except ConnectionError:
        pass  # The client left; that is how every stream ends.
    finally:
        streams.discard(mine)
    return response


async def _stream(request: web.Request, response: web.StreamResponse) -> None:
    outgoing: asyncio.Queue[LiveMessage] = asyncio.Queue(maxsize=1)
    with request.app[AGENT].subscribe() as happenings, leaving(request) as left:
        await _send(response, snapshot(request))
        tasks = [
            asyncio.create_task(_pump(happenings, outgoing)),
            asyncio.create_task(_watch(request.app[DEVICES], outgoing)),
            asyncio.create_task(_write(request, response, outgoing)),
            asyncio.create_task(request.app[CLOSING].wait()),
            asyncio.create_task(left.wait()),
        ]
        try:
            ended, _ = await asyncio.wait(tasks[2:], return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _write(request: web.Request, response: web.StreamResponse, outgoing: "asyncio.Queue[LiveMessage]") -> None:
    while True:
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                message = await outgoing.get()
        except TimeoutError:
            await response.write(b": still here\n\n")
            continue
        await _send(response, message)
        if message["type"] == "dropped":
            await _send(response, snapshot(request))


async def _pump(happenings: Subscription, outgoing: "asyncio.Queue[LiveMessage]") -> None:
    async for message in happenings:
        await outgoing.put(message)


async def _watch(devices: VirtualDevices, outgoing: "asyncio.Queue[LiveMessage]") -> None:
    async for view in devices.changes():
        if "speaking" in view:
            await outgoing.put(SpeakerMessage(type="speaker", speaker=cast("SpeakerView", view)))
        else:
            await outgoing.put(ScreenMessage(type="screen", screen=view))


async def _send(response: web.StreamResponse, message: LiveMessage) -> None:
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    await response.write(f"data: {text}\n\n".encode())


def snapshot(request: web.Request) -> Snapshot:
    """Return everything at once, as this client may see it."""
    agent, devices = request.app[AGENT], request.app[DEVICES]
    return Snapshot(
        type="snapshot",
        state=agent.state(),
        packs=list(agent.packs()),
        decisions=list(agent.decisions(LISTED)),
        plays=_plays(agent),
        screen=devices.screen(),
        speaker=devices.speaker(),
        may_act=may_act(request),
    )


def _plays(agent: AgentPort) -> list[PlayView]:
    """Return what was rendered; nothing while the disk lets none of it be read, which `/v1/plays` says."""
    try:
        return list(agent.plays(LISTED))
    except StorageError:
        return []
