"""What the application keeps for its handlers."""

import asyncio

from aiohttp import web

from edge_agent.debug.port import AgentPort
from edge_agent.debug.virtual import VirtualDevices

AGENT: web.AppKey[AgentPort] = web.AppKey("agent")
DEVICES = web.AppKey("devices", VirtualDevices)
CLOSING = web.AppKey("closing", asyncio.Event)
"""Set when the application shuts down, so that live streams end at once."""
STREAMS: web.AppKey[set[object]] = web.AppKey("streams")
"""The live streams that are open."""
