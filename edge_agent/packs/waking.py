"""Shell: waiting for news, but not for ever."""

import asyncio
from datetime import timedelta


async def is_set_within(news: asyncio.Event, pause: timedelta | None) -> bool:
    """Wait until `news` is set, for `pause` at most where there is one. Returns whether it was."""
    try:
        async with asyncio.timeout(None if pause is None else pause.total_seconds()):
            await news.wait()
    except TimeoutError:
        return False
    return True
