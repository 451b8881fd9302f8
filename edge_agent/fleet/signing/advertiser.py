"""Shell: an advertiser's own folder: a key that no operator sees, and what was signed with it.

    acme/
      advertiser.json     whose it is
      acme.pub            the public key, for the operator: fleet keys add-advertiser acme --public-key acme.pub
      keys/acme.pem       the private key, and those of others who sign along
      metadata/           TUF metadata of the role `packs-acme`: <version>.json, each with every pack that stands
      targets/<sha256>    manifests
      chunks/<sha256>     pieces of assets

It is a `Book`: packs are signed here as an operator signs them, and travel to one in a bundle.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, TargetFile, Targets

from edge_agent.fleet.durable import write_durably
from edge_agent.fleet.signing.content_folder import ContentFolder, sha256_of
from edge_agent.fleet.signing.folder_lock import sole_command_in
from edge_agent.fleet.signing.keys import KeyFolder, make_key_pair
from edge_agent.fleet.signing.repository import date_signature
from edge_agent.model.errors import SettingsError
from edge_agent.model.identity import Identifier
from edge_agent.packs.formats.manifest import parse_target_name
from edge_agent.packs.trust.repository import ADVERTISER_ROLE

ADVERTISER: Final = "x-edge-agent-advertiser"
"""Field of the signed metadata that says whose it is, which nothing else in it does while no pack stands."""

_ABOUT: Final = "advertiser.json"


class _About(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    v: int = 1
    advertiser: Identifier


class AdvertiserFolder(ContentFolder):
    """One advertiser's folder. Raises SettingsError whenever it is not what it should be."""

    def __init__(self, directory: Path, name: str) -> None:
        super().__init__(directory)
        self.name = name
        self.keys = KeyFolder(directory / "keys")
        self._metadata = Metadata(Targets(version=1, unrecognized_fields={ADVERTISER: name}))

    @classmethod
    def create(cls, directory: Path, name: str) -> "AdvertiserFolder":
        """Make a folder with a new key. Raises SettingsError when there is one, or a fleet's."""
        if (directory / _ABOUT).exists():
            raise SettingsError(f"{directory} is an advertiser's folder already.", "Use it, or name another.")
        if (directory / "metadata" / "timestamp.json").exists():
            raise SettingsError(
                f"{directory} is a fleet's folder, where the operator's keys are.", "Name another folder with --out."
            )
        folder = cls(directory, name)
        _, public = make_key_pair(directory / "keys", name)
        public.rename(folder.public_key)
        (directory / "metadata").mkdir(exist_ok=True)  # whoever lost the folder puts what was signed last there
        write_durably(directory / ".gitignore", b"keys/\n")
        write_durably(directory / _ABOUT, json.dumps({"v": 1, "advertiser": name}).encode())
        return folder

    @classmethod
    def open(cls, directory: Path) -> "AdvertiserFolder":
        """Read a folder that `create` made."""
        folder = cls(directory, _read_about(directory).advertiser)
        newest = max((directory / "metadata").glob("*.json"), key=_version, default=None)
        if newest is not None:
            try:
                folder._metadata = Metadata[Targets].from_bytes(newest.read_bytes())
            except (OSError, RepositoryError) as error:
                raise SettingsError(f"{newest} cannot be read.", "Restore the folder from your backup.") from error
        return folder

    @classmethod
    @contextmanager
    def locked(cls, directory: Path) -> Iterator["AdvertiserFolder"]:
        """Read a folder that no other command changes meanwhile. Raises SettingsError while one does."""
        _read_about(directory)  # that there is one is said first
        with sole_command_in(directory):
            yield cls.open(directory)

    @property
    def public_key(self) -> Path:
        """The file that the operator needs."""
        return self.directory / f"{self.name}.pub"

    @property
    def role(self) -> str:
        """The TUF role that this folder signs for."""
        return f"{ADVERTISER_ROLE}{self.name}"

    @property
    def metadata(self) -> Metadata[Targets]:
        """The newest metadata, which is signed once `commit` was called."""
        return self._metadata

    @property
    def files(self) -> Mapping[str, TargetFile]:
        """Every signed manifest by name."""
        return self._metadata.signed.targets

    def put(self, name: str, content: bytes) -> None:
        """Sign a manifest under `name`; `commit` afterwards. Raises SettingsError for another advertiser's name."""
        self._refuse_foreign(name)
        file = TargetFile.from_data(name, content, ["sha256"])
        write_durably(self.target_path(sha256_of(file)), content)
        self._metadata.signed.targets[name] = file

    def remove(self, name: str) -> None:
        """Stop signing `name`; `commit` afterwards. Raises SettingsError when it is not signed."""
        if self._metadata.signed.targets.pop(name, None) is None:
            there = ", ".join(sorted(self.files)) or "nothing"
            raise SettingsError(f"Nothing is signed as {name}.", f"There is: {there}.")

    def _refuse_foreign(self, name: str) -> None:
        parsed = parse_target_name(name)
        if parsed is None or parsed[0] != self.name:
            raise SettingsError(
                f"{self.name} may not sign {name}.", f'Write advertiser = "{self.name}" into its pack.toml.'
            )

    def commit(self, now: datetime) -> None:
        """Sign the next version of everything that stands, good for a year."""
        signed, history = self._metadata.signed, self.directory / "metadata"
        signed.version += (history / f"{signed.version}.json").exists()
        date_signature(signed, self.role, now)
        self._metadata.signatures.clear()
        for signer in self.keys.signers():
            self._metadata.sign(signer, append=True)
        write_durably(history / f"{signed.version}.json", self._metadata.to_bytes())

    def follow(self, metadata: Metadata[Targets], documents: Mapping[str, bytes]) -> None:
        """Go on from what others of this advertiser signed, where it is newer and its manifests are here or given."""
        history, signed = self.directory / "metadata", metadata.signed
        is_first = not (history / f"{self._metadata.signed.version}.json").exists()
        names = {sha256_of(file) for file in signed.targets.values()}
        missing = {name for name in names if not self.target_path(name).is_file()}
        if not (is_first or signed.version > self._metadata.signed.version) or missing - documents.keys():
            return
        for name in missing:
            write_durably(self.target_path(name), documents[name])
        write_durably(history / f"{signed.version}.json", metadata.to_bytes())
        self._metadata = metadata


def _version(path: Path) -> int:
    if not path.stem.isdecimal():
        raise SettingsError(
            f"An advertiser's folder holds no {path}, but a fleet's does.",
            'Make a folder of your own with "edge-agent fleet keys new-advertiser NAME --out FOLDER".',
        )
    return int(path.stem)


def _read_about(directory: Path) -> _About:
    try:
        return _About.model_validate_json((directory / _ABOUT).read_bytes())
    except (OSError, ValidationError) as error:
        raise SettingsError(
            f"{directory} is not an advertiser's folder.",
            'Make one with "edge-agent fleet keys new-advertiser NAME".',
        ) from error
