"""A device's link to a broker, run for as long as a test needs it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from edge_agent.link.session import Link


@contextlib.asynccontextmanager
async def running(link: Link, within_s: float | None = 30) -> AsyncIterator[Link]:
    """Run the link inside; fail when that takes so long, or when the link gives up, which it never may."""
    task = asyncio.create_task(link.run())
    try:
        async with asyncio.timeout(within_s):
            yield link
        assert not task.done(), "the link gave up"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
