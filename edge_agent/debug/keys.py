"""What the application keeps for its handlers."""

import asyncio

from aiohttp import web

from edge_agent.debug.port import AgentPort
from edge_agent.debug.virtual import VirtualDevices
from edge_agent.model.moment import MomentPace

AGENT: web.AppKey[AgentPort] = web.AppKey("agent")
PACE: web.AppKey[MomentPace] = web.AppKey("pace")
"""Of the moments that come through this door, those in slots that are asked for included."""
DEVICES = web.AppKey("devices", VirtualDevices)
CLOSING = web.AppKey("closing", asyncio.Event)
"""Set when the application shuts down, so that live streams end at once."""
STREAMS: web.AppKey[set[object]] = web.AppKey("streams")
"""The live streams that are open."""
