"""Brings what the broker lacks of the repository to it: chunks, documents, metadata, and the timestamp last.

The fleet folder was written before, and whole; sending may fail and be repeated at any time.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Final

from edge_agent.fleet.durable import read_kept, read_named
from edge_agent.fleet.publishing.broker import Broker, BrokerAddress, connected
from edge_agent.fleet.publishing.history import refuse_fork, refuse_other_root, snapshot_of_ours
from edge_agent.fleet.publishing.ledger import Ledger
from edge_agent.fleet.publishing.mirror_folder import read_choice
from edge_agent.fleet.signing.chunk_folder import parts_of, reading
from edge_agent.fleet.signing.content_folder import sha256_of
from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.fleet.signing.signed_packs import Progress, manifests
from edge_agent.fleet.signing.voice_packs import voice_packs
from edge_agent.model.errors import LinkError
from edge_agent.model.identity import sha256_hex
from edge_agent.packs.fetching.download import Parcel
from edge_agent.packs.source import MAX_METADATA_BYTES, chunk_topic, metadata_name, metadata_topic, target_topic

_TIMESTAMP: Final = metadata_topic("timestamp")


@dataclass(frozen=True, slots=True)
class Sent:
    """What one broker was given: messages and bytes that it lacked, and how many it was told to forget."""

    broker: str
    version: int
    messages: int
    sent_bytes: int
    cleared: int


def current_messages(fleet: FleetRepository) -> dict[str, Path | str]:
    """Return every message that devices need now, in the order in which it is safe to send them.

    By topic: the file of a chunk, list of chunks or document, or the name of metadata. The timestamp is not among
    them, nor are chunks of assets that are on mirrors alone; their lists of chunks are.
    """
    found: dict[str, Path | str] = {}
    choice = read_choice(fleet.directory)
    parcels: Iterator[Parcel] = chain(manifests(fleet), voice_packs(fleet))
    for parcel in parcels:
        for asset in parcel.assets.values():
            everything = parts_of(asset, reading(fleet), parcel.shelf_name)
            lists = (part.sha256 for part in asset.chunk_lists)
            for part in everything if choice.is_on_broker(asset) else lists:
                found[chunk_topic(part)] = fleet.chunk_path(part)
    for _, file in sorted(fleet.files.items()):
        sha256 = sha256_of(file)
        found[target_topic(sha256)] = fleet.target_path(sha256)
    for name in fleet.metadata_names():
        found[metadata_topic(name)] = name
    return found


async def send(
    fleet: FleetRepository,
    address: BrokerAddress,
    progress: Progress,
    *,
    everything: bool = False,
    take_over: bool = False,
    clear: bool = True,
) -> Sent:
    """Bring to the broker what it lacks of the current repository, and `clear` what nobody needs any more.

    What it has is known from `sent.json`; when its timestamp is not the one that was sent last, it has lost its
    memory (or is another one) and gets everything. Raises SettingsError, having sent nothing, when the broker holds
    another fleet's repository (unless `take_over`) or a history of this one that this folder does not have, or when
    a change of keys here was interrupted. Raises LinkError, before anything is sent when the broker says that it
    takes no messages as large as the largest; running it again then sends only the rest.
    """
    fleet.refuse_unfinished()
    ledger = Ledger(fleet.directory, address)
    current = current_messages(fleet)
    timestamp = fleet.metadata("timestamp")
    async with connected(address) as broker:
        there = await broker.look(_TIMESTAMP, MAX_METADATA_BYTES)
        if there is not None:
            await respect_history(fleet, broker, there, take_over=take_over)
        if everything or there is None or sha256_hex(there) != ledger.timestamp:
            ledger.topics.clear()
        missing = [topic for topic in current if topic not in ledger.topics]
        sizes = {topic: _size(fleet, current[topic]) for topic in missing}
        broker.refuse_oversize({**sizes, _TIMESTAMP: len(timestamp)})
        total_bytes, sent_bytes = sum(sizes.values()), 0

        def on_sent(topic: str, length: int) -> None:
            nonlocal sent_bytes
            ledger.add(topic)
            sent_bytes += length
            progress("sending", sent_bytes, total_bytes)

        try:
            await broker.put(((topic, _reader(fleet, current[topic])) for topic in missing), on_sent)
            await _check_samples(broker, sizes, ledger)
            await broker.put([(_TIMESTAMP, lambda: timestamp)], lambda _topic, _length: None)
            ledger.timestamp = sha256_hex(timestamp)
            if not await broker.keeps(_TIMESTAMP, MAX_METADATA_BYTES, timestamp):
                raise LinkError(
                    "The broker does not keep retained messages, on which packs are carried.",
                    "Switch retained messages on (mosquitto: retain_available true); see edge-agent docs brokers.",
                )
            gone = [topic for topic in ledger.topics if topic not in current] if clear else []
            stale = [topic for topic in gone if not _may_be_read(topic, fleet)]
            await broker.put([(topic, bytes) for topic in stale], lambda topic, _length: ledger.drop(topic))
        finally:
            ledger.save()
    return Sent(str(address), fleet.timestamp.version, len(missing) + 1, sent_bytes, len(stale))


async def respect_history(fleet: FleetRepository, broker: Broker, there: bytes, *, take_over: bool = False) -> None:
    """Raise SettingsError when the broker, which holds this timestamp, holds anything but this fleet's own past."""
    for version in (fleet.root_version, fleet.root_version + 1):
        root = await broker.look(metadata_topic(f"{version}.root"), MAX_METADATA_BYTES)
        refuse_other_root(fleet, version, root)
    snapshot = snapshot_of_ours(fleet, there, take_over=take_over)
    if snapshot is not None:
        refuse_fork(fleet, snapshot, await broker.look(metadata_topic(snapshot), MAX_METADATA_BYTES))


async def _check_samples(broker: Broker, sizes: Mapping[str, int], ledger: Ledger) -> None:
    """Read the largest and the last of what was sent back: there are the limits that a broker need not tell.

    Raises LinkError, and has the ledger forget what was sent, when the broker does not keep what it acknowledged.
    """
    for topic in {max(sizes, key=lambda topic: sizes[topic]), list(sizes)[-1]} if sizes else ():
        if not await broker.keeps(topic, sizes[topic]):
            for each in sizes:
                ledger.drop(each)
            raise LinkError(
                f"The broker acknowledged {len(sizes)} messages and does not keep them all: {topic} "
                f"({sizes[topic]} bytes) is not there.",
                "Raise what it retains: how many messages, how large, how much in all; see edge-agent docs brokers.",
            )


def _may_be_read(topic: str, fleet: FleetRepository) -> bool:
    """Whether a device that is looking at this moment may still ask for it: metadata of the version before."""
    version, dot, role = (metadata_name(topic) or "").partition(".")
    if not dot or not version.isdecimal():
        return False
    newest = [other for other in fleet.metadata_names() if other.partition(".")[2] == role]
    return any(int(other.partition(".")[0]) - int(version) <= 1 for other in newest)


def _size(fleet: FleetRepository, message: Path | str) -> int:
    if not isinstance(message, Path):
        return len(fleet.metadata(message))
    return message.stat().st_size if message.is_file() else len(read_kept(message))


def _reader(fleet: FleetRepository, message: Path | str) -> Callable[[], bytes]:
    return partial(read_named, message) if isinstance(message, Path) else partial(fleet.metadata, message)
