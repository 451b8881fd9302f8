"""Shell: reads what may be shown again and again, slowly: a bad disk must not put garbage on the screen for long."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from edge_agent.model.errors import StorageError
from edge_agent.packs.shelf import Shelf
from edge_agent.packs.threads import in_thread
from edge_agent.troubles import Troubles

FIRST_BYTES_PER_S: Final = 8 * 2**20
"""How fast the first pass reads, right after the start."""

ROUND: Final = timedelta(days=1)
"""How long every later pass takes; a little is read now and then, so that nobody waits for the disk."""


async def scrub(
    shelf: Shelf, on_damaged: Callable[[str], None], troubles: Troubles, *, every: timedelta = ROUND
) -> None:
    """Read every asset on the shelf for as long as this runs; what has changed is removed from the disk.

    `on_damaged` is told the target name of each pack that shows it. A disk that cannot be read is told of once, and
    tried again.
    """
    is_first = True
    while True:
        shown = shelf.shown_assets()
        total_bytes = sum(asset.length for _, asset in shown)
        for _, asset in shown:
            try:
                is_sound = await in_thread(shelf.store.is_sound, asset)
            except StorageError as error:
                troubles.begin("packs directory", error)
            else:
                if not is_sound:
                    # Hours may have gone by: what was cleared meanwhile, since a newer version plays, is no damage.
                    now_shown = shelf.shown_assets()
                    for name in sorted({name for name, other in now_shown if other.sha256 == asset.sha256}):
                        on_damaged(name)
            slow_s = every.total_seconds() * asset.length / total_bytes
            await asyncio.sleep(min(slow_s, asset.length / FIRST_BYTES_PER_S) if is_first else slow_s)
        if not shown:
            await asyncio.sleep(min(60.0, every.total_seconds()))
        is_first = is_first and not shown
