"""Shell: the packs room: its parts, wired, and what can be asked of them. It never waits for the network.

`lookout` looks at the repository, `supply` brings assets, `clock_watch` judges the clock, `scrub` reads the disk,
`telling` tells what stands, `record_keeper` writes it down.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from types import MappingProxyType
from typing import Final

from edge_agent.model.catalog import Catalog
from edge_agent.model.errors import StorageError, UntrustedError
from edge_agent.model.events import Event
from edge_agent.model.shelf_room import Playing, RoomPlace
from edge_agent.model.wording import Said
from edge_agent.packs.clock_watch import ClockWatch
from edge_agent.packs.fetching.allowance import Meter
from edge_agent.packs.fetching.download import Parcel
from edge_agent.packs.fetching.mirrored import MirroredChunks
from edge_agent.packs.fetching.mirrors import AssetSource, Mirrors
from edge_agent.packs.formats.manifest import shelf_name
from edge_agent.packs.keeping.store import BlobStore
from edge_agent.packs.lookout import Lookout, Rest
from edge_agent.packs.parcels import bring_parcel
from edge_agent.packs.record_keeper import RecordKeeper
from edge_agent.packs.scrub import scrub
from edge_agent.packs.shelf import Shelf
from edge_agent.packs.shelf_record import Entry
from edge_agent.packs.shelf_status import ShelfStatus, pack_status
from edge_agent.packs.source import BrokerChunks, ChunkSource, Source
from edge_agent.packs.supply import Supply
from edge_agent.packs.telling import OnDocument, Telling
from edge_agent.packs.threads import in_thread
from edge_agent.settings.rooms import PacksSettings
from edge_agent.troubles import Troubles

_log = logging.getLogger(__name__)

_RESTS: Final = 4
"""So many times as long as telling of packs that became whole took, none is told of: it all takes a fifth at most."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class PackShelf:
    """The packs room. Ask for documents with `on_document` first, then `run()`; everything is on the loop's thread.

    `chunks` is where assets come from that no mirror has, when that is not the source of everything else.
    `emit` gets ClockJudged and CatalogChanged: once when the last good shelf was loaded from disk (`loaded` is set
    then), before anything is fetched, and whenever either changes. Whatever fails, what is on the shelf stays there;
    only a newer signed repository takes something down, or a budget that no longer holds it. `playing` says what
    plays, which is what goes last; `changed` is called when what `reasons` says is another than before.
    `rest` waits between looks that found nothing new.
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
        playing: Callable[[], Playing] = frozenset,
        changed: Callable[[], None] = lambda: None,
        rest: Rest = asyncio.sleep,
    ) -> None:
        self._settings = settings
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
        self._records = RecordKeeper(
            self._shelf, None if settings.daily_bytes is None else self._meter, self._troubles
        )
        self._telling = Telling(self._shelf, emit)
        self._clock = ClockWatch(self._shelf, now, emit)
        self._supply = Supply(
            settings,
            self._shelf,
            self._chunks,
            self._troubles,
            self._on_shelved,
            self._records.save_quietly,
            now=self._clock.reference_time,
            draw=draw,
            clock_trusted=lambda: self._clock.is_trusted,
            meter=Meter(settings, zone),
            on_room=self._on_room,
            on_waiting=self._tell_reasons,
            playing=playing,
            zone=zone,
        )
        self._changed = changed
        self._told_reasons: Mapping[str, Said] = {}
        self._has_arrived = asyncio.Event()
        self.loaded = asyncio.Event()
        self._lookout = Lookout(
            settings,
            self._shelf,
            source,
            self._supply,
            self._records,
            self._telling,
            self._troubles,
            self._clock,
            now=now,
            draw=draw,
            load=self._load,
            rest=rest,
        )

    @property
    def catalog(self) -> Catalog:
        """What is on the shelf now; empty until `run()` has loaded it."""
        return self._telling.catalog

    @property
    def documents(self) -> Mapping[str, bytes]:
        """The verified small documents that were asked for, by name."""
        return MappingProxyType(self._shelf.documents)

    def on_document(self, name_prefix: str, callback: OnDocument) -> None:
        """Keep signed documents whose name begins so (`config/fleet.json`), and tell `callback` of each change.

        Documents that nobody asked for are not fetched. What is known already is told at once.
        """
        self._telling.on_document(name_prefix, callback)

    async def bring(self, parcel: Parcel) -> Mapping[str, Path]:
        """Fetch what is missing of `parcel` and keep it; return where its assets lie (see `bring_parcel`)."""
        return await bring_parcel(parcel, self._shelf, self._chunks, self._settings, self._supply)

    def let_go(self, name: str) -> None:
        """Give the room of the parcel of that name back, to whatever waits for some."""
        if self._shelf.parcels.pop(name, None) is not None:
            self._supply.replan()

    def refresh(self) -> None:
        """Look at the repository now."""
        self._lookout.look()

    async def run(self) -> None:
        """Load the shelf from disk, then keep it like the repository until cancelled."""
        self._chunks.begin()
        await self._load()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._supply.run(), name="packs-supply")
            group.create_task(self._tell_of_arrivals(), name="packs-arrivals")
            group.create_task(self._lookout.run(), name="packs-refresh")
            group.create_task(self._clock.run(), name="packs-clock")
            group.create_task(scrub(self._shelf, self._damaged, self._troubles), name="packs-scrub")

    async def _load(self) -> None:
        """Have the shelf stand from the disk; after a start that could not read it, until a look brought anything."""
        if not self._shelf.may_be_loaded:
            return
        try:
            await in_thread(self._shelf.load, await self._lookout.read_root())
        except UntrustedError as error:
            self._troubles.begin("repository", error)
        except StorageError as error:
            self._troubles.begin("shelf", error)
        else:
            unreadable = next(iter(self._shelf.store.unreadable.values()), None)
            if unreadable is None:
                self._troubles.end("shelf")
            else:
                self._troubles.begin("shelf", unreadable)
            record = self._shelf.record
            self._supply.meter = Meter(self._settings, self._zone, day=record.day, spent_bytes=record.spent_bytes)
        self._clock.judge()
        self._telling.announce()
        self._supply.replan(again=False)
        self.loaded.set()

    def _damaged(self, name: str) -> None:
        entry = self._shelf.entries.get(name)
        if entry is not None:
            _log.warning("The pack %s was damaged on disk; it is fetched again.", shelf_name(name))
            self._shelf.entries[name] = replace(entry, complete=None, complete_sha256=None)
        self._telling.announce()
        self._supply.replan()

    # Telling

    def _on_shelved(self, entry: Entry) -> None:
        _log.info("The pack %s is complete.", shelf_name(entry.target_name))
        self._has_arrived.set()

    async def _tell_of_arrivals(self) -> None:
        """Tell of packs that became whole: of the first at once, of those that come soon after it together.

        Each telling looks at every pack, decides anew and writes the record, so that one for each of a thousand would
        take a small device minutes.
        """
        clock_s = asyncio.get_running_loop().time
        while True:
            await self._has_arrived.wait()
            self._has_arrived.clear()
            began_at_s = clock_s()
            await self._on_room()
            await asyncio.sleep(_RESTS * (clock_s() - began_at_s))

    async def _on_room(self) -> None:
        """Announce first: should the power go before the record is written, the next start finds the assets whole."""
        self._telling.announce()
        await self._records.save_quietly()

    def _tell_reasons(self) -> None:
        reasons = self.reasons()
        if reasons != self._told_reasons:
            self._told_reasons = reasons
            self._changed()

    def _meter(self) -> Meter:
        return self._supply.meter

    def _on_waste(self, length: int) -> None:
        self._supply.count(length)

    # Looking in

    def reasons(self) -> Mapping[str, Said]:
        """Return, by name, why the newest version of a pack is not (yet) used, where there is a reason."""
        entries = self._shelf.entries.items()
        found = {shelf_name(name): entry.reason or self._supply.failed.get(name) for name, entry in entries}
        return {name: reason for name, reason in found.items() if reason}

    def sources(self) -> tuple[AssetSource, ...]:
        """Return where assets come from, in the order in which they are asked."""
        return self._chunks.sources()

    def places(self) -> Mapping[str, RoomPlace]:
        """Return, by name, which place each pack has when the budget gets shorter: 1 goes first."""
        return {place.name: place for place in self._supply.plan().places}

    @property
    def repository_version(self) -> int | None:
        """The version of the repository that was verified last; None before the first. Asked at every event."""
        return self._shelf.record.version or None

    def status(self) -> ShelfStatus:
        """Return all that is known, for whoever looks closely. Reads the directory's sizes; nothing else blocks."""
        record, revocations = self._shelf.record, self._shelf.revocations
        try:
            used_bytes = sum(self._shelf.store.used_bytes().values())
        except StorageError:
            used_bytes = 0
        return ShelfStatus(
            version=record.version,
            root_version=record.root_version,
            expires=record.expires,
            is_fresh=record.expires is not None and self._clock.reference_time() < record.expires,
            checked_at=self._lookout.checked_at,
            clock_trusted=self._clock.is_trusted,
            floor=record.floor,
            problem=self._lookout.problem,
            budget_bytes=self._settings.budget_bytes,
            used_bytes=used_bytes,
            packs=tuple(
                pack_status(
                    entry,
                    self._supply.missing_bytes.get(name),
                    self._supply.failed.get(name),
                    revocations.of_pack(shelf_name(name)),
                )
                for name, entry in sorted(self._shelf.entries.items())
            ),
            documents=tuple(sorted(self._shelf.documents)),
            revoked=revocations.sentences(),
        )
