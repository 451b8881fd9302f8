"""Shell: the operator's copy of the signed repository: what was signed, by whom, and every byte that was published.

    fleet/
      root.json           what devices trust: put it on each of them when it is made
      keys/               the private keys (see keys)
      metadata/           TUF metadata: <version>.<role>.json and timestamp.json
      targets/<sha256>    small signed documents
      chunks/<sha256>     pieces of assets
      sent.json           what each broker was given

Roles: root → targets → `config` (config/…) and `packs-<advertiser>` (packs/<advertiser>/…), each terminating, so that
a name belongs to exactly one of them. A change is signed by `commit` alone: roles, snapshot, then the timestamp.
"""

import fcntl
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

from securesystemslib.signer import Key, Signer
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Signed,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from edge_agent.fleet.durable import write_durably
from edge_agent.fleet.keys import OPERATOR_ROLES, KeyFolder
from edge_agent.model.errors import SettingsError
from edge_agent.packs.clock_floor import SIGNED_AT, write_signed_at
from edge_agent.packs.manifest import parse_target_name
from edge_agent.packs.trust import ADVERTISER_ROLE, CONFIG_ROLE

LIFETIMES: Final[Mapping[str, timedelta]] = {
    "root": timedelta(days=3650),
    "timestamp": timedelta(days=30),
}
"""How long a signature is good for; every other role: a year. `refresh` renews what is past two thirds of it."""

_YEAR: Final = timedelta(days=365)
_Kind = TypeVar("_Kind", Root, Timestamp, Snapshot, Targets)


class FleetRepository:
    """One fleet folder. Raises SettingsError whenever the folder is not what it should be.

    Changes are kept in memory until `commit(now)`, which signs and writes them, the timestamp last.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.keys = KeyFolder(directory / "keys")
        self._metadata = directory / "metadata"
        self._roles: dict[str, Metadata[Targets]] = {}
        self._changed: set[str] = set()

    @classmethod
    def create(cls, directory: Path, now: datetime) -> "FleetRepository":
        """Make the operator's keys and an empty repository, committed. Raises SettingsError when there is one."""
        if (directory / "metadata").exists():
            raise SettingsError(f"{directory} is a fleet already.", "Name another folder, or use this one as it is.")
        fleet = cls(directory)
        signers = {role: fleet.keys.create(role) for role in OPERATOR_ROLES}
        root = Root(consistent_snapshot=True, expires=_expiry("root", now))
        for role in ("root", "targets", "snapshot", "timestamp"):
            root.add_key(signers[role].public_key, role)
        fleet.write_root(Metadata(root), now, [signers["root"]])
        write_durably(directory / "root.json", (fleet._metadata / "1.root.json").read_bytes())
        write_durably(directory / ".gitignore", b"keys/\nsent.json\n")
        top = Targets(version=1)
        top.delegations = Delegations({}, {})
        fleet._roles["targets"] = Metadata(top)
        fleet._delegate(CONFIG_ROLE, ["config/*.json", "config/*/*.json"], CONFIG_ROLE)
        fleet.commit(now, first=True)
        return fleet

    @classmethod
    def open(cls, directory: Path) -> "FleetRepository":
        """Read a fleet folder. Raises SettingsError when it is none."""
        fleet = cls(directory)
        if not (directory / "metadata" / "timestamp.json").is_file():
            raise SettingsError(f"{directory} is not a fleet folder.", 'Make one with "edge-agent fleet keys init".')
        snapshot = fleet.snapshot
        for name, meta in snapshot.meta.items():
            role = name.removesuffix(".json")
            fleet._roles[role] = fleet._read(Targets, f"{meta.version}.{role}")
        return fleet

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder: two publications at once would sign the same version twice."""
        with (self.directory / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise SettingsError(
                    f"Another command is working on {self.directory}.", "Wait until it is done."
                ) from error
            yield

    # What is signed

    @property
    def timestamp(self) -> Timestamp:
        """The newest signed timestamp."""
        return self._read(Timestamp, "timestamp").signed

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot that the newest timestamp names."""
        return self._read(Snapshot, f"{self.timestamp.snapshot_meta.version}.snapshot").signed

    @property
    def root(self) -> Root:
        """The newest root."""
        return self._read(Root, f"{self.root_version}.root").signed

    @property
    def root_version(self) -> int:
        """The newest root's version."""
        return max(int(path.name.partition(".")[0]) for path in self._metadata.glob("*.root.json"))

    def roots(self) -> list[Root]:
        """Return every root, the newest first."""
        return [self._read(Root, f"{version}.root").signed for version in range(self.root_version, 0, -1)]

    @property
    def advertisers(self) -> tuple[str, ...]:
        """The advertisers who may sign packs, in order."""
        delegations = self._roles["targets"].signed.delegations
        roles = (delegations.roles or {}) if delegations is not None else {}
        return tuple(sorted(role.removeprefix(ADVERTISER_ROLE) for role in roles if role.startswith(ADVERTISER_ROLE)))

    @property
    def files(self) -> Mapping[str, TargetFile]:
        """Every signed document by name."""
        delegated = [CONFIG_ROLE, *(f"{ADVERTISER_ROLE}{name}" for name in self.advertisers)]
        return {name: file for role in delegated for name, file in self._roles[role].signed.targets.items()}

    def expirations(self) -> Mapping[str, datetime]:
        """Return when each role's signature ends."""
        found: dict[str, datetime] = {role: metadata.signed.expires for role, metadata in self._roles.items()}
        return found | {
            "root": self.root.expires,
            "snapshot": self.snapshot.expires,
            "timestamp": self.timestamp.expires,
        }

    def document(self, name: str) -> bytes:
        """Return the content of a signed document. KeyError when there is none of that name."""
        return self.target_path(sha256_of(self.files[name])).read_bytes()

    def target_path(self, sha256: str) -> Path:
        """Return where the document with that hash is kept."""
        return self.directory / "targets" / sha256

    def chunk_path(self, sha256: str) -> Path:
        """Return where the chunk with that hash is kept."""
        return self.directory / "chunks" / sha256

    def metadata_names(self) -> list[str]:
        """Return what devices may need of the metadata, by topic name (`1.root`, `4.packs-acme`), in order."""
        roots = [f"{version}.root" for version in range(1, self.root_version + 1)]
        snapshot = self.snapshot
        roles = [f"{meta.version}.{name.removesuffix('.json')}" for name, meta in sorted(snapshot.meta.items())]
        return [*roots, *roles, f"{snapshot.version}.snapshot"]

    def kept_metadata(self) -> frozenset[str]:
        """Return the topic names of all metadata that the folder holds, old versions included."""
        return frozenset(path.stem for path in self._metadata.glob("*.json"))

    def metadata(self, name: str) -> bytes:
        """Return metadata by topic name."""
        return (self._metadata / f"{name}.json").read_bytes()

    # Changing it

    def add_advertiser(self, name: str) -> None:
        """Make a key for an advertiser and let it sign `packs/<name>/…`; `commit` afterwards."""
        if name in self.advertisers:
            raise SettingsError(f"The advertiser {name} has a key already.", "Publish with it.")
        self.keys.create(f"advertiser-{name}")
        self._delegate(f"{ADVERTISER_ROLE}{name}", [f"packs/{name}/*.json"], f"advertiser-{name}")

    def remove_advertiser(self, name: str) -> None:
        """Take the right to sign from an advertiser: everything of theirs leaves the devices; `commit` afterwards."""
        delegations = self._roles["targets"].signed.delegations
        if name not in self.advertisers or delegations is None or delegations.roles is None:
            raise SettingsError(f"There is no advertiser {name}.", f"There are: {', '.join(self.advertisers)}.")
        self._roles["targets"].signed.revoke_key(
            delegations.roles[f"{ADVERTISER_ROLE}{name}"].keyids[0], f"{ADVERTISER_ROLE}{name}"
        )
        del delegations.roles[f"{ADVERTISER_ROLE}{name}"]
        self._changed.add("targets")

    def _delegate(self, role: str, paths: list[str], key: str) -> None:
        top = self._roles["targets"].signed
        if top.delegations is None or top.delegations.roles is None:
            raise SettingsError("The top-level targets delegate to nobody.", "Restore the fleet folder.")
        top.delegations.roles[role] = DelegatedRole(role, [], 1, terminating=True, paths=paths)
        top.add_key(self.keys.signer(key).public_key, role)
        self._changed |= {"targets", role}
        self._roles.setdefault(role, Metadata(Targets(version=1)))

    def replace_delegated_key(self, role: str, key: Key) -> None:
        """Let `key` alone sign for a delegated role; `commit` afterwards."""
        top = self._roles["targets"].signed
        if top.delegations is None or top.delegations.roles is None:
            raise SettingsError("The top-level targets delegate to nobody.", "Restore the fleet folder.")
        for keyid in list(top.delegations.roles[role].keyids):
            top.revoke_key(keyid, role)
        top.add_key(key, role)
        self._changed |= {"targets", role}

    def touch(self, role: str) -> None:
        """Sign `role`, and with it the snapshot, anew at the next `commit`."""
        self._changed.add(role)

    def write_root(self, metadata: Metadata[Root], now: datetime, signers: Sequence[Signer]) -> None:
        """Sign a root with each of `signers` and write it."""
        _date(metadata.signed, "root", now)
        for signer in signers:
            metadata.sign(signer, append=True)
        write_durably(self._metadata / f"{metadata.signed.version}.root.json", metadata.to_bytes())

    def put(self, name: str, content: bytes) -> None:
        """Sign `content` under `name`; `commit` afterwards. Raises SettingsError when nobody may sign that name."""
        role = self._role_of(name)
        file = TargetFile.from_data(name, content, ["sha256"])
        write_durably(self.target_path(sha256_of(file)), content)
        self._roles[role].signed.targets[name] = file
        self._changed.add(role)

    def remove(self, name: str) -> None:
        """Stop signing `name`; `commit` afterwards. Raises SettingsError when nothing is signed under it."""
        role = self._role_of(name)
        if self._roles[role].signed.targets.pop(name, None) is None:
            raise SettingsError(f"Nothing is published as {name}.", 'See "edge-agent fleet status".')
        self._changed.add(role)

    def _role_of(self, name: str) -> str:
        parsed = parse_target_name(name)
        if parsed is None:
            return CONFIG_ROLE
        if parsed[0] not in self.advertisers:
            raise SettingsError(
                f"There is no key for the advertiser {parsed[0]}.",
                f'Make one with "edge-agent fleet keys add-advertiser {parsed[0]}".',
            )
        return f"{ADVERTISER_ROLE}{parsed[0]}"

    def renew(self, now: datetime) -> None:
        """Mark every role that is past two thirds of its life as changed; `commit` afterwards renews the rest."""
        for role, metadata in self._roles.items():
            if metadata.signed.expires - now < _YEAR / 3:
                self._changed.add(role)

    def commit(self, now: datetime, *, first: bool = False) -> None:
        """Sign what changed, a new snapshot where anything did, and a new timestamp; write them durably in order."""
        changed = sorted(self._changed)
        for role in changed:
            metadata = self._roles[role]
            if (self._metadata / f"{metadata.signed.version}.{role}.json").exists():
                metadata.signed.version += 1
            self._sign_and_write(metadata, role, f"{metadata.signed.version}.{role}", now)
        snapshot = Snapshot(version=1) if first else self.snapshot
        if changed:
            meta = {f"{role}.json": MetaFile(self._roles[role].signed.version) for role in self._roles}
            snapshot.meta = dict(snapshot.meta) | meta
            snapshot.version += 0 if first else 1
            self._sign_and_write(Metadata(snapshot), "snapshot", f"{snapshot.version}.snapshot", now)
        timestamp = Timestamp(version=1) if first else self.timestamp
        timestamp.snapshot_meta = MetaFile(snapshot.version)
        timestamp.version += 0 if first else 1
        self._sign_and_write(Metadata(timestamp), "timestamp", "timestamp", now)
        self._changed.clear()

    def _sign_and_write(self, metadata: Metadata[_Kind], role: str, name: str, now: datetime) -> None:
        _date(metadata.signed, role, now)
        key = f"advertiser-{role.removeprefix(ADVERTISER_ROLE)}" if role.startswith(ADVERTISER_ROLE) else role
        metadata.sign(self.keys.signer(key))
        write_durably(self._metadata / f"{name}.json", metadata.to_bytes())

    def _read(self, kind: type[_Kind], name: str) -> Metadata[_Kind]:
        path = self._metadata / f"{name}.json"
        try:
            metadata = Metadata[_Kind].from_bytes(path.read_bytes())
        except (OSError, RepositoryError) as error:
            raise SettingsError(f"{path} cannot be read.", "Restore the fleet folder from your backup.") from error
        if not isinstance(metadata.signed, kind):
            raise SettingsError(f"{path} is not {kind.__name__} metadata.", "Restore the fleet folder.")
        return metadata


def _date(signed: Signed, role: str, now: datetime) -> None:
    signed.expires = _expiry(role, now)
    signed.unrecognized_fields[SIGNED_AT] = write_signed_at(now)


def sha256_of(file: TargetFile) -> str:
    """Return the SHA-256 that a document is signed with."""
    return file.hashes["sha256"]


def keep_chunk(fleet: FleetRepository, content: bytes) -> str:
    """Keep a chunk in the fleet folder and return its hash."""
    sha256 = hashlib.sha256(content).hexdigest()
    path = fleet.chunk_path(sha256)
    if not path.exists() or path.stat().st_size != len(content):
        write_durably(path, content)
    return sha256


def _expiry(role: str, now: datetime) -> datetime:
    return (now + LIFETIMES.get(role, _YEAR)).astimezone(UTC).replace(microsecond=0)
