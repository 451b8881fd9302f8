"""Shell: the operator's private keys, one file each, readable by their owner alone and never overwritten.

    keys/root.pem                 offline: signs who may sign; needed for `keys rotate` only
    keys/targets.pem              says which advertiser may sign which packs
    keys/snapshot.pem, timestamp.pem
    keys/config.pem               signs configuration and the report key
    keys/advertiser-<name>.pem    signs that advertiser's packs and nothing else
    keys/report-key.private.json  opens the devices' reports; report-key.retired-<date>.private.json those before

Signing keys are Ed25519 in PEM (PKCS #8); public halves are PEM, too (SubjectPublicKeyInfo), in `<name>.pub`. A role
may have several keys, some of which are kept elsewhere: whatever key of a role lies in the folder signs for it.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.signer import CryptoSigner, Key, SSlibKey

from edge_agent.fleet.durable import unwritten, write_durably
from edge_agent.model.errors import SettingsError

OPERATOR_ROLES: Final = ("root", "targets", "snapshot", "timestamp", "config")
REPORT_KEY: Final = "report-key.private.json"


class KeyFolder:
    """The private keys in one folder, by role: `root`, …, `config`, `advertiser-<name>`.

    `others` are further folders that keys to sign with may lie in, such as a medium that was brought along.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.others: tuple[Path, ...] = ()

    def create(self, role: str) -> CryptoSigner:
        """Make a new key for `role`. Raises SettingsError when there is one already: keys are never overwritten."""
        signer = CryptoSigner.generate_ed25519()
        self.write_secret(f"{role}.pem", signer.private_bytes)
        return signer

    def prepare(self, role: str) -> CryptoSigner:
        """Make the key that is to replace the one of `role`, in a file of its own; `promote` makes it count."""
        (self.directory / f"{role}.next.pem").unlink(missing_ok=True)  # of a rotation that never came to be
        return self.create(f"{role}.next")

    def renew(self, role: str) -> CryptoSigner:
        """Make a new key for `role`; one that is here, of a time before the role was ended, is kept aside."""
        self._retire(role)
        return self.create(role)

    def _retire(self, role: str) -> None:
        """Keep the key of `role`, where it is here, as `<role>.retired-<n>.pem`."""
        number = 1
        while (self.directory / f"{role}.retired-{number}.pem").exists():
            number += 1
        if self.has(role):  # it may be kept elsewhere
            (self.directory / f"{role}.pem").rename(self.directory / f"{role}.retired-{number}.pem")

    def promote(self, role: str) -> None:
        """Put the prepared key in the place of the old one, which is kept."""
        self._retire(role)
        (self.directory / f"{role}.next.pem").rename(self.directory / f"{role}.pem")

    def write_secret(self, name: str, content: bytes) -> Path:
        """Write a new file of mode 0600, durably and whole. Raises SettingsError when it exists, StorageError."""
        path = self.directory / name
        try:
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            is_there = path.exists()
        except OSError as error:
            raise unwritten(path, error) from error
        if is_there:
            raise SettingsError(
                f"There is a key {path} already, and keys are never overwritten.", "Move it away if you mean it."
            )
        write_durably(path, content, 0o600)
        return path

    def has(self, role: str) -> bool:
        """Whether there is a key for `role`."""
        return (self.directory / f"{role}.pem").is_file()

    def signers(self, keyids: Collection[str] | None = None) -> list[CryptoSigner]:
        """Return the signers that are here of these keys (None: of any), one each, in an order that never changes."""
        found: dict[str, CryptoSigner] = {}
        for directory in (self.directory, *self.others):
            for path in sorted(directory.glob("*.pem")):
                if ".retired-" not in path.name:
                    signer = read_private_key(path)
                    if keyids is None or signer.public_key.keyid in keyids:
                        found.setdefault(signer.public_key.keyid, signer)
        return [found[keyid] for keyid in sorted(found)]

    def signer(self, role: str) -> CryptoSigner:
        """Return the signer of `role`. Raises SettingsError when its file is missing or is no Ed25519 key."""
        return read_private_key(self.directory / f"{role}.pem")


def read_private_key(path: Path) -> CryptoSigner:
    """Return the signer of a private key's file. Raises SettingsError when there is none, or no Ed25519 key in it."""
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise SettingsError(
            f"The key {path} cannot be read: {error.strerror or error}.", "Bring it back from where you keep it."
        ) from error
    except (ValueError, TypeError):
        # No `from`: what the parser quotes is the secret.
        raise SettingsError(f"{path} is not a private key.", "Restore it from your backup.") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError(f"{path} is not an Ed25519 key.", "Restore it from your backup.")
    return CryptoSigner(key)


def make_key_pair(directory: Path, name: str) -> tuple[Path, Path]:
    """Make `<name>.pem`, which never leaves `directory`, and `<name>.pub`, which is for everybody; return both paths.

    Raises SettingsError when there is such a key already.
    """
    signer = KeyFolder(directory).create(name)
    public = load_pem_private_key(signer.private_bytes, None).public_key()
    path = directory / f"{name}.pub"
    write_durably(path, public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return directory / f"{name}.pem", path


def read_public_key(path: Path) -> Key:
    """Return the key in a `.pub` file. Raises SettingsError when it is none, or a private key, which nobody sends."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror or error}.", "Check the path.") from error
    if b"PRIVATE KEY" in content:
        raise SettingsError(
            f"{path} is a private key.", "Take the .pub file beside it; whoever sent this one should make a new key."
        )
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SettingsError(f"{path} is not a public key.", "Ask for the .pub file as it was made.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise SettingsError(f"{path} is not an Ed25519 key.", 'Make one with "edge-agent fleet keys new-advertiser".')
    return SSlibKey.from_crypto(key)
