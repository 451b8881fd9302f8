"""Shell: what no version of any pack that stands or is kept names any more: in the folders, and on the broker."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_agent.fleet.publishing.broker import BrokerAddress, connected
from edge_agent.fleet.publishing.ledger import Ledger
from edge_agent.fleet.publishing.mirror_folder import read_choice, stale_files
from edge_agent.fleet.publishing.send import current_messages, respect_history
from edge_agent.fleet.signing.chunk_folder import parts_of, reading
from edge_agent.fleet.signing.content_folder import sha256_of
from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.fleet.signing.signed_packs import ANY_SIZE, Progress
from edge_agent.model.errors import FormatError, StorageError
from edge_agent.packs.fetching.download import Parcel
from edge_agent.packs.formats.manifest import parse_manifest, parse_target_name
from edge_agent.packs.formats.voice_pack import is_voice_pack, parse_voice_pack
from edge_agent.packs.source import MAX_METADATA_BYTES, METADATA_TOPICS, chunk_topic, metadata_topic, target_topic

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_HALF_WRITTEN: Final = re.compile(r"\.tmp\w+")
"""What a command that was killed leaves (`edge_agent.durable`); no other works in a fleet's folder meanwhile."""


@dataclass(frozen=True, slots=True)
class Garbage:
    """`files` of the folder and of that of mirrors, with their bytes, and `topics` that the broker may still hold."""

    files: tuple[Path, ...]
    bytes: int
    topics: tuple[str, ...]


def find_garbage(fleet: FleetRepository, address: BrokerAddress, keep: int) -> Garbage:
    """Return what may go. `keep` is how many versions of each role before the current one stay in the folder.

    The broker needs the current ones alone; what it may hold beyond those is what this folder ever sent or has.
    """
    documents, chunks, assets = _named(fleet, keep)
    files = [
        path
        for folder, named in (("targets", documents), ("chunks", chunks))
        for path in sorted((fleet.directory / folder).glob("*"))
        if _HALF_WRITTEN.fullmatch(path.name) or (_DIGEST.fullmatch(path.name) and path.name not in named)
    ]
    files += stale_files(read_choice(fleet.directory), assets)
    current = current_messages(fleet)
    sent = set(Ledger(fleet.directory, address).topics)
    standing = _named(fleet, 0)[1]  # on the broker, or on mirrors alone and never sent
    here = {chunk_topic(name) for name in _digests(fleet.directory / "chunks") - standing}
    here |= {target_topic(name) for name in _digests(fleet.directory / "targets")}
    parts = {topic for topic in sent | here if not topic.startswith(METADATA_TOPICS)}
    return Garbage(tuple(files), sum(path.stat().st_size for path in files), tuple(sorted(parts - current.keys())))


def _digests(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*") if _DIGEST.fullmatch(path.name)}


def _named(fleet: FleetRepository, keep: int) -> tuple[set[str], set[str], set[str]]:
    """Return the hashes of documents, chunks and whole assets that stand, or did in one of the kept versions."""
    documents: set[str] = set()
    chunks: set[str] = set()
    assets: set[str] = set()
    for name, sha256 in _targets(fleet, keep):
        documents.add(sha256)
        try:
            parcel = _parcel(name, fleet.target_path(sha256))
        except (OSError, FormatError):
            continue  # an older version, whose document is gone already
        if parcel is not None:
            chunks |= _parts(fleet, parcel)
            assets |= {asset.sha256 for asset in parcel.assets.values()}
    return documents, chunks, assets


def _parts(fleet: FleetRepository, parcel: Parcel) -> set[str]:
    found: set[str] = set()
    for asset in parcel.assets.values():
        try:
            found.update(parts_of(asset, reading(fleet), parcel.shelf_name))
        except (StorageError, FormatError):
            found.update(part.sha256 for part in asset.chunk_lists)  # one is gone, of an older version
    return found


def _parcel(name: str, path: Path) -> Parcel | None:
    """Return what has chunks: a pack or a voice pack. Every other document is None."""
    if parse_target_name(name) is not None:
        return parse_manifest(path.read_bytes(), name, ANY_SIZE)
    return parse_voice_pack(path.read_bytes(), name) if is_voice_pack(name) else None


def _targets(fleet: FleetRepository, keep: int) -> Iterator[tuple[str, str]]:
    """Yield (name, hash) of every document that is signed, or was in one of the kept versions."""
    for role in fleet.authority.delegations:
        standing = fleet.role_metadata(role)
        for targets in [*([standing] if standing is not None else []), *fleet.versions_before(role, keep)]:
            for name, file in targets.targets.items():
                yield name, sha256_of(file)


async def remove_garbage(
    fleet: FleetRepository, address: BrokerAddress, garbage: Garbage, progress: Progress
) -> None:
    """Clear the broker first, then the folder, so that what fails can be done again.

    Raises SettingsError when the broker holds another fleet's, LinkError, StorageError.
    """
    ledger, done = Ledger(fleet.directory, address), 0
    async with connected(address) as broker:
        there = await broker.look(metadata_topic("timestamp"), MAX_METADATA_BYTES)
        if there is not None:
            await respect_history(fleet, broker, there)

        def on_cleared(topic: str, _length: int) -> None:
            nonlocal done
            done += 1
            ledger.drop(topic)
            progress("clearing", done, len(garbage.topics))

        try:
            await broker.put([(topic, bytes) for topic in garbage.topics], on_cleared)
        finally:
            ledger.save()
    for path in garbage.files:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(
                f"{path} cannot be removed: {error.strerror or error}.", "Check the folder."
            ) from error
