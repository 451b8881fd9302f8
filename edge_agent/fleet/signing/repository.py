"""Shell: changes the operator's signed repository. What is in its folder, and reading it, is in `signed_folder`.

A change is signed by `commit` alone: roles, snapshot, then the timestamp. What advertisers sign themselves is taken
as it is.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from securesystemslib.signer import Key, Signer
from tuf.api.metadata import (
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
from edge_agent.fleet.signing.authority import key_name, refuse_oversize
from edge_agent.fleet.signing.content_folder import sha256_of
from edge_agent.fleet.signing.folder_lock import sole_command_in
from edge_agent.fleet.signing.keys import OPERATOR_ROLES
from edge_agent.fleet.signing.signed_folder import Kind, SignedFolder
from edge_agent.model.errors import SettingsError
from edge_agent.model.identity import sha256_hex
from edge_agent.packs.formats.manifest import parse_target_name
from edge_agent.packs.trust.clock_floor import SIGNED_AT, is_believable, read_signed_at, write_signed_at
from edge_agent.packs.trust.repository import ADVERTISER_ROLE, CONFIG_ROLE

LIFETIMES: Final[Mapping[str, timedelta]] = {
    "root": timedelta(days=3650),
    "timestamp": timedelta(days=30),
}
"""How long a signature is good for; every other role: a year. `refresh` renews what is past two thirds of it."""

_YEAR: Final = timedelta(days=365)


class FleetRepository(SignedFolder):
    """One fleet folder that may be changed. Raises SettingsError whenever the folder is not what it should be.

    Changes are kept in memory until `commit(now)`, which signs and writes them, the timestamp last.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._changed: set[str] = set()
        self._accepted: set[str] = set()

    @classmethod
    def create(cls, directory: Path, now: datetime) -> "FleetRepository":
        """Make the operator's keys and an empty repository, committed. Raises SettingsError when there is one."""
        if (directory / "advertiser.json").exists():
            raise SettingsError(f"{directory} is an advertiser's folder.", "Name another folder.")
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
        fleet._roles[CONFIG_ROLE] = Metadata(Targets(version=1))
        fleet.authority.delegate(CONFIG_ROLE, ["config/*.json", "config/*/*.json"], [signers[CONFIG_ROLE].public_key])
        fleet._changed = {"targets", CONFIG_ROLE}
        fleet.commit(now, first=True)
        return fleet

    @classmethod
    def open(cls, directory: Path) -> "FleetRepository":
        """Read a fleet folder. Raises SettingsError when it is none."""
        fleet = cls(directory)
        _refuse_no_fleet(directory)
        snapshot = fleet.snapshot
        for name, meta in snapshot.meta.items():
            role = name.removesuffix(".json")
            fleet._roles[role] = fleet._read(Targets, f"{meta.version}.{role}")
        return fleet

    @classmethod
    @contextmanager
    def locked(cls, directory: Path) -> Iterator["FleetRepository"]:
        """Read a fleet folder that no other command changes meanwhile. Raises SettingsError while one does."""
        _refuse_no_fleet(directory)
        with sole_command_in(directory):
            yield cls.open(directory)

    def add_advertiser(self, name: str, public_keys: Sequence[Key] = (), threshold: int = 1) -> None:
        """Let an advertiser sign `packs/<name>/…`, with a key made here unless it has its own; `commit` afterwards.

        With `public_keys` the advertiser alone can sign, `threshold` of them together: nothing of theirs is signed
        here, or published before `accept`, but for what they signed before they were removed.
        """
        role = f"{ADVERTISER_ROLE}{name}"
        if name in self.advertisers:
            raise SettingsError(f"The advertiser {name} has a key already.", "Publish with it.")
        before = self.role_metadata(role)
        past = before.targets.values() if before and public_keys else ()
        if not all(self.target_path(sha256_of(file)).is_file() for file in past):
            raise SettingsError(
                f"What {name} signed before would be published again, and fleet gc has cleared it away.",
                "Restore targets/ and chunks/ from your backup, or have it publish under another name.",
            )
        if not public_keys:
            for other in ("targets", "snapshot", "timestamp"):
                self.authority.signers(other)  # before a key is made that nobody would be told to trust
            public_keys = [self.keys.renew(f"advertiser-{name}").public_key]
        self.authority.delegate(role, [f"packs/{name}/*.json"], public_keys, threshold)
        self._changed.add("targets")
        if self.authority.can_sign(role):
            version = before.version if before else 1  # devices take none that went back
            self._roles[role] = Metadata(Targets(version=version))
            self._changed.add(role)

    def remove_advertiser(self, name: str) -> None:
        """Take the right to sign from an advertiser: everything of theirs leaves the devices; `commit` afterwards."""
        role = f"{ADVERTISER_ROLE}{name}"
        if name not in self.advertisers:
            raise SettingsError(f"There is no advertiser {name}.", f"There are: {', '.join(self.advertisers)}.")
        self.authority.withdraw(role)
        self._changed = (self._changed - {role}) | {"targets"}
        self._accepted.discard(role)

    def accept(self, role: str, metadata: Metadata[Targets]) -> None:
        """Take what the holders of `role` signed themselves, as it is; `commit` afterwards.

        Raises SettingsError when it is not signed by enough of their keys. Whoever calls has judged what is in it.
        """
        self.authority.refuse_unsigned(role, metadata)
        self._roles[role] = metadata
        self._accepted.add(role)

    def keep_document(self, content: bytes) -> None:
        """Keep a document that others signed, under its hash."""
        write_durably(self.target_path(sha256_hex(content)), content)

    def touch(self, role: str) -> None:
        """Sign `role`, and with it the snapshot, anew at the next `commit`."""
        self._changed.add(role)

    def write_root(self, metadata: Metadata[Root], now: datetime, signers: Sequence[Signer]) -> None:
        """Sign a root with each of `signers` and write it."""
        date_signature(metadata.signed, "root", now)
        for signer in signers:
            metadata.sign(signer, append=True)
        self._write_root(metadata)

    def keep_root(self, metadata: Metadata[Root]) -> None:
        """Write a root as it is signed; `commit` afterwards signs anew what does not count under it.

        Raises SettingsError, having written nothing, when the keys for that are not here.
        """
        root = metadata.signed
        unsigned = self.unsigned_under(root)
        for role in sorted({*unsigned, "timestamp"} | ({"snapshot"} if "targets" in unsigned else set())):
            asked = root.roles[role]
            here = len(self.keys.signers(asked.keyids))
            if here < asked.threshold:
                raise SettingsError(
                    f"{role} has to be signed with {asked.threshold} of the keys that the new root names for it, "
                    f"and {here} of them are here.",
                    "Bring the folders with the others and name each with --keys.",
                )
        self._write_root(metadata)

    def _write_root(self, metadata: Metadata[Root]) -> None:
        write_durably(self._metadata / f"{metadata.signed.version}.root.json", metadata.to_bytes())

    def put(self, name: str, content: bytes) -> None:
        """Sign `content` under `name`; `commit` afterwards. Raises SettingsError when nobody may sign that name."""
        role = self._role_of(name)
        file = TargetFile.from_data(name, content, ["sha256"])
        write_durably(self.target_path(sha256_of(file)), content)
        self._roles[role].signed.targets[name] = file
        self._changed.add(role)

    def withhold(self, name: str, *, lift: bool = False) -> None:
        """Take a name from the advertiser who signs it itself, or give it back; `commit` afterwards."""
        paths = self.authority.delegations[CONFIG_ROLE].paths or []
        others = [path for path in paths if path != name]
        self.authority.delegations[CONFIG_ROLE].paths = others if lift else [*others, name]
        self._changed.add("targets")

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
        role = f"{ADVERTISER_ROLE}{parsed[0]}"
        if not self.authority.can_sign(role):
            raise SettingsError(
                f"{parsed[0]} signs its packs itself: the keys for that are not here.",
                "Publish the bundle that it made (edge-agent fleet pack build).",
            )
        return role

    def renew(self, now: datetime) -> tuple[str, ...]:
        """Mark every role that is past two thirds of its life as changed, as `commit` does itself.

        Returns what keys that are not here have to renew: `advertiser-<name>`, `targets` or `config`.
        """
        standing = ("targets", *self.authority.delegations)
        signed = {role: self._roles[role].signed for role in standing if role in self._roles}
        due = [role for role in signed if signed[role].expires - now < _YEAR / 3]
        elsewhere = [role for role in due if not self.authority.can_sign(role)]
        self._changed |= set(due) - {*elsewhere, *self._accepted}
        return tuple(key_name(role) for role in elsewhere)

    def commit(self, now: datetime, *, first: bool = False) -> None:
        """Sign what changed, a new snapshot where anything did, and a new timestamp; write them durably in order.

        What changed is, too, what the root's keys have not signed (their change was interrupted), what is signed in
        the future (the clock was wrong), and what is about to expire.
        """
        if not first:
            self.renew(now)
        unsound = frozenset[str]() if first else self.unsigned_under(self.root) | self._signed_after(now)
        self._changed |= unsound & {"targets"}
        is_new = bool(self._changed | self._accepted) or "snapshot" in unsound
        for role in self._changed | ({"snapshot", "timestamp"} if is_new else {"timestamp"}):
            self.authority.signers(role)
        for role in sorted(self._changed):
            metadata = self._roles[role]
            if (self._metadata / f"{metadata.signed.version}.{role}.json").exists():
                metadata.signed.version += 1
            self._sign_and_write(metadata, role, f"{metadata.signed.version}.{role}", now)
        for role in sorted(self._accepted):
            metadata = self._roles[role]
            write_durably(self._metadata / f"{metadata.signed.version}.{role}.json", metadata.to_bytes())
        snapshot = Snapshot(version=1) if first else self.snapshot
        if is_new:
            meta = {f"{role}.json": MetaFile(self._roles[role].signed.version) for role in self._roles}
            snapshot.meta = dict(snapshot.meta) | meta
            snapshot.version += 0 if first else 1
            self._sign_and_write(Metadata(snapshot), "snapshot", f"{snapshot.version}.snapshot", now)
        timestamp = Timestamp(version=1) if first else self.timestamp
        timestamp.snapshot_meta = MetaFile(snapshot.version)
        timestamp.version += 0 if first else 1
        self._sign_and_write(Metadata(timestamp), "timestamp", "timestamp", now)
        self._changed.clear()
        self._accepted.clear()

    def _signed_after(self, now: datetime) -> frozenset[str]:
        """Return which of targets and snapshot say that they were signed later than now, if they can be signed."""
        standing: dict[str, Signed] = {"targets": self._roles["targets"].signed, "snapshot": self.snapshot}
        claims = {
            role: read_signed_at(signed.unrecognized_fields, signed.expires) for role, signed in standing.items()
        }
        late = (role for role, at in claims.items() if at is not None and not is_believable(now, at))
        return frozenset(role for role in late if self.authority.can_sign(role))

    def _sign_and_write(self, metadata: Metadata[Kind], role: str, name: str, now: datetime) -> None:
        date_signature(metadata.signed, role, now)
        metadata.signatures.clear()
        for signer in self.authority.signers(role):
            metadata.sign(signer, append=True)
        content = metadata.to_bytes()
        refuse_oversize(role, content)
        write_durably(self._metadata / f"{name}.json", content)


def _refuse_no_fleet(directory: Path) -> None:
    if not (directory / "metadata" / "timestamp.json").is_file():
        raise SettingsError(f"{directory} is not a fleet folder.", 'Make one with "edge-agent fleet keys init".')


def date_signature(signed: Signed, role: str, now: datetime) -> None:
    """Write into metadata of `role` that it is signed `now`, and until when that is good."""
    signed.expires = _expiry(role, now)
    signed.unrecognized_fields[SIGNED_AT] = write_signed_at(now)


def _expiry(role: str, now: datetime) -> datetime:
    return (now + LIFETIMES.get(role, _YEAR)).astimezone(UTC).replace(microsecond=0)
