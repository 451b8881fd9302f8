"""What a broker holds of a fleet, believed from the newest root in its own folder on, and from nothing else."""

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from tuf.api.exceptions import RepositoryError, UnsignedMetadataError
from tuf.api.metadata import DelegatedRole, Metadata, Root, Snapshot, TargetFile, Targets, Timestamp

from edge_agent.fleet.durable import read_named
from edge_agent.fleet.publishing.broker import Broker
from edge_agent.fleet.signing.authority import key_name
from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.fleet.signing.signed_packs import ANY_SIZE
from edge_agent.model.errors import LinkError, SettingsError, StorageError, UntrustedError
from edge_agent.model.identity import sha256_hex
from edge_agent.packs.formats.documents import MAX_DOCUMENT_BYTES
from edge_agent.packs.formats.manifest import parse_manifest, parse_target_name
from edge_agent.packs.source import MAX_METADATA_BYTES, metadata_topic, target_topic
from edge_agent.packs.trust.repository import ADVERTISER_ROLE, CONFIG_ROLE

_Kind = TypeVar("_Kind", Root, Timestamp, Snapshot, Targets)
_LOST: Final = 'Nothing was taken over. What can be done then: "Back up" in edge-agent docs operator-guide.'
_FOREIGN: Final = "Nothing was taken over. Check --broker and --root; if they are right, somebody tampers with it."


@dataclass(frozen=True, slots=True)
class Held:
    """What was believed. `metadata` is by topic name, in the order in which it may be written: the timestamp last.

    `roots` counts those that follow the folder's newest; `files` and `documents` are by name.
    """

    roots: int
    timestamp: Timestamp
    snapshot: Snapshot
    top: Targets
    files: Mapping[str, TargetFile]
    metadata: Mapping[str, bytes]
    documents: Mapping[str, bytes]

    @property
    def versions(self) -> dict[str, int]:
        """The version of each role; the root is among them where a newer one is."""
        named = (name.partition(".") for name in self.metadata)
        return {role: int(version) for version, _, role in named if role} | {"timestamp": self.timestamp.version}

    @property
    def delegated(self) -> Mapping[str, DelegatedRole]:
        """The roles that may sign documents."""
        return (self.top.delegations.roles if self.top.delegations is not None else None) or {}


async def read_held(fleet: FleetRepository, broker: Broker) -> Held:
    """Read what the broker holds, and verify it:

    1. Roots that follow the folder's newest: each is the next version, signed by the one before it and by itself; one
       that is not counts as none. The folder's newest is the one of its version there, too.
    2. The timestamp is signed as the newest of them says,
    3. and so is the snapshot that it names,
    4. and so are the top-level targets that the snapshot names.
    5. Each delegated role that it names is signed as those targets say, and signs no name but its own. Of one that is
       delegated no more nothing is read: what stands in its place has its version and signs nothing.
    6. Each document has the hash and the length that were signed; packs follow the format, and no two advertisers
       have a campaign of one name.

    Whether anything has expired is no matter: it is about to be signed anew. Raises UntrustedError or FormatError for
    the first that is not so, SettingsError when this folder has changed keys itself, LinkError when any is lost.
    """
    newest = await broker.look(metadata_topic("timestamp"), MAX_METADATA_BYTES)  # first: all else is asked with it
    if newest is None:
        raise LinkError("The broker holds nothing of this fleet.", _FOREIGN)
    root, roots = await _roots(fleet, broker)  # 1
    timestamp = _believed("timestamp", newest, Timestamp, root)  # 2
    snapshot_name = f"{timestamp.snapshot_meta.version}.snapshot"
    snapshot, snapshot_bytes = await _signed(broker, snapshot_name, Snapshot, root)  # 3
    versions = {name.removesuffix(".json"): meta.version for name, meta in sorted(snapshot.meta.items())}
    top, top_bytes = await _signed(broker, f"{versions.pop('targets')}.targets", Targets, root)  # 4
    metadata = {f"{top.version}.targets": top_bytes}
    files: dict[str, TargetFile] = {}
    delegated = (top.delegations.roles if top.delegations is not None else None) or {}
    for role, version in versions.items():  # 5
        name = f"{version}.{role}"
        if role in delegated:
            signed, metadata[name] = await _signed(broker, name, Targets, top)
            files |= _own_names(role, signed)
        else:
            metadata[name] = _in_its_place(fleet, name, Targets(version=version, expires=snapshot.expires))
    withheld = {path for path in delegated[CONFIG_ROLE].paths or [] if parse_target_name(path) is not None}
    files = {name: file for name, file in files.items() if name not in withheld}
    metadata |= {snapshot_name: snapshot_bytes, **roots, "timestamp": newest}
    documents = await _documents(fleet, broker, files)  # 6
    _refuse_shared_campaigns(documents)  # 6
    return Held(len(roots), timestamp, snapshot, top, files, metadata, documents)


async def _roots(fleet: FleetRepository, broker: Broker) -> tuple[Root, dict[str, bytes]]:
    """Return the root that holds, and those after the folder's newest by topic name, in order."""
    root, found = fleet.root, dict[str, bytes]()
    mine = f"{root.version}.root"
    before = next((one for one in fleet.roots() if one.version == root.version - 1), None)
    there = await _look(broker, mine)
    if before is not None and there not in {None, fleet.metadata(mine)} and _next_root(before, there) is not None:
        raise SettingsError(
            f"This folder has changed keys, and so has another copy of it (version {root.version} of the root).",
            "Restore the backup again, and catch up before anything else.",
        )
    while True:
        name = f"{root.version + 1}.root"
        content = await _look(broker, name)
        follows = _next_root(root, content)
        if content is None or follows is None:
            return root, found
        root, found[name] = follows, content


def _next_root(before: Root, content: bytes | None) -> Root | None:
    found = _parsed(Root, content)
    if found is None or found.signed.version != before.version + 1:
        return None
    return found.signed if all(_is_signed(by, Root.type, found) for by in (before, found.signed)) else None


async def _look(broker: Broker, name: str) -> bytes | None:
    async with aclosing(broker.read([metadata_topic(name)], MAX_METADATA_BYTES)) as answers:
        return (await anext(answers))[1]


async def _signed(broker: Broker, name: str, kind: type[_Kind], by: Root | Targets) -> tuple[_Kind, bytes]:
    """Return metadata by topic name, as `by` lets it be signed, and its bytes. Raises UntrustedError, LinkError."""
    content = await _look(broker, name)
    if content is None:
        raise LinkError(f"The broker lacks {name} of this fleet.", _LOST)
    return _believed(name, content, kind, by), content


def _believed(name: str, content: bytes, kind: type[_Kind], by: Root | Targets) -> _Kind:
    version, dot, role = name.partition(".")
    role = role if dot else name
    found = _parsed(kind, content)
    if found is None or not _is_signed(by, role, found) or (dot and found.signed.version != int(version)):
        raise UntrustedError(
            f"What the broker holds as {name} is not signed by {key_name(role)} of this fleet.", _FOREIGN
        )
    return found.signed


def _parsed(kind: type[_Kind], content: bytes | None) -> Metadata[_Kind] | None:
    try:
        found: Metadata[Any] = Metadata.from_bytes(content or b"")
    except RepositoryError:
        return None
    return found if isinstance(found.signed, kind) else None


def _is_signed(by: Root | Targets, role: str, found: Metadata[Any]) -> bool:
    try:
        by.verify_delegate(role, found.signed_bytes, found.signatures)
    except (UnsignedMetadataError, ValueError):
        return False
    return True


def _own_names(role: str, signed: Targets) -> Mapping[str, TargetFile]:
    """Return what a delegated role signed. Raises UntrustedError where any of it is not the role's to sign."""
    own = "" if role == CONFIG_ROLE else role.removeprefix(ADVERTISER_ROLE)
    strange = [name for name in signed.targets if (parse_target_name(name) or ("",))[0] != own]
    if strange or signed.delegations is not None:
        what = f"{strange[0][:80]!r}" if strange else "for others"
        raise UntrustedError(f"{key_name(role)} signed {what} on the broker, which it may not.", _FOREIGN)
    return signed.targets


def _in_its_place(fleet: FleetRepository, name: str, empty: Targets) -> bytes:
    return fleet.metadata(name) if name in fleet.kept_metadata() else Metadata(empty).to_bytes()


async def _documents(fleet: FleetRepository, broker: Broker, files: Mapping[str, TargetFile]) -> dict[str, bytes]:
    """Return every document by name: from the folder, where it has it, else from the broker."""
    hashes = {name: file.hashes.get("sha256", "") for name, file in files.items()}
    content = {sha256: _kept(fleet, sha256) for sha256 in hashes.values()}
    wanted = {target_topic(sha256): sha256 for sha256, kept in content.items() if kept is None}
    async with aclosing(broker.read(list(wanted), MAX_DOCUMENT_BYTES)) as answers:
        async for topic, answer in answers:
            if answer is not None and sha256_hex(answer) == wanted[topic]:
                content[wanted[topic]] = answer
    found: dict[str, bytes] = {}
    for name, sha256 in hashes.items():
        document = content[sha256]
        if document is None or len(document) != files[name].length:
            raise LinkError(f"The broker does not hold {name} as it was signed.", _LOST)
        found[name] = document
    return found


def _kept(fleet: FleetRepository, sha256: str) -> bytes | None:
    try:
        return read_named(fleet.target_path(sha256))
    except StorageError:
        return None


def _refuse_shared_campaigns(documents: Mapping[str, bytes]) -> None:
    owners: dict[str, str] = {}
    for name, content in documents.items():
        if parse_target_name(name) is not None:
            campaign = parse_manifest(content, name, ANY_SIZE).campaign
            if owners.setdefault(campaign.id, campaign.advertiser) != campaign.advertiser:
                raise UntrustedError(
                    f"{campaign.advertiser} and {owners[campaign.id]} both signed a campaign {campaign.id}.", _FOREIGN
                )
