"""Shell: looks at the signed repository, at its own pace and when it may have changed, and puts the shelf in order.

What it finds it brings as far as small documents go; assets are the supply's.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from edge_agent.model.errors import EdgeAgentError, StorageError, UntrustedError
from edge_agent.packs.catalog_builder import shown_assets
from edge_agent.packs.clock_watch import ClockWatch
from edge_agent.packs.formats.revocations import TARGET as REVOKED
from edge_agent.packs.intake import (
    bring_documents,
    note_broken_roles,
    packs_to_read,
    packs_without_share,
    place_entries,
    wanted_documents,
)
from edge_agent.packs.pauses import Breath, backoff, breath_s, is_about_the_link, spread
from edge_agent.packs.record_keeper import RecordKeeper
from edge_agent.packs.shelf import Shelf
from edge_agent.packs.source import Source
from edge_agent.packs.supply import Supply
from edge_agent.packs.telling import Telling
from edge_agent.packs.threads import in_thread
from edge_agent.packs.trust.first_root import refuse_damaged
from edge_agent.packs.trust.metadata import Metadata
from edge_agent.packs.trust.repository import CONFIG_ROLE, Known, Repository
from edge_agent.packs.waking import is_set_within
from edge_agent.settings.rooms import PacksSettings
from edge_agent.troubles import Troubles

_log = logging.getLogger(__name__)

Rest = Callable[[float], Awaitable[None]]
"""Waits for so many seconds between looks that found nothing new, whoever asks for one meanwhile."""

_FIRST_LOOK: Final = timedelta(seconds=30)
_FIRST_PAUSE: Final = timedelta(seconds=2)
_LONGEST_PAUSE: Final = timedelta(minutes=5)


class Lookout:
    """Keeps the shelf's entries and documents like the repository that `source` has.

    `load` has the shelf stand from the disk, if it could not be read at the start and still may. `rest` waits between
    looks that found nothing new.
    """

    def __init__(
        self,
        settings: PacksSettings,
        shelf: Shelf,
        source: Source,
        supply: Supply,
        records: RecordKeeper,
        telling: Telling,
        troubles: Troubles,
        clock: ClockWatch,
        *,
        now: Callable[[], datetime],
        draw: Callable[[], float],
        load: Callable[[], Awaitable[None]],
        rest: Rest,
    ) -> None:
        self._settings = settings
        self._shelf = shelf
        self._source = source
        self._supply = supply
        self._records = records
        self._telling = telling
        self._troubles = troubles
        self._clock = clock
        self._now = now
        self._draw = draw
        self._load = load
        self._wake = asyncio.Event()
        self._rest = rest
        self._verified_timestamp = b""
        self._cut_off = False
        self._metadata = Metadata(shelf.store)
        self.checked_at: datetime | None = None
        """When the repository was last verified."""
        self.problem = ""
        """Why the last look failed, as one sentence; empty when it did not."""
        source.on_timestamp(self._on_timestamp)

    def look(self) -> None:
        """Look at the repository now."""
        self._wake.set()

    def _on_timestamp(self, content: bytes) -> None:
        """Take a new timestamp, or the one that comes with each new connection."""
        if content != self._verified_timestamp or self._cut_off:
            self._wake.set()
        self._supply.link_is_back()

    async def read_root(self) -> bytes:
        """Read and return the root.json of provisioning. Raises UntrustedError when there is none, or half of one."""
        try:
            root = await in_thread(self._settings.root_json.read_bytes)
        except OSError as error:
            raise UntrustedError(
                f"This device has no root of trust: {self._settings.root_json} cannot be read.",
                "Copy root.json from the fleet folder there.",
            ) from error
        refuse_damaged(root, self._settings.root_json)
        self._shelf.root = root
        return root

    async def run(self) -> None:
        """Look until cancelled."""
        try:
            await self._look_again_and_again()
        finally:
            self._metadata.close()

    async def _look_again_and_again(self) -> None:
        # The retained timestamp says that there is something to fetch. Asking a broker that holds none for metadata
        # would wait out its silence, and miss what is published meanwhile.
        await is_set_within(self._wake, _FIRST_LOOK)
        loop, breath, failures = asyncio.get_running_loop(), Breath(), 0
        while True:
            self._wake.clear()
            known, began_at_s = self._verified_timestamp, loop.time()
            # Whoever floods the timestamp's topic with garbage gets one look in ten seconds at most: each reads the
            # repository, and writes what it found to a memory card.
            try:
                await self._refresh()
            except EdgeAgentError as error:
                failures += 1
                self.problem = error.for_person()
                self._report(error)
                self._cut_off = is_about_the_link(error)
                await self._rest(breath_s(failures))
            else:
                failures = 0
                self._cut_off = False
                self.problem = ""
                self._troubles.end("repository")
                news = self._verified_timestamp != known
                await self._rest(breath.after(began_at_s=began_at_s, ended_at_s=loop.time(), news=news))
            pause = backoff(failures, self._draw(), _FIRST_PAUSE, _LONGEST_PAUSE)
            await is_set_within(self._wake, pause or spread(self._settings.refresh_every, self._draw()))

    def _report(self, error: EdgeAgentError) -> None:
        if is_about_the_link(error):
            self._troubles.begin("repository", error, logging.INFO)  # the link warns of what is its own
        else:
            self._troubles.begin("repository", error)

    async def _refresh(self) -> None:
        """Verify what is new, take down what is no longer signed at once, then bring what is."""
        root = await self.read_root()
        await self._load()
        record = self._shelf.record
        known = Known(record.floor, record.root_version, record.version)
        repository, hindered = await self._metadata.verify(root, self._source, self._now(), known)
        if hindered is not None and self._shelf.may_be_loaded:
            raise hindered  # nothing stands that could be revoked
        failures: list[EdgeAgentError | None] = [hindered]
        async with self._supply.entries_lock:
            before = self._shelf.needed_assets()
            if self._shelf.drop_unsigned(repository):
                failures.append(await self._take_down())
            failures.extend(await self._heed_revocations(repository))
            packs = packs_to_read(repository, self._shelf)
            left_out = await packs_without_share(repository, self._shelf, packs)
            names = [*wanted_documents(repository, self._telling.wanted), *packs]
            wanted = [name for name in names if name not in left_out]
            failures.append(
                await bring_documents(repository, self._shelf, self._source, wanted, self._settings.window)
            )
            left_out = await place_entries(repository, self._shelf, self._troubles, left_out)
            await self._remove_unneeded(before)
        if not any(failures) and not repository.broken and self._shelf.has_all_manifests():
            self._shelf.be_sure()
            self._troubles.end("shelf")
        failures.append(await self._write(repository))
        self.checked_at = self._now()
        self._clock.judge()
        self._telling.announce()
        if CONFIG_ROLE not in repository.broken:
            self._telling.withdraw_absent(repository.files.keys())
        is_news = (repository.version, repository.root_version) != (known.version, known.root_version)
        self._supply.replan(again=is_news)
        note_broken_roles(repository, self._troubles, left_out)
        self._verified_timestamp = await in_thread(self._metadata.timestamp)
        await in_thread(self._shelf.store.reserve.fill)
        for failure in failures:
            if failure is not None:
                raise failure

    async def _heed_revocations(self, repository: Repository) -> list[EdgeAgentError | None]:
        """Bring the deny list before anything else, and live by it at once, whatever the disk makes of it."""
        if REVOKED not in repository.files:
            return []
        before, needed = self._shelf.revocations, self._shelf.needed_assets()
        failures = [await bring_documents(repository, self._shelf, self._source, [REVOKED], 1)]
        if self._shelf.revocations != before:
            failures.append(await self._take_down())
            await self._remove_unneeded(needed)
            if any(failures):  # what went may have made room
                again = await bring_documents(repository, self._shelf, self._source, [REVOKED], 1)
                failures = [again, await self._write(None)]
        return failures

    async def _remove_unneeded(self, before: frozenset[str]) -> None:
        """Remove at once those of the assets `before` that nothing needs any more: they were revoked, or never shown.

        What was shown until a newer version came whole in the middle of a look stays for as long as it always does.
        """
        shown = shown_assets(self._telling.catalog)
        gone = before - self._shelf.needed_assets() - self._shelf.leaving - shown
        try:
            removed = await in_thread(self._shelf.store.remove_assets, gone)
        except StorageError as error:
            self._troubles.begin("packs directory", error)
        else:
            if removed:
                _log.info("Removed %d files of what plays no more.", removed)

    async def _take_down(self) -> StorageError | None:
        """Tell that something may play no more; but first write it down, for the power may go, and the network."""
        failure = await self._write(None)
        self._telling.announce()
        self._supply.replan()
        return failure

    async def _write(self, repository: Repository | None) -> StorageError | None:
        """Write the record; return why it could not be: what is known holds all the same."""
        try:
            await self._records.save(repository)
        except StorageError as error:
            return error
        return None
