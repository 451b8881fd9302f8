"""Tries once whether a broker takes a device, beside the agent and not in its place (shell: sockets)."""

import asyncio
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from edge_agent.link.connection import Connection
from edge_agent.link.dialling import dialled
from edge_agent.link.topics import Timestamp, format_topic
from edge_agent.link.versions import Version, VersionChoice
from edge_agent.settings.rooms import LinkSettings


@dataclass(frozen=True, slots=True)
class Tried:
    """What a broker that took us speaks, and whether anything `is_published` there for this fleet's devices."""

    version: Version
    is_published: bool


async def try_broker(settings: LinkSettings, patience: timedelta) -> Tried:
    """Connect as the device would, and look for packs; each may take `patience`.

    Its client name is no device's, so that it ends nobody's session, and it has no will. Raises UnreachedError where
    nobody answered, and LinkError for whatever else the device would find.
    """
    other = settings.model_copy(update={"device_id": f"check-{secrets.token_hex(4)}"})
    timeout_s = patience.total_seconds()
    async with dialled(other, VersionChoice(settings.protocol), timeout_s=timeout_s) as client:
        connection = Connection(client, answer_timeout_s=timeout_s)
        for refusal in (await connection.subscribe([(format_topic(settings.root, Timestamp()), 0)])).values():
            raise refusal
        is_published = False
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                is_published = bool((await anext(aiter(client.messages))).payload)
        return Tried(client.version, is_published)
