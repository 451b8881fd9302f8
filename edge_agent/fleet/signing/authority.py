"""Who may sign what in a fleet: the roles of the root, and the delegations in the top-level targets."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from securesystemslib.signer import CryptoSigner, Key
from tuf.api.metadata import DelegatedRole, Metadata, Role, Root, Targets

from edge_agent.fleet.signing.keys import KeyFolder
from edge_agent.model.errors import SettingsError
from edge_agent.packs.source import MAX_METADATA_BYTES
from edge_agent.packs.trust.repository import ADVERTISER_ROLE


def key_name(role: str) -> str:
    """Return what people and files call the key of a TUF role: `advertiser-acme` for `packs-acme`."""
    name = role.removeprefix(ADVERTISER_ROLE)
    return role if name == role else f"advertiser-{name}"


def role_name(key: str) -> str:
    """Return the TUF role of what people call `advertiser-<name>`, `config`, `root` and so on."""
    name = key.removeprefix("advertiser-")
    return key if name == key else f"{ADVERTISER_ROLE}{name}"


def refuse_oversize(role: str, content: bytes) -> None:
    """Raise SettingsError where a role's metadata is longer than devices read."""
    if len(content) > MAX_METADATA_BYTES:
        raise SettingsError(
            f"What {key_name(role)} signs would have {len(content)} bytes; devices read {MAX_METADATA_BYTES}.",
            "Revoke packs that are over, or remove advertisers who are gone.",
        )


class Authority:
    """Reads `root()`, and changes the delegations in `top()` in place. Raises SettingsError for what cannot be."""

    def __init__(self, keys: Callable[[], KeyFolder], root: Callable[[], Root], top: Callable[[], Targets]) -> None:
        self._keys = keys
        self._root = root
        self._top = top

    def of(self, role: str) -> tuple[Root | Targets, Role]:
        """Return who says who may sign `role`, and its keys and threshold. Raises SettingsError for no role."""
        root = self._root()
        if role in root.roles:
            return root, root.roles[role]
        if role in self.delegations:
            return self._top(), self.delegations[role]
        known = sorted(key_name(name) for name in (*root.roles, *self.delegations))
        raise SettingsError(f"There is no key {key_name(role)}.", f"There are: {', '.join(known)}.")

    @property
    def delegations(self) -> dict[str, DelegatedRole]:
        """The delegated roles, in the order in which devices ask them."""
        delegations = self._top().delegations
        if delegations is None or delegations.roles is None:
            raise SettingsError("The top-level targets delegate to nobody.", "Restore the fleet folder.")
        return delegations.roles

    def can_sign(self, role: str) -> bool:
        """Whether enough of the keys of `role` are here."""
        _, asked = self.of(role)
        return len(self._keys().signers(asked.keyids)) >= asked.threshold

    def signers(self, role: str) -> list[CryptoSigner]:
        """Return the signers of `role` that are here. Raises SettingsError when they are too few."""
        _, asked = self.of(role)
        signers = self._keys().signers(asked.keyids)
        if len(signers) >= asked.threshold:
            return signers
        if asked.threshold == 1:
            self._keys().signer(key_name(role))  # says so when it is not there at all
            raise SettingsError(f"The key {key_name(role)}.pem is not the one that devices believe.", "Restore it.")
        raise SettingsError(
            f"{key_name(role)} needs {asked.threshold} signatures, and the keys for {len(signers)} are here.",
            "Bring the folders with the others and name each with --keys.",
        )

    def delegate(self, role: str, paths: list[str], keys: Sequence[Key], threshold: int = 1) -> None:
        """Let `threshold` of `keys` together sign names that match `paths`."""
        if not 1 <= threshold <= len({key.keyid for key in keys}):
            raise SettingsError(
                f"{threshold} signatures cannot be had of {len(keys)} keys.", "Name more keys, or fewer signatures."
            )
        self.delegations[role] = DelegatedRole(role, [], threshold, terminating=True, paths=paths)
        for key in keys:
            self._top().add_key(key, role)

    def change(self, role: str, *, add: Collection[Key] = (), drop: Collection[str] = (), threshold: int = 0) -> None:
        """Add keys to a delegated role, drop others by their ids, and ask for another threshold of them."""
        for key in add:
            self._top().add_key(key, role)
        for keyid in drop:
            self._top().revoke_key(keyid, role)
        self.delegations[role].threshold = threshold or self.delegations[role].threshold

    def withdraw(self, role: str) -> None:
        """Take a delegation back."""
        self.change(role, drop=list(self.delegations[role].keyids))
        del self.delegations[role]

    def refuse_unsigned(self, role: str, metadata: Metadata[Any]) -> None:
        """Raise SettingsError when metadata of a role is not signed by enough of its keys."""
        authority, _ = self.of(role)
        result = authority.get_verification_result(role, metadata.signed_bytes, metadata.signatures)
        if not result:
            raise SettingsError(
                f"{key_name(role)} bears {len(result.signed)} of the {result.threshold} signatures that it needs.",
                "Have it signed by those who hold the other keys.",
            )
