"""Brings a fleet's folder, restored from an older backup, up to what its broker holds.

What the broker holds is verified first, and stands then: versions go on from there. What only the folder has is lost
by none of that: it is named, its documents and chunks stay, and its metadata is set aside.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from edge_agent.fleet.durable import write_durably
from edge_agent.fleet.publishing.broker import Broker, BrokerAddress, connected
from edge_agent.fleet.publishing.held import Held, read_held
from edge_agent.fleet.publishing.ledger import Ledger
from edge_agent.fleet.publishing.mirroring import signed_parcels
from edge_agent.fleet.signing.authority import key_name
from edge_agent.fleet.signing.chunk_folder import ChunkKeeper, listed_chunks, reading
from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.fleet.signing.signed_packs import Progress
from edge_agent.model.errors import StorageError, UntrustedError
from edge_agent.model.identity import sha256_hex
from edge_agent.packs.formats.documents import parse_json
from edge_agent.packs.formats.manifest import MAX_CHUNK_BYTES, Chunk, parse_target_name, shelf_name
from edge_agent.packs.formats.revocations import TARGET, parse_revocations
from edge_agent.packs.source import chunk_topic, metadata_topic, target_topic
from edge_agent.packs.trust.repository import ADVERTISER_ROLE

_ASIDE: Final = "set-aside"


@dataclass(frozen=True, slots=True)
class Difference:
    """A role or a document, and its version in the folder and on the broker: None where it is not, 0 without one."""

    what: str
    here: int | None
    there: int | None


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """What the broker held that this folder did not; `version` is the timestamp's, `before` the folder's own.

    `only_here` names what the folder had signed and the broker does not hold, `set_aside` where its metadata is now.
    `taken_bytes` are those of chunks; `lacking` counts by pack those that neither of the two has.
    """

    broker: str
    before: int
    version: int
    differences: tuple[Difference, ...]
    only_here: tuple[str, ...] = ()
    set_aside: str = ""
    taken_bytes: int = 0
    lacking: Mapping[str, int] = field(default_factory=dict)


async def catch_up(
    fleet: FleetRepository, address: BrokerAddress, now: datetime, progress: Progress, *, dry_run: bool = False
) -> CaughtUp:
    """Take over what is newer on the broker, and what this folder lacks of it; nothing is sent there.

    With `dry_run` nothing is written either. May be interrupted and repeated at any time. Raises as `read_held`, and
    UntrustedError where the broker goes back behind what it was sent from here; nothing was taken over then.
    """
    ledger, before = Ledger(fleet.directory, address), fleet.timestamp.version
    async with connected(address) as broker:
        held = await read_held(fleet, broker)
        is_newer = _is_newer(fleet, held)
        differences = tuple(_differences(fleet, held)) if is_newer else ()
        was_sent = ledger.timestamp == sha256_hex(fleet.metadata("timestamp"))
        if is_newer and was_sent:
            _refuse_going_back(fleet, held)
        only_here = tuple(_only_here(fleet, held)) if is_newer and not was_sent else ()
        version = held.timestamp.version if is_newer else before
        if dry_run:
            return CaughtUp(str(address), before, version, differences, only_here)
        for content in held.documents.values():
            if not fleet.target_path(sha256_hex(content)).is_file():
                fleet.keep_document(content)
        aside = ""
        if is_newer:
            aside = "" if was_sent else _set_aside(fleet, now)
            _take(fleet, held, ledger)
        taken_bytes, lacking = await _take_chunks(FleetRepository.open(fleet.directory), broker, ledger, progress)
        ledger.save()
    return CaughtUp(str(address), before, version, differences, only_here, aside, taken_bytes, lacking)


def _is_newer(fleet: FleetRepository, held: Held) -> bool:
    """Whether what the broker holds is not of this folder's own past, nor of a past that it took over already."""
    name, ours = f"{held.snapshot.version}.snapshot", fleet.snapshot.version
    if held.roots:
        return True
    if name not in fleet.kept_metadata():
        return held.snapshot.version > ours
    if held.metadata[name] != fleet.metadata(name):
        return True
    is_later = held.timestamp.version >= fleet.timestamp.version
    return held.snapshot.version == ours and is_later and held.metadata["timestamp"] != fleet.metadata("timestamp")


def _refuse_going_back(fleet: FleetRepository, held: Held) -> None:
    for role, version in _versions(fleet).items():
        if role != "root" and held.versions.get(role, 0) < version:
            raise UntrustedError(
                f"The broker was given version {version} of {key_name(role)} from here, and goes back behind that.",
                "Nothing was taken over. Keys may be stolen: edge-agent fleet keys rotate, timestamp and snapshot.",
            )


def _differences(fleet: FleetRepository, held: Held) -> Iterator[Difference]:
    here, there = _versions(fleet), held.versions
    there.setdefault("root", here["root"])
    for role in sorted(here.keys() | there.keys()):
        if here.get(role) != there.get(role):
            yield Difference(key_name(role), here.get(role), there.get(role))
    for name in sorted(fleet.files.keys() | held.files.keys()):
        if fleet.files.get(name) != held.files.get(name):
            yield Difference(_told(name), _version(_document(fleet, name)), _version(held.documents.get(name)))


def _only_here(fleet: FleetRepository, held: Held) -> Iterator[str]:
    """Name what this folder has signed that is not, as new or newer, on the broker."""
    for advertiser in fleet.advertisers:
        if f"{ADVERTISER_ROLE}{advertiser}" not in held.delegated:
            yield f"the advertiser {advertiser}"
    for name, file in sorted(fleet.files.items()):
        there = _version(held.documents.get(name))
        is_older = there is not None and there > (_version(_document(fleet, name)) or 0)
        if name != TARGET and file != held.files.get(name) and not is_older:
            yield _told(name)
    lists = (_document(fleet, TARGET), held.documents.get(TARGET))
    here, there_too = (set(parse_revocations(one).revoked) if one is not None else set() for one in lists)
    for name in sorted(here - there_too):
        yield f"the revocation of {name}"


def _versions(fleet: FleetRepository) -> dict[str, int]:
    named = (name.partition(".") for name in fleet.metadata_names())
    return {role: int(version) for version, _, role in named} | {"timestamp": fleet.timestamp.version}


def _told(name: str) -> str:
    return name if parse_target_name(name) is None else shelf_name(name)


def _document(fleet: FleetRepository, name: str) -> bytes | None:
    """Return what the folder signs under that name: None where it signs, or has, nothing."""
    with suppress(KeyError, StorageError):
        return fleet.document(name)
    return None


def _version(document: bytes | None) -> int | None:
    version = None if document is None else parse_json(document, "A document").get("version", 0)
    return version if isinstance(version, int) else None


def _set_aside(fleet: FleetRepository, now: datetime) -> str:
    """Keep the metadata that stands, which nobody was sent, beside what takes its place."""
    folder = fleet.directory / _ASIDE / f"{now:%Y%m%dT%H%M%SZ}"
    for name in [*fleet.metadata_names(), "timestamp"]:
        write_durably(folder / f"{name}.json", fleet.metadata(name))
    return str(folder)


def _take(fleet: FleetRepository, held: Held, ledger: Ledger) -> None:
    for name, content in held.metadata.items():
        write_durably(fleet.directory / "metadata" / f"{name}.json", content)
        if name != "timestamp":
            ledger.add(metadata_topic(name))
    for content in held.documents.values():
        ledger.add(target_topic(sha256_hex(content)))
    ledger.timestamp = sha256_hex(held.metadata["timestamp"])


async def _take_chunks(
    fleet: FleetRepository, broker: Broker, ledger: Ledger, progress: Progress
) -> tuple[int, dict[str, int]]:
    """Fetch the chunks that the folder lacks, lists of chunks first; return their bytes and what is nowhere."""
    taken_bytes, lacking = 0, Counter[str]()
    for missing in (_missing(fleet, lists=True), _missing(fleet, lists=False)):
        wanted = {chunk_topic(chunk.sha256): (name, chunk) for name, chunk in missing}
        total_bytes = sum(chunk.length for _, chunk in wanted.values())
        done_bytes = 0
        with ChunkKeeper(fleet) as keeper:
            async with aclosing(broker.read(list(wanted), MAX_CHUNK_BYTES)) as answers:
                async for topic, content in answers:
                    name, chunk = wanted[topic]
                    done_bytes += chunk.length
                    if content is None or sha256_hex(content) != chunk.sha256:
                        lacking[name] += 1
                    else:
                        keeper.keep(content)
                        ledger.add(topic)
                        taken_bytes += len(content)
                    progress("fetching", done_bytes, total_bytes)
    return taken_bytes, dict(lacking)


def _missing(fleet: FleetRepository, *, lists: bool) -> Iterator[tuple[str, Chunk]]:
    """Yield what the folder lacks with its pack: lists of chunks, or the chunks that are listed."""
    for parcel in signed_parcels(fleet):
        for asset in parcel.assets.values():
            if not lists and not all(fleet.chunk_path(part.sha256).is_file() for part in asset.chunk_lists):
                continue
            chunks = asset.chunk_lists if lists else listed_chunks(asset, reading(fleet), parcel.shelf_name)
            for chunk in chunks:
                if not fleet.chunk_path(chunk.sha256).is_file():
                    yield parcel.shelf_name, Chunk(sha256=chunk.sha256, length=chunk.length)
