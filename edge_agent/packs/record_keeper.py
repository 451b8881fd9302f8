"""Shell: keeps shelf.json like the shelf, so that it stands again after a restart."""

import asyncio
from collections.abc import Callable

from edge_agent.model.errors import StorageError
from edge_agent.packs.fetching.allowance import Meter
from edge_agent.packs.shelf import Shelf
from edge_agent.packs.shelf_record import write_record
from edge_agent.packs.threads import in_thread
from edge_agent.packs.trust.repository import Repository
from edge_agent.troubles import Troubles


class RecordKeeper:
    """Writes the record of `shelf`. `meter` says what assets took; None where no restart has to know it."""

    def __init__(self, shelf: Shelf, meter: Callable[[], Meter] | None, troubles: Troubles) -> None:
        self._shelf = shelf
        self._meter = meter
        self._troubles = troubles
        self._saving = asyncio.Lock()
        self._is_saved = True

    async def save(self, repository: Repository | None = None) -> None:
        """Write the record if it changed, or could not be written before. One writer at a time, so the last wins.

        It has the versions of `repository` when one was just verified. Raises StorageError.
        """
        async with self._saving:
            record = self._shelf.next_record(repository)
            if self._meter is not None:
                meter = self._meter()
                record = record.model_copy(update={"day": meter.day, "spent_bytes": meter.booked_bytes})
            if record == self._shelf.record and self._is_saved:
                return
            self._shelf.record, self._is_saved = record, False
            await in_thread(self._shelf.store.write_record, write_record(record))
            self._is_saved = True

    async def save_quietly(self) -> None:
        """Write the record; that it cannot be is a trouble."""
        try:
            await self.save()
        except StorageError as error:
            self._troubles.begin("packs directory", error)
