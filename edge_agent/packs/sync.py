"""Shell: keeps the shelf like the signed repository, at its own pace, and never waits for the network to begin."""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from types import MappingProxyType
from typing import Final

from edge_agent.model.catalog import Catalog
from edge_agent.model.errors import (
    EdgeAgentError,
    LinkError,
    NotRetainedError,
    OversizeError,
    StorageError,
    UntrustedError,
)
from edge_agent.model.events import CatalogChanged, ClockJudged, Event
from edge_agent.model.shelf_room import Played, RoomPlace
from edge_agent.packs.allowance import Meter
from edge_agent.packs.clock_floor import is_believable, judge_expiry_at
from edge_agent.packs.download import Parcel
from edge_agent.packs.intake import bring_documents, note_broken_roles, place_entries
from edge_agent.packs.manifest import shelf_name
from edge_agent.packs.mirrored import MirroredChunks
from edge_agent.packs.mirrors import AssetSource, Mirrors
from edge_agent.packs.mqtt_fetcher import verify_in_thread
from edge_agent.packs.parcels import bring_parcel
from edge_agent.packs.pauses import backoff, spread
from edge_agent.packs.revocations import TARGET as REVOKED
from edge_agent.packs.scrub import scrub
from edge_agent.packs.shelf import Shelf, packs_to_read, wanted_documents
from edge_agent.packs.shelf_record import Entry
from edge_agent.packs.shelf_status import ShelfStatus, pack_status
from edge_agent.packs.source import BrokerChunks, ChunkSource, Source
from edge_agent.packs.store import BlobStore
from edge_agent.packs.supply import Supply
from edge_agent.packs.threads import in_thread
from edge_agent.packs.trust import Repository
from edge_agent.settings.rooms import PacksSettings
from edge_agent.troubles import Troubles

_log = logging.getLogger(__name__)

_FIRST_LOOK: Final = timedelta(seconds=30)
_FIRST_PAUSE: Final = timedelta(seconds=2)
_LONGEST_PAUSE: Final = timedelta(minutes=5)
_CLOCK_EVERY: Final = timedelta(seconds=30)
_LONGEST_BREATH: Final = timedelta(seconds=10)

OnDocument = Callable[[str, bytes | None], None]
"""Told the name of a signed document and its content, or None when it was withdrawn."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class PackShelf:
    """The packs room. Ask for documents with `on_document` first, then `run()`; everything is on the loop's thread.

    `chunks` is where assets come from that no mirror has, when that is not the source of everything else.
    `emit` gets ClockJudged and CatalogChanged: once when the last good shelf was loaded from disk, before anything
    is fetched, and whenever either changes. Whatever fails, what is on the shelf stays there; only a newer signed
    repository takes something down, or a budget that no longer holds it. `played` says what plays and has played,
    which is what goes last; `changed` is called when what `reasons` says is another than before.
    """

    def __init__(
        self,
        settings: PacksSettings,
        source: Source,
        emit: Callable[[Event], None],
        *,
        now: Callable[[], datetime] = _utc_now,
        draw: Callable[[], float] = random.random,
        troubles: Troubles | None = None,
        zone: tzinfo = UTC,
        chunks: ChunkSource | None = None,
        played: Callable[[], Played] = Played,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._source = source
        self._emit = emit
        self._now = now
        self._draw = draw
        self._shelf = Shelf(BlobStore(settings.directory), settings.kind, settings.max_pack_bytes)
        self._troubles = troubles or Troubles()
        self._zone = zone
        self._chunks = MirroredChunks(
            Mirrors(settings.mirrors, self._troubles),
            chunks or BrokerChunks(source),
            ca_file=settings.mirror_ca_file,
            patience=settings.chunk_timeout,
            draw=draw,
            on_waste=self._on_waste,
        )
        self._supply = Supply(
            settings,
            self._shelf,
            self._chunks,
            self._troubles,
            self._on_shelved,
            self._on_spent,
            now=self._reference_time,
            draw=draw,
            clock_trusted=lambda: self._clock is not None and self._clock.trusted,
            meter=Meter(settings, zone),
            on_room=self._on_room,
            on_waiting=self._tell_reasons,
            played=played,
            zone=zone,
        )
        self._changed = changed
        self._told_reasons: Mapping[str, str] = {}
        self._catalog: Catalog | None = None
        self._clock: ClockJudged | None = None
        self._listeners: dict[str, list[OnDocument]] = {}
        self._told: dict[str, bytes] = {}
        self._wake = asyncio.Event()
        self._verified_timestamp = b""
        self._checked_at: datetime | None = None
        self._problem = ""
        self._root = b""
        self._saving = asyncio.Lock()
        self._is_saved = True
        source.on_timestamp(self._on_timestamp)

    @property
    def catalog(self) -> Catalog:
        """What is on the shelf now; empty until `run()` has loaded it."""
        return self._catalog or Catalog()

    @property
    def documents(self) -> Mapping[str, bytes]:
        """The verified small documents that were asked for, by name."""
        return MappingProxyType(self._shelf.documents)

    def on_document(self, name_prefix: str, callback: OnDocument) -> None:
        """Keep signed documents whose name begins so (`config/fleet.json`), and tell `callback` of each change.

        Documents that nobody asked for are not fetched. What is known already is told at once.
        """
        self._listeners.setdefault(name_prefix, []).append(callback)
        for name, content in self._told.items():
            if name.startswith(name_prefix):
                callback(name, content)

    async def bring(self, parcel: Parcel) -> Mapping[str, Path]:
        """Fetch what is missing of `parcel` and keep it; return where its assets lie (see `bring_parcel`)."""
        return await bring_parcel(parcel, self._shelf, self._chunks, self._settings, self._supply.entries_lock)

    def let_go(self, name: str) -> None:
        """Give the room of the parcel of that name back."""
        self._shelf.parcels.pop(name, None)

    def refresh(self) -> None:
        """Look at the repository now."""
        self._wake.set()

    async def run(self) -> None:
        """Load the shelf from disk, then keep it like the repository until cancelled."""
        self._chunks.begin()
        await self._load()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._supply.run(), name="packs-supply")
            group.create_task(self._keep_fresh(), name="packs-refresh")
            group.create_task(self._watch_clock(), name="packs-clock")
            group.create_task(scrub(self._shelf, self._damaged, self._troubles), name="packs-scrub")

    async def _load(self) -> None:
        try:
            self._root = await self._read_root()
            await in_thread(self._shelf.load, self._root)
        except (UntrustedError, StorageError) as error:
            self._troubles.begin("repository", error)
        record = self._shelf.record
        self._supply.meter = Meter(self._settings, self._zone, day=record.day, spent_bytes=record.spent_bytes)
        self._judge_clock()
        self._announce()

    async def _read_root(self) -> bytes:
        try:
            return await in_thread(self._settings.root_json.read_bytes)
        except OSError as error:
            raise UntrustedError(
                f"This device has no root of trust: {self._settings.root_json} cannot be read.",
                "Copy root.json from the fleet folder there.",
            ) from error

    def _damaged(self, name: str) -> None:
        entry = self._shelf.entries.get(name)
        if entry is not None:
            _log.warning("The pack %s was damaged on disk; it is fetched again.", shelf_name(name))
            self._shelf.entries[name] = replace(entry, complete=None, complete_sha256=None)
        self._announce()
        self._supply.replan()

    # Looking at the repository

    async def _keep_fresh(self) -> None:
        # The retained timestamp says that there is something to fetch. Asking a broker that holds none for metadata
        # would wait out its silence, and miss what is published meanwhile.
        await self._woken_within(_FIRST_LOOK)
        failures = 0
        while True:
            self._wake.clear()
            try:
                await self._refresh()
            except EdgeAgentError as error:
                failures += 1
                self._problem = error.for_person()
                self._report(error)
                if not _is_about_the_link(error):
                    # Whoever floods the timestamp's topic with garbage gets one look in ten seconds at most.
                    await asyncio.sleep(min(0.1 * 2 ** min(failures, 10), _LONGEST_BREATH.total_seconds()))
            else:
                failures = 0
                self._problem = ""
                self._troubles.end("repository")
            pause = backoff(failures, self._draw(), _FIRST_PAUSE, _LONGEST_PAUSE)
            await self._woken_within(pause or spread(self._settings.refresh_every, self._draw()))

    async def _woken_within(self, pause: timedelta) -> None:
        try:
            async with asyncio.timeout(pause.total_seconds()):
                await self._wake.wait()
        except TimeoutError:
            return

    def _report(self, error: EdgeAgentError) -> None:
        if _is_about_the_link(error):
            self._troubles.begin("repository", error, logging.INFO)  # the link warns of what is its own
        else:
            self._troubles.begin("repository", error)

    def _on_timestamp(self, content: bytes) -> None:
        if content != self._verified_timestamp:
            self._wake.set()

    async def _refresh(self) -> None:
        """Verify what is new, take down what is no longer signed at once, then bring what is."""
        self._root = await self._read_root()
        store = self._shelf.store
        repository = await verify_in_thread(
            store.metadata, self._root, self._source, self._now(), self._shelf.record.floor
        )
        async with self._supply.entries_lock:
            before = self._shelf.needed_assets()
            if self._shelf.drop_unsigned(repository):
                await self._take_down()
            failure = await self._heed_revocations(repository)
            names = [*wanted_documents(repository, self._listeners), *packs_to_read(repository, self._shelf)]
            later = await bring_documents(repository, self._shelf, self._source, names, self._settings.window)
            failure = failure or later
            place_entries(repository, self._shelf, self._troubles)
            await self._remove_unneeded(before)
        await self._save(repository)
        self._verified_timestamp = await in_thread((store.metadata / "timestamp.json").read_bytes)
        self._checked_at = self._now()
        self._judge_clock()
        self._announce()
        self._supply.replan()
        note_broken_roles(repository, self._troubles)
        if failure is not None:
            raise failure

    async def _heed_revocations(self, repository: Repository) -> EdgeAgentError | None:
        """Bring the deny list before anything else, and live by it at once."""
        if REVOKED not in repository.files:
            return None
        before, needed = self._shelf.revocations, self._shelf.needed_assets()
        failure = await bring_documents(repository, self._shelf, self._source, [REVOKED], 1)
        if self._shelf.revocations != before:
            await self._take_down()
            await self._remove_unneeded(needed)
        return failure

    async def _remove_unneeded(self, before: frozenset[str]) -> None:
        """Remove at once those of the assets `before` that nothing needs any more: they were revoked or replaced."""
        gone = before - self._shelf.needed_assets()
        try:
            removed = await in_thread(self._shelf.store.remove_assets, gone)
        except StorageError as error:
            self._troubles.begin("packs directory", error)
        else:
            if removed:
                _log.info("Removed %d files of what plays no more.", removed)

    async def _take_down(self) -> None:
        """Tell that something may play no more; but first write it down, for the power may go, and the network."""
        try:
            await self._save()
        finally:
            self._announce()
            self._supply.replan()

    # Telling

    async def _on_shelved(self, entry: Entry) -> None:
        """Announce first: should the power go before the record is written, the next start finds the assets whole."""
        _log.info("The pack %s is complete.", shelf_name(entry.target_name))
        self._announce()
        try:
            await self._save()
        except StorageError as error:
            self._troubles.begin("packs directory", error)

    async def _on_room(self) -> None:
        self._announce()
        try:
            await self._save()
        except StorageError as error:
            self._troubles.begin("packs directory", error)

    def _tell_reasons(self) -> None:
        reasons = self.reasons()
        if reasons != self._told_reasons:
            self._told_reasons = reasons
            self._changed()

    async def _save(self, repository: Repository | None = None) -> None:
        """Write the record if it changed, or could not be written before. One writer at a time, so the last wins."""
        async with self._saving:
            record = self._shelf.next_record(self._root, repository)
            if self._settings.daily_bytes is not None:
                meter = self._supply.meter
                record = record.model_copy(update={"day": meter.day, "spent_bytes": meter.spent_bytes})
            if record == self._shelf.record and self._is_saved:
                return
            self._shelf.record, self._is_saved = record, False
            await in_thread(self._shelf.store.write_record, record.model_dump_json(indent=1).encode())
            self._is_saved = True

    def _announce(self) -> None:
        catalog = self._shelf.catalog()
        if catalog != self._catalog:
            self._catalog = catalog
            self._emit(CatalogChanged(catalog))
        told, self._told = self._told, dict(self._shelf.documents)
        for name in sorted(told.keys() | self._told.keys()):
            content = self._told.get(name)
            if content != told.get(name):
                for prefix, callbacks in self._listeners.items():
                    if name.startswith(prefix):
                        for callback in callbacks:
                            callback(name, content)

    def _on_waste(self, length: int) -> None:
        self._supply.count(length)

    async def _on_spent(self) -> None:
        """Write down what assets took today, where there is a daily budget that a restart must not renew."""
        if self._settings.daily_bytes is not None:
            try:
                await self._save()
            except StorageError as error:
                self._troubles.begin("packs directory", error)

    # The clock

    def _reference_time(self) -> datetime:
        return judge_expiry_at(self._now(), self._shelf.record.floor)

    def _judge_clock(self) -> None:
        floor = self._shelf.record.floor
        judged = ClockJudged(is_believable(self._now(), floor), floor)
        if self._clock is None or judged != self._clock:
            was_trusted = self._clock is None or self._clock.trusted
            if was_trusted and not judged.trusted:
                _log.warning("This device's clock is behind %s, which has been: it is not believed.", floor.date())
            elif judged.trusted and not was_trusted:
                _log.info("This device's clock is believable again.")
            self._clock = judged
            self._emit(judged)

    async def _watch_clock(self) -> None:
        while True:
            await asyncio.sleep(_CLOCK_EVERY.total_seconds())
            self._judge_clock()

    # Looking in

    def reasons(self) -> Mapping[str, str]:
        """Return, by name, why the newest version of a pack is not (yet) used, where there is a reason."""
        entries = self._shelf.entries.items()
        found = {shelf_name(name): entry.reason or self._supply.failed.get(name, "") for name, entry in entries}
        return {name: reason for name, reason in found.items() if reason}

    def sources(self) -> tuple[AssetSource, ...]:
        """Return where assets come from, in the order in which they are asked."""
        return self._chunks.sources()

    def places(self) -> Mapping[str, RoomPlace]:
        """Return, by name, which place each pack has when the budget gets shorter: 1 goes first."""
        return {place.name: place for place in self._supply.plan().places}

    def status(self) -> ShelfStatus:
        """Return what the debug page shows. Reads the directory's sizes; nothing else blocks."""
        record, revocations = self._shelf.record, self._shelf.revocations
        try:
            used_bytes = sum(self._shelf.store.used_bytes().values())
        except StorageError:
            used_bytes = 0
        return ShelfStatus(
            version=record.version,
            root_version=record.root_version,
            expires=record.expires,
            is_fresh=record.expires is not None and self._reference_time() < record.expires,
            checked_at=self._checked_at,
            clock_trusted=self._clock is not None and self._clock.trusted,
            floor=record.floor,
            problem=self._problem,
            budget_bytes=self._settings.budget_bytes,
            used_bytes=used_bytes,
            packs=tuple(
                pack_status(
                    entry,
                    self._supply.missing_bytes.get(name),
                    self._supply.failed.get(name, ""),
                    revocations.of_pack(shelf_name(name)),
                )
                for name, entry in sorted(self._shelf.entries.items())
            ),
            documents=tuple(sorted(self._shelf.documents)),
            revoked=revocations.sentences(),
        )


def _is_about_the_link(error: EdgeAgentError) -> bool:
    return isinstance(error, LinkError) and not isinstance(error, NotRetainedError | OversizeError)
