"""Shell: the shelf itself: entries, signed documents, and the record that makes them stand again after a restart."""

import logging
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import Final

from edge_agent.model.catalog import Catalog
from edge_agent.model.errors import FormatError, StorageError
from edge_agent.model.identity import sha256_hex
from edge_agent.model.wording import Term, Wording
from edge_agent.packs.catalog_builder import build_catalog, shown_assets
from edge_agent.packs.fetching.download import Parcel
from edge_agent.packs.fetching.holders import Holders
from edge_agent.packs.formats.manifest import Manifest, PackedAsset, parse_target_name, shelf_name
from edge_agent.packs.formats.newer import read_manifest
from edge_agent.packs.formats.revocations import TARGET as REVOKED
from edge_agent.packs.formats.revocations import Revocations, parse_revocations, without_revoked
from edge_agent.packs.keeping.store import BlobStore
from edge_agent.packs.retries import Retries
from edge_agent.packs.shares import within_bookings
from edge_agent.packs.shelf_record import Entry, PackRecord, ShelfRecord, fingerprint, read_record
from edge_agent.packs.trust.newest_list import newer_list
from edge_agent.packs.trust.repository import ADVERTISER_ROLE, CONFIG_ROLE, Repository

_log = logging.getLogger(__name__)

_FOR_OTHERS: Final = Wording("pack.for_others", "It is for {kinds}, not for a {kind}.")


class Shelf:
    """What was verified and is here. `load` reads much and is called in a worker thread.

    `entries` by target name; `documents` are the small signed ones (configuration, report key) by name.
    `without_room` are target names that the budget has no room for.
    `parcels` by name are what somebody has brought beside the packs: the last whole one, and one on its way.
    `is_sure` says whether all that may be needed is known, since the record was read whole or a look at the
    repository succeeded: before that nothing may be removed from the disk merely because nothing here names it.
    """

    def __init__(self, store: BlobStore, kind: str, max_pack_bytes: int) -> None:
        self.store = store
        self.root = b""
        """The root.json of provisioning; empty until it was read."""
        self.entries: dict[str, Entry] = {}
        self.documents: dict[str, bytes] = {}
        self.parcels: dict[str, tuple[Parcel, ...]] = {}
        self.record = ShelfRecord()
        self.revocations = Revocations()
        self.without_room: frozenset[str] = frozenset()
        self.retries = Retries()
        self.leaving: set[str] = set()
        """Assets of versions that gave way to newer ones since the disk was cleared; a hook may open one."""
        self.is_sure = False
        self._is_read = False
        self._unread: dict[str, str] = {}
        self._kind = kind
        self._max_pack_bytes = max_pack_bytes

    @property
    def may_be_loaded(self) -> bool:
        """Whether the record was not read yet, and nothing newer than it has been brought."""
        return not (self._is_read or self.is_sure or self.entries or self.documents)

    def load(self, root: bytes) -> None:
        """Stand again as the record says. Nothing stands that was believed by another root.json than `root`.

        A document that cannot be read costs itself alone: `store.unreadable` tells of it, and the record still names
        it. Raises StorageError when the record or the list of what is revoked cannot be read; then nothing stands,
        and this may be asked again.
        """
        self.root = root
        self.store.open()
        content = self.store.read_record()
        if content is None:
            self.is_sure = not self.store.used_bytes()  # a first start; or else the record was lost
            return
        try:
            record = read_record(content)
        except FormatError as error:
            self._is_read = True
            _log.warning("%s", error.for_person())
            return
        if record.root != fingerprint(root) and not self.store.knows_root(root):
            _log.warning("This device has the root.json of another fleet now: the old fleet's packs are removed.")
            self.store.forget_everything()
            self.is_sure = True
            return
        try:
            self._stand(record)
        except StorageError:
            self.documents, self.revocations = {}, Revocations()
            raise
        self.record = record.model_copy(update={"root": fingerprint(root)})
        self.retries = Retries(record.spoilt, record.failures)

    def _stand(self, record: ShelfRecord) -> None:
        entries: dict[str, Entry] = {}
        unread: dict[str, str] = {}
        for name, sha256 in record.documents.items():
            document = self.store.document(sha256)
            if document is None:
                unread[name] = sha256
                continue
            try:
                self.keep_named(name, document)
            except FormatError as error:  # a newer agent wrote it, and was taken back
                _log.warning("%s", error.for_person())
        if REVOKED in unread:
            raise StorageError(
                "The list of what is revoked cannot be read; nothing plays without it.",
                "It is fetched again by itself.",
            )
        if (newer := newer_list(self.store, self.revocations)) is not None:
            self.keep_named(REVOKED, newer)
        is_sure = record.is_sure and not unread
        for name, pack in record.packs.items():
            entry = self.with_manifest(Entry(name, pack.newest))
            if pack.complete is not None and not self.is_revoked(entry):
                read = self.with_manifest(Entry(name, pack.complete))
                complete = read.newest
                # Of a manifest that is damaged, or is not read, what it needs is not known until it has come again.
                is_sure = is_sure and (complete is not None or read.reason is not None)
                if complete is not None and all(self.store.asset_path(asset) for asset in complete.assets.values()):
                    entry = replace(entry, complete_sha256=pack.complete, complete=complete)
            entries[name] = entry
        self.entries, _ = within_bookings(entries)
        self._unread, self._is_read = unread, True
        self.is_sure = is_sure and self.has_all_manifests()

    def shelve(self, entry: Entry) -> None:
        """Have a version stand that has just become whole."""
        before = self.entries[entry.target_name].complete
        if before is not None:
            self.leaving |= {asset.sha256 for asset in before.assets.values()}
        self.entries[entry.target_name] = entry

    def be_sure(self) -> None:
        """Note that a look at the repository succeeded: all that may be needed is known."""
        self.is_sure, self._unread = True, {}

    def keep_named(self, name: str, content: bytes) -> None:
        """Keep a signed document by name. Raises FormatError for a deny list that cannot be read: the last one holds.

        Of a pack that is revoked nothing counts as complete any more, so that its room is given back.
        """
        if name == REVOKED and content != self.documents.get(name):
            self._live_by(parse_revocations(content))
        self.documents[name] = content

    def _live_by(self, revocations: Revocations) -> None:
        before, self.revocations = self.revocations, revocations
        for name, entry in list(self.entries.items()):
            pack = shelf_name(name)
            if self.is_revoked(entry):
                _log.info("%s", revocations.of_pack(pack))
                self.entries[name] = replace(entry, complete=None, complete_sha256=None)
            elif entry.newest is not None:
                crids = [creative.crid for creative in entry.newest.campaign.creatives]
                if before.of_creatives(pack, crids).keys() != revocations.of_creatives(pack, crids).keys():
                    self.entries[name] = self._read_again(entry)

    def _read_again(self, entry: Entry) -> Entry:
        """Return `entry` without what is revoked in it now, and with what no longer is, once that has come."""
        newest = self.with_manifest(Entry(entry.target_name, entry.sha256)).newest or entry.newest
        complete = entry.complete and without_revoked(entry.complete, self.revocations)
        return replace(entry, newest=newest, complete=complete)

    def is_revoked(self, entry: Entry) -> bool:
        """Whether the deny list names the whole pack, or its advertiser."""
        return self.revocations.of_pack(shelf_name(entry.target_name)) is not None

    def has_all_manifests(self) -> bool:
        """Whether nothing is merely arriving: each pack has its manifest, or a reason why it is not used."""
        return all(
            entry.newest is not None or entry.reason is not None or self.is_revoked(entry)
            for entry in self.entries.values()
        )

    def shown_assets(self) -> list[tuple[str, PackedAsset]]:
        """Return every asset that may be shown now, with its pack's target name."""
        shown = ((entry.target_name, entry.complete) for entry in self.entries.values())
        return [
            (name, asset) for name, manifest in shown if manifest is not None for asset in manifest.assets.values()
        ]

    def used_assets(self) -> frozenset[str]:
        """Return the hashes of every asset that may be opened at any time: of the catalog, and of parcels."""
        shown = frozenset(asset.sha256 for _, asset in self.shown_assets())
        return shown_assets(self.catalog()) | shown | self.held_bytes().keys()

    def next_record(self, repository: Repository | None = None) -> ShelfRecord:
        """Return the record of what stands now, with the versions of `repository` when one was just verified."""
        update: dict[str, object] = {
            "root": fingerprint(self.root),
            "documents": self._unread | {name: sha256_hex(content) for name, content in self.documents.items()},
            "packs": {
                name: PackRecord(newest=entry.sha256, complete=entry.complete_sha256)
                for name, entry in sorted(self.entries.items())
            },
            "is_sure": self.is_sure,
            "spoilt": dict(self.retries.spoilt),
            "failures": self.retries.failures,
        }
        if repository is not None:
            update |= {
                "floor": repository.floor,
                "version": repository.version,
                "root_version": repository.root_version,
                "expires": repository.expires,
            }
        return self.record.model_copy(update=update)

    def drop_unsigned(self, repository: Repository) -> bool:
        """Take down at once what the repository no longer signs. Returns whether anything went.

        What a role signed that did not verify this time stays as it is.
        """

        def stays(name: str) -> bool:
            return name in repository.files or role_of(name) in repository.broken

        entries = {name: entry for name, entry in self.entries.items() if stays(name)}
        documents = {name: content for name, content in self.documents.items() if stays(name)}
        changed = len(entries) < len(self.entries) or len(documents) < len(self.documents)
        self.entries, self.documents = entries, documents
        self._unread = {name: sha256 for name, sha256 in self._unread.items() if name in repository.files}
        if REVOKED not in documents:
            self._live_by(Revocations())
        return changed

    def with_manifest(self, entry: Entry) -> Entry:
        """Return `entry` with its newest manifest, if that is on disk; one that is unusable becomes its reason."""
        content = self.store.document(entry.sha256)
        if content is None:
            return entry
        try:
            manifest, left_out = read_manifest(content, entry.target_name, self._max_pack_bytes)
        except FormatError as error:
            return replace(entry, newest=None, reason=error.said())
        if manifest.kinds and self._kind not in manifest.kinds:
            reason = _FOR_OTHERS(kinds=", ".join(manifest.kinds), kind=Term("device", self._kind))
            return Entry(entry.target_name, entry.sha256, reason=reason, is_for_others=True)
        manifest = without_revoked(manifest, self.revocations)
        entry = replace(entry, newest=manifest, reason=None, left_out=left_out)
        if not manifest.assets:
            return replace(entry, complete=manifest, complete_sha256=entry.sha256)
        return entry

    def catalog(self) -> Catalog:
        """Return the catalog of what stands, looking each asset up on disk."""
        return build_catalog(self.entries.values(), self.store.asset_path, self.revocations, self.without_room)

    def holders(self) -> Holders:
        """Return where chunks are already: in the whole assets of complete packs and of parcels."""
        packs = (asset for manifest in self._complete() for asset in manifest.assets.values())
        whole = (asset for asset in self._parcel_assets() if self.store.asset_path(asset) is not None)
        return Holders(self.store, chain(packs, whole))

    def needed_assets(self) -> frozenset[str]:
        """Return the hashes of every asset that a pack that may play needs, or will, or a parcel."""
        standing = [entry for entry in self.entries.values() if not self.is_revoked(entry)]
        manifests = [one for entry in standing for one in (entry.newest, entry.complete) if one is not None]
        packs = frozenset(asset.sha256 for manifest in manifests for asset in manifest.assets.values())
        return packs | self.held_bytes().keys()

    def lasting_bytes(self) -> int:
        """Return how much of the budget parcels take for good.

        One that is being replaced does not count: no pack goes, and comes again, for the while that both are here.
        """
        newest = (held[-1] for held in self.parcels.values() if held)
        return sum({asset.sha256: asset.length for one in newest for asset in one.assets.values()}.values())

    def held_bytes(self) -> Mapping[str, int]:
        """Return the length of every asset of a parcel by hash: it stays on the disk."""
        return {asset.sha256: asset.length for asset in self._parcel_assets()}

    def _parcel_assets(self) -> Iterator[PackedAsset]:
        return (asset for held in self.parcels.values() for parcel in held for asset in parcel.assets.values())

    def _complete(self) -> Iterator[Manifest]:
        return (entry.complete for entry in self.entries.values() if entry.complete is not None)

    def needed_documents(self, with_room: Collection[str]) -> frozenset[str]:
        """Return the hashes of every document that the shelf stands on, and of those lists of chunks `with_room`."""
        manifests = {entry.sha256 for entry in self.entries.values()}
        complete = {entry.complete_sha256 for entry in self.entries.values() if entry.complete_sha256 is not None}
        small = {sha256_hex(content) for content in self.documents.values()}
        held = {part.sha256 for asset in self._parcel_assets() for part in asset.chunk_lists}
        return frozenset(manifests | complete | small | held | set(with_room))


def role_of(name: str) -> str:
    """Return the role that signs documents of that name."""
    parsed = parse_target_name(name)
    return CONFIG_ROLE if parsed is None else f"{ADVERTISER_ROLE}{parsed[0]}"
