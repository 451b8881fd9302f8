"""Shell: fetches the assets of packs, one pack after another, within the budget, and takes old ones off the disk."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from typing import Final

from edge_agent.model.errors import EdgeAgentError, IncompleteError, StorageError
from edge_agent.model.shelf_room import Playing
from edge_agent.model.wording import Said
from edge_agent.packs.fetching.allowance import Hold, Meter
from edge_agent.packs.fetching.download import complete_pack
from edge_agent.packs.formats.manifest import MAX_CHUNK_BYTES, shelf_name
from edge_agent.packs.pauses import is_about_the_link
from edge_agent.packs.retries import FIRST_PAUSE, LATER
from edge_agent.packs.room_plan import RoomPlan, plan_room
from edge_agent.packs.shelf import Shelf
from edge_agent.packs.shelf_record import Entry
from edge_agent.packs.source import ChunkSource
from edge_agent.packs.threads import in_thread
from edge_agent.packs.waking import is_set_within
from edge_agent.settings.rooms import PacksSettings
from edge_agent.troubles import Troubles

_log = logging.getLogger(__name__)

GRACE: Final = timedelta(minutes=1)
"""Assets that left the shelf stay on disk so long, since a hook may be about to open one."""


class Supply:
    """Completes what the shelf's entries still lack. `on_shelved` is called whenever a pack became complete.

    `on_spent` is called when what the meter has booked, or what came to nothing, is to be written down. `on_room` is
    called when others have room than before, and so others may play, `on_waiting` when `failed` has changed.

    A topic that is absent or wrong is asked for once a round; rounds that fail are repeated ever more rarely, at
    last every `refresh_every`, so that a broken pack costs a bounded amount of traffic.
    """

    def __init__(
        self,
        settings: PacksSettings,
        shelf: Shelf,
        source: ChunkSource,
        troubles: Troubles,
        on_shelved: Callable[[Entry], None],
        on_spent: Callable[[], Awaitable[None]],
        *,
        now: Callable[[], datetime],
        draw: Callable[[], float],
        clock_trusted: Callable[[], bool],
        meter: Meter,
        on_room: Callable[[], Awaitable[None]],
        on_waiting: Callable[[], None],
        playing: Callable[[], Playing],
        zone: tzinfo,
    ) -> None:
        self._settings = settings
        self._shelf, self._source = shelf, source
        self._troubles = troubles
        self._on_shelved, self._on_spent = on_shelved, on_spent
        self._now, self._draw = now, draw
        self._clock_trusted = clock_trusted
        self._on_room, self._on_waiting = on_room, on_waiting
        self._playing, self._zone = playing, zone
        self._hold: Hold | None = None
        self._cut_off = False
        self._changed = asyncio.Event()
        self._current: tuple[Entry, asyncio.Task[None]] | None = None
        self.meter = meter
        """Counts what assets take; replaced once what was counted before the start is known."""
        self.missing_bytes: dict[str, int] = {}
        self.failed: dict[str, Said] = {}
        self.entries_lock = asyncio.Lock()
        """Held while documents are kept that no entry names yet, so that they are not taken for old ones."""

    def replan(self, *, again: bool = True) -> None:
        """Look at the entries again now. A download whose pack was taken down or replaced ends at once.

        What did not come before is asked for `again`, or else when it is due.
        """
        if self._current is not None:
            entry, task = self._current
            standing = self._shelf.entries.get(entry.target_name)
            if standing is None or standing.newest is not entry.newest or self._shelf.is_revoked(standing):
                task.cancel()
        if again:
            self._shelf.retries.forgive()
        self._changed.set()

    def link_is_back(self) -> None:
        """Try again now what was cut off, and nothing else: what is absent or wrong is no better for it."""
        if self._cut_off:
            self._changed.set()

    async def run(self) -> None:
        """Complete packs until cancelled."""
        now_s = asyncio.get_running_loop().time
        while True:
            self._changed.clear()
            self._shelf.retries.begin(now_s(), self._draw())
            await self._round()
            if self._shelf.retries.end(now_s(), self._draw(), self._settings.refresh_every):
                await self._on_spent()
            pause = self._pause()
            rest = GRACE if pause is None else min(GRACE, pause)
            if await is_set_within(self._changed, rest):
                continue
            await self._evict_quietly()
            if pause is None or pause > rest:
                await is_set_within(self._changed, None if pause is None else pause - rest)

    def _pause(self) -> timedelta | None:
        """Return how long to wait before the next round, or None when nothing has to be tried again."""
        if self._hold is not None:
            # Hours may end early (the clock was set), so look now and then.
            return max(FIRST_PAUSE, min(self._hold.until - self._now(), self._settings.refresh_every))
        return self._shelf.retries.pause(asyncio.get_running_loop().time())

    def plan(self) -> RoomPlan:
        """Return who gets how much of the budget now."""
        room = self._settings.budget_bytes - self._shelf.lasting_bytes()
        entries = [entry for entry in self._shelf.entries.values() if not self._shelf.is_revoked(entry)]
        return plan_room(entries, room, self._now(), self._playing(), self._zone)

    async def _round(self) -> None:
        """Try each pack once that lacks something and was not in vain a moment ago."""
        plan = self.plan()
        has_less = bool(plan.evicted)
        if has_less:
            self._take_out(plan)
            plan = self.plan()
        if has_less or self._shelf.without_room != plan.refused.keys():
            self._shelf.without_room = frozenset(plan.refused)
            await self._on_room()
        self._remember_refusals(plan)
        self._forget_what_is_settled(plan)
        self._on_waiting()
        try:
            if plan.fetch and await self._is_crowded(plan):
                await self.evict()
        except StorageError as error:
            self._troubles.begin("packs directory", error)
            self._shelf.retries.note("", "", error)
            return
        self._hold, self._cut_off = None, False
        for entry in plan.fetch:
            name, sha256 = entry.target_name, entry.sha256
            if self._shelf.entries.get(name) != entry or self._shelf.retries.holds_back(name, sha256):
                continue
            wrong = await self._attempt(entry)
            self._on_waiting()
            self._cut_off = self._cut_off or is_about_the_link(wrong)
            if self._shelf.retries.note(name, sha256, wrong) or self._changed.is_set():
                return

    async def _attempt(self, entry: Entry) -> EdgeAgentError | None:
        """Try to complete one pack, if assets may come now. Returns what went wrong, once noted; waiting is not."""
        name = entry.target_name
        error: EdgeAgentError | None = None
        self._hold = self._held()
        if self._hold is None:
            try:
                await self._complete(entry)
            except EdgeAgentError as failed:
                error = failed
                await self._on_spent()
                self._hold = self._held()
        if self._hold is not None and (error is None or isinstance(error, IncompleteError)):
            if self._shelf.entries.get(name) == entry:
                self.failed[name] = self._hold.why
            return None
        if error is None:
            self.failed.pop(name, None)
            self._troubles.end(f"pack {shelf_name(name)}")
        else:
            self.failed[name] = error.said()
            self._troubles.begin(f"pack {shelf_name(name)}", error)
        return error

    def _take_out(self, plan: RoomPlan) -> None:
        """Let packs that have lost their room count as incomplete, so that nobody is given files that will go."""
        for entry in plan.evicted:
            place = next(place for place in plan.places if place.name == shelf_name(entry.target_name))
            _log.info("The pack %s goes for want of room. %s", place.name, place.why)
            self._shelf.entries[entry.target_name] = replace(entry, complete=None, complete_sha256=None)

    def _remember_refusals(self, plan: RoomPlan) -> None:
        retries = self._shelf.retries
        later = {entry.target_name for entry in plan.fetch if retries.holds_back(entry.target_name, entry.sha256)}
        for name in [name for name in self.failed if name not in plan.refused.keys() | later]:
            del self.failed[name]
        for name in later & retries.spoilt.keys():
            self.failed.setdefault(name, LATER.said())
        for name, reason in plan.refused.items():
            self.failed[name] = reason
            if name in plan.over:  # nobody's trouble: it would not play
                continue
            what = f"The pack {shelf_name(name)} gets no room: {reason}"
            self._troubles.begin(f"pack {shelf_name(name)}", StorageError(what, "Revoke a pack or raise the budget."))

    def _forget_what_is_settled(self, plan: RoomPlan) -> None:
        """Drop the troubles of packs that are signed no more, or that lack nothing any more."""
        standing = {shelf_name(name) for name in self._shelf.entries}
        lacking = [*(plan.refused.keys() - plan.over), *(entry.target_name for entry in plan.fetch)]
        wanted = {shelf_name(name) for name in lacking}
        for subject in list(self._troubles.lasting):
            kind, _, name = subject.partition(" ")
            if (kind == "pack" and name not in wanted) or (kind == "manifest" and name not in standing):
                self._troubles.end(subject)

    async def _complete(self, entry: Entry) -> None:
        manifest = entry.newest
        if manifest is None:
            return

        def remember(missing_bytes: int) -> None:
            self.missing_bytes[entry.target_name] = missing_bytes

        if self.meter.book():
            await self._on_spent()
        task = asyncio.ensure_future(
            complete_pack(
                manifest,
                self._shelf.store,
                self._source,
                self._shelf.holders(),
                window=self.meter.window(self._settings.window, MAX_CHUNK_BYTES),
                patience=self._settings.chunk_timeout,
                on_missing=remember,
                pace=self._pace if self.meter.is_limited else None,
            )
        )
        self._current = (entry, task)
        try:
            await asyncio.wait([task])
        finally:
            self._current = None
            if not task.done():
                task.cancel()
            await asyncio.gather(task, return_exceptions=True)  # also of one that failed when this was cancelled
        self.meter.settle()
        if task.cancelled():
            return
        task.result()
        standing = self._shelf.entries.get(entry.target_name)
        if standing is not None and standing.newest is manifest and not self._shelf.is_revoked(standing):
            shelved = replace(standing, complete=manifest, complete_sha256=entry.sha256)
            self._shelf.shelve(shelved)
            self.missing_bytes.pop(entry.target_name, None)
            self._on_shelved(shelved)

    def _held(self) -> Hold | None:
        return self.meter.hold(self._now(), clock_trusted=self._clock_trusted())

    def count(self, length: int) -> float:
        """Count bytes that came, of use or not; return for how many seconds nothing more should come."""
        return self.meter.spend(length, self._now(), asyncio.get_running_loop().time())

    async def _pace(self, length: int, more: bool) -> str | None:
        """Count a chunk; wait until the next may come. Returns why none may for now."""
        pause_s = self.count(length)
        hold = self._held() if more else None
        if hold is None and more and self.meter.book():
            await self._on_spent()
        if hold is not None:
            return str(hold.why)
        if more and pause_s > 0:
            await asyncio.sleep(pause_s)
        return None

    async def _is_crowded(self, plan: RoomPlan) -> bool:
        used = await in_thread(self._shelf.store.used_bytes)
        arriving = sum(entry.newest.total_bytes for entry in plan.fetch if entry.newest is not None)
        return sum(used.values()) + arriving > self._settings.budget_bytes

    async def evict(self) -> None:
        """Remove everything from the disk that neither stands on the shelf nor is on its way to it.

        Nothing goes while the shelf is not sure of what that is. What is shown stays also where it has lost its room
        since the last round: the next one takes it out first.
        """
        if not self._shelf.is_sure:
            return
        async with self.entries_lock:
            keep = self.plan().keep | self._shelf.used_assets()
            await in_thread(self._shelf.store.evict, keep, self._shelf.needed_documents(keep))
            self._shelf.leaving.clear()

    async def _evict_quietly(self) -> None:
        try:
            await self.evict()
        except StorageError as error:
            self._troubles.begin("packs directory", error)
        else:
            self._troubles.end("packs directory")
