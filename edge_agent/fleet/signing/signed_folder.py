"""Shell: the operator's copy of the signed repository: what was signed, by whom, and every byte that was published.

    fleet/
      root.json           what devices trust: put it on each of them when it is made
      keys/               the private keys (see keys)
      metadata/           TUF metadata: <version>.<role>.json and timestamp.json
      targets/<sha256>    small signed documents
      chunks/<sha256>     pieces of assets
      sent.json           what each broker was given

Roles: root → targets → `config` (config/…) and `packs-<advertiser>` (packs/<advertiser>/…), each terminating, so that
a name belongs to exactly one of them.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Snapshot, TargetFile, Targets, Timestamp

from edge_agent.fleet.durable import read_kept
from edge_agent.fleet.signing.authority import Authority
from edge_agent.fleet.signing.content_folder import ContentFolder
from edge_agent.fleet.signing.keys import KeyFolder
from edge_agent.model.errors import SettingsError
from edge_agent.packs.formats.manifest import parse_target_name
from edge_agent.packs.trust.repository import ADVERTISER_ROLE, CONFIG_ROLE

Kind = TypeVar("Kind", Root, Timestamp, Snapshot, Targets)


class SignedFolder(ContentFolder):
    """What stands in one fleet folder, as it was read. Raises SettingsError where it cannot be."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.keys = KeyFolder(directory / "keys")
        self.authority = Authority(lambda: self.keys, lambda: self.root, lambda: self._roles["targets"].signed)
        self._metadata = directory / "metadata"
        self._roles: dict[str, Metadata[Targets]] = {}

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

    @property
    def root_metadata(self) -> Metadata[Root]:
        """The newest root with the signatures that it bears."""
        return self._read(Root, f"{self.root_version}.root")

    def roots(self) -> list[Root]:
        """Return every root, the newest first."""
        return [self._read(Root, f"{version}.root").signed for version in range(self.root_version, 0, -1)]

    @property
    def advertisers(self) -> tuple[str, ...]:
        """The advertisers who may sign packs, in order."""
        roles = self.authority.delegations
        return tuple(sorted(role.removeprefix(ADVERTISER_ROLE) for role in roles if role.startswith(ADVERTISER_ROLE)))

    @property
    def files(self) -> Mapping[str, TargetFile]:
        """Every signed document by name."""
        delegated = [CONFIG_ROLE, *(f"{ADVERTISER_ROLE}{name}" for name in self.advertisers)]
        signed = [self._roles[role].signed for role in delegated if role in self._roles]
        found = {name: file for targets in signed for name, file in targets.targets.items()}
        return {name: file for name, file in found.items() if name not in self.revoked}

    @property
    def revoked(self) -> frozenset[str]:
        """Names that an advertiser signs and the operator took from it: they belong to `config`, which signs none."""
        paths = self.authority.delegations[CONFIG_ROLE].paths or []
        return frozenset(path for path in paths if parse_target_name(path) is not None)

    def expirations(self) -> Mapping[str, datetime]:
        """Return when the signature of each role that counts ends: of one that lost the right it may end."""
        standing = ("targets", *self.authority.delegations)
        found = {role: self._roles[role].signed.expires for role in standing if role in self._roles}
        return found | {
            "root": self.root.expires,
            "snapshot": self.snapshot.expires,
            "timestamp": self.timestamp.expires,
        }

    def unsigned_under(self, root: Root) -> frozenset[str]:
        """Return which of targets, snapshot and timestamp bear too few signatures that count under `root`."""
        standing: dict[str, Metadata[Any]] = {
            "targets": self._roles["targets"],
            "snapshot": self._read(Snapshot, f"{self.timestamp.snapshot_meta.version}.snapshot"),
            "timestamp": self._read(Timestamp, "timestamp"),
        }
        return frozenset(
            role
            for role, metadata in standing.items()
            if not root.get_verification_result(role, metadata.signed_bytes, metadata.signatures)
        )

    def refuse_unfinished(self) -> None:
        """Raise SettingsError when a change of keys was interrupted: no device would believe what stands here."""
        if self.unsigned_under(self.root):
            raise SettingsError(
                "A change of keys was interrupted, so that no device would believe what is here.",
                "Finish it with: edge-agent fleet refresh",
            )

    def metadata_names(self) -> list[str]:
        """Return what devices may need of the metadata, by topic name (`1.root`, `4.packs-acme`), in order."""
        roots = [f"{version}.root" for version in range(1, self.root_version + 1)]
        snapshot = self.snapshot
        roles = [f"{meta.version}.{name.removesuffix('.json')}" for name, meta in sorted(snapshot.meta.items())]
        return [*roots, *roles, f"{snapshot.version}.snapshot"]

    def kept_metadata(self) -> frozenset[str]:
        """Return the topic names of all metadata that the folder holds, old versions included."""
        return frozenset(path.stem for path in self._metadata.glob("*.json"))

    def versions_before(self, role: str, count: int) -> list[Targets]:
        """Return up to `count` versions of a role before its current one, as far as the folder has them."""
        current = self._roles[role].signed.version if role in self._roles else 0
        versions = range(current - 1, max(0, current - 1 - count), -1)
        kept = self.kept_metadata()
        return [self._read(Targets, f"{at}.{role}").signed for at in versions if f"{at}.{role}" in kept]

    def metadata(self, name: str) -> bytes:
        """Return metadata by topic name. Raises StorageError."""
        return read_kept(self._metadata / f"{name}.json")

    def role_metadata(self, role: str) -> Targets | None:
        """Return what `role` signs now, or None while nothing of it was ever signed."""
        metadata = self.signed_metadata(role)
        return None if metadata is None else metadata.signed

    def signed_metadata(self, role: str) -> Metadata[Targets] | None:
        """Return the same with the signatures that it bears."""
        return self._roles.get(role)

    def _read(self, kind: type[Kind], name: str) -> Metadata[Kind]:
        path = self._metadata / f"{name}.json"
        try:
            metadata = Metadata[Kind].from_bytes(path.read_bytes())
        except (OSError, RepositoryError) as error:
            raise SettingsError(f"{path} cannot be read.", "Restore the fleet folder from your backup.") from error
        if not isinstance(metadata.signed, kind):
            raise SettingsError(f"{path} is not {kind.__name__} metadata.", "Restore the fleet folder.")
        return metadata
