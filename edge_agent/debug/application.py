"""The one HTTP application behind both doors: every route, in one table."""

import asyncio
from typing import Final

from aiohttp import web

from edge_agent.debug import acting as act
from edge_agent.debug import reading as get
from edge_agent.debug.access import ACCESS, Access, acting, add_security_headers, guard
from edge_agent.debug.keys import AGENT, CLOSING, DEVICES, PACE, STREAMS
from edge_agent.debug.live import get_events
from edge_agent.debug.port import AgentPort
from edge_agent.debug.slots import post_slot
from edge_agent.debug.virtual import VirtualDevices
from edge_agent.model.moment import MomentPace

MAX_BODY_BYTES: Final = 64 * 1024


def make_application(agent: AgentPort, access: Access) -> web.Application:
    """Return the application for one door: the same routes, with that door's rules on who may act."""
    app = web.Application(middlewares=[guard], client_max_size=MAX_BODY_BYTES)
    app[AGENT] = agent
    app[ACCESS] = access
    app[DEVICES] = VirtualDevices(agent.runtime_directory, agent.asset_roots)
    app[PACE] = MomentPace()
    app[CLOSING] = asyncio.Event()
    app[STREAMS] = set()
    app.add_routes(
        [
            web.get("/", get.get_page),
            web.get("/page/{name}", get.get_page_part),
            web.get("/health", get.get_health),
            web.get("/metrics", get.get_metrics),
            web.get("/v1/state", get.get_state),
            web.get("/v1/packs", get.get_packs),
            web.get("/v1/decisions", get.get_decisions),
            web.get("/v1/plays", get.get_plays),
            web.get("/v1/events", get_events, allow_head=False),
            web.get("/v1/screen", get.get_screen),
            web.get("/v1/screen/asset", get.get_screen_asset),
            web.get("/v1/speaker", get.get_speaker),
            web.get("/v1/speaker/last.wav", get.get_sound),
            web.post("/v1/moments", acting(act.post_moment)),
            web.post("/v1/state", acting(act.post_state)),
            web.post("/v1/press", acting(act.post_press)),
            web.post("/v1/slots", acting(post_slot)),
            web.post("/v1/plays/{play_id}/events", acting(act.post_play_event)),
            web.post("/v1/resident", acting(act.post_resident)),
            web.post("/v1/erase", acting(act.post_erase)),
            web.post("/v1/standin/clock", acting(act.post_clock)),
        ]
    )
    app.on_response_prepare.append(add_security_headers)
    app.on_shutdown.append(_end_streams)
    return app


async def _end_streams(app: web.Application) -> None:
    app[CLOSING].set()
