"""Shell: a new root that several people have to sign, as one file that goes from each to the next.

    root.pending.json    {"v": 1, "before": <TUF metadata of the root that holds>, "proposed": <of the next>}

`before` lets whoever signs see what would change, and whether their key counts. Nothing in the file is believed for
being in it: signatures are verified whenever it is read, and a fleet adopts only what it proposed itself.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from securesystemslib.signer import Key, Signer
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, RootVerificationResult
from tuf.api.serialization.json import JSONSerializer

from edge_agent.fleet.durable import write_durably
from edge_agent.model.errors import FormatError, SettingsError
from edge_agent.packs.formats.documents import parse_json
from edge_agent.packs.source import MAX_METADATA_BYTES

PENDING: Final = "root.pending.json"
SHOWN_LETTERS: Final = 8
"""So much of a key's id is shown to people, as in `keys status`."""
ROLES: Final = ("root", "targets", "snapshot", "timestamp")
_AGAIN: Final = "Throw it away, and have the file that the fleet proposed signed again."


@dataclass(frozen=True, slots=True)
class Signatures:
    """Of one root's keys: how many have to sign, and the ids of those that have and have not."""

    threshold: int
    signed: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def are_enough(self) -> bool:
        """Whether the threshold is met by different keys."""
        return len(self.signed) >= self.threshold


@dataclass(frozen=True, slots=True)
class RootProposal:
    """The root that holds, and the one that is to follow it with the signatures that it has so far."""

    before: Metadata[Root]
    proposed: Metadata[Root]

    @property
    def version(self) -> int:
        """The version of the root that is proposed."""
        return self.proposed.signed.version

    def signatures(self) -> tuple[Signatures, Signatures]:
        """Return who of the root before it has signed, and who of its own: both have to suffice (TUF 1.0.33, 6.1)."""
        result = self.verified()
        return (
            _signatures(result.first.threshold, result.first.signed, result.first.unsigned),
            _signatures(result.second.threshold, result.second.signed, result.second.unsigned),
        )

    def verified(self) -> RootVerificationResult:
        """Return which ids of both roots' keys have signed, and which have not or not this."""
        return self.proposed.signed.get_root_verification_result(
            self.before.signed, self.proposed.signed_bytes, self.proposed.signatures
        )

    def said(self) -> str:
        """Return in one sentence who has signed, and who is missing."""
        old, new = self.signatures()
        signed = sorted({*old.signed, *new.signed})
        counts = " and ".join(
            f"{len(part.signed)} of {part.threshold} {whose}"
            for part, whose in ((old, "of the root before it"), (new, "of its own"))
        )
        waiting = [keyid for part in (old, new) if not part.are_enough for keyid in part.missing]
        missing = f"; missing among {_shown(sorted({*waiting}))}" if waiting else ""
        return f"Version {self.version} of the root is signed by {_shown(signed) or 'nobody'} ({counts}){missing}."

    def changes(self) -> tuple[str, ...]:
        """Return what the new root would change, a sentence each, for whoever signs it."""
        old, new = self.before.signed, self.proposed.signed
        found = []
        for role in ROLES:
            before, after = old.roles[role], new.roles[role]
            found += [f"{role}: the key {keyid[:SHOWN_LETTERS]} is added." for keyid in _more(after, before)]
            found += [f"{role}: the key {keyid[:SHOWN_LETTERS]} counts no more." for keyid in _more(before, after)]
            if before.threshold != after.threshold:
                found.append(f"{role}: {after.threshold} have to sign instead of {before.threshold}.")
        return (*found, f"It is good until {new.expires:%Y-%m-%d}; the one before it, until {old.expires:%Y-%m-%d}.")

    def to_bytes(self) -> bytes:
        """Return the file."""
        parts = {"v": 1, "before": _json(self.before), "proposed": _json(self.proposed)}
        return json.dumps(parts, indent=1, sort_keys=True).encode()


def read_proposal(path: Path) -> RootProposal:
    """Return the proposal in a file. Raises SettingsError when it cannot be read, FormatError when

    1. it is no proposal of a root and the one before it, or carries two signatures under one key's id,
    2. its version is not the next one, or
    3. a signature of a key that counts is not of this content: it was altered after it was signed.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror or error}.", "Check the path.") from error
    value = _parsed(path, content, 2 * MAX_METADATA_BYTES, f"Name {PENDING} as the fleet proposed it.")
    before, proposed = (_root(path, value.get(part)) for part in ("before", "proposed"))  # 1
    proposal = RootProposal(before, proposed)
    if proposal.version != before.signed.version + 1:  # 2
        raise FormatError(
            f"{path} proposes version {proposal.version} of the root after version {before.signed.version}.", _AGAIN
        )
    result = proposal.verified()
    good = result.first.signed.keys() | result.second.signed.keys()
    keys = good | result.first.unsigned.keys() | result.second.unsigned.keys()
    wrong = sorted((keys - good) & proposed.signatures.keys())
    if wrong:  # 3
        raise FormatError(f"{path} was altered after {_shown(wrong)} signed it.", _AGAIN)
    return proposal


def sign_proposal(proposal: RootProposal, signer: Signer, now: datetime) -> bool:
    """Add the signature of `signer`, and return whether it was missing.

    Raises SettingsError when that key does not count for either root, or the proposed one has expired.
    """
    keyid = signer.public_key.keyid
    if proposal.proposed.signed.is_expired(now):
        raise SettingsError(_expired(proposal), "Propose it anew.")
    old, new = proposal.signatures()
    if keyid not in {*old.signed, *old.missing, *new.signed, *new.missing}:
        raise SettingsError(
            f"The key {keyid[:SHOWN_LETTERS]} counts for no root here: neither for version {proposal.version} "
            f"nor for the one before it.",
            f"Those of {_shown(sorted({*old.missing, *new.missing})) or 'nobody'} are missing.",
        )
    if keyid in {*old.signed, *new.signed}:
        return False
    proposal.proposed.sign(signer, append=True)
    return True


def refuse_untrusted(proposal: RootProposal, trusted: Path) -> None:
    """Raise SettingsError when the root that is to be followed is not the one in the file that the signer trusts."""
    try:
        known = trusted.read_bytes()
    except OSError as error:
        raise SettingsError(f"{trusted} cannot be read: {error.strerror or error}.", "Check the path.") from error
    value = _parsed(trusted, known, MAX_METADATA_BYTES, "Name the root that you know, metadata/N.root.json.")
    if _root(trusted, value).signed_bytes != proposal.before.signed_bytes:
        raise SettingsError(
            f"The proposal does not follow the root in {trusted}, but version {proposal.before.signed.version}.",
            "Get that version from somebody whom you trust; if it is the one that you have, sign nothing.",
        )


def pending_proposal(fleet_dir: Path) -> RootProposal | None:
    """Return what the fleet in that folder has proposed and not adopted, if anything. Raises as `read_proposal`."""
    path = fleet_dir / PENDING
    return read_proposal(path) if path.exists() else None


def merge(pending: RootProposal, others: Mapping[Path, RootProposal]) -> None:
    """Add to `pending` the signatures that copies of it were given. Raises FormatError for a file that is no copy."""
    for path, other in others.items():
        if (
            other.proposed.signed_bytes != pending.proposed.signed_bytes
            or other.before.signed_bytes != pending.before.signed_bytes
        ):
            raise FormatError(
                f"{path} is not what this fleet proposed: it was altered, or is of another time.", _AGAIN
            )
        for keyid, signature in other.proposed.signatures.items():
            pending.proposed.signatures.setdefault(keyid, signature)


def refuse_unready(proposal: RootProposal, current_version: int, now: datetime) -> None:
    """Raise SettingsError, one sentence about the first that is so:

    1. it is not the version that follows the fleet's own,
    2. it has expired, or
    3. different keys of the root before it, or of its own, have not signed it in sufficient number.
    """
    if proposal.version != current_version + 1:  # 1
        raise SettingsError(
            f"Version {proposal.version} of the root was proposed, and version {current_version} holds now.",
            f"Remove {PENDING} and propose it anew.",
        )
    if proposal.proposed.signed.is_expired(now):  # 2
        raise SettingsError(_expired(proposal), f"Remove {PENDING} and propose it anew.")
    if not all(part.are_enough for part in proposal.signatures()):  # 3
        raise SettingsError(
            proposal.said(), f"They sign it with: edge-agent fleet keys sign-root {PENDING} --key FILE."
        )


def write_proposal(path: Path, proposal: RootProposal) -> None:
    """Write the file. Raises StorageError."""
    write_durably(path, proposal.to_bytes())


def _parsed(path: Path, content: bytes, max_bytes: int, step: str) -> Mapping[str, Any]:
    try:
        return parse_json(content, str(path), max_bytes)
    except FormatError as error:
        raise FormatError(str(error), step) from error


def _root(path: Path, value: Any) -> Metadata[Root]:
    try:
        found: Metadata[Any] = Metadata.from_bytes(json.dumps(value).encode())
    except (RepositoryError, ValueError) as error:
        twice = "Multiple signatures" in str(error.__cause__)
        what = "carries two signatures of one key" if twice else "is not a proposed root"
        raise FormatError(f"{path} {what}.", _AGAIN) from error
    if not isinstance(found.signed, Root):
        raise FormatError(f"{path} is not a proposed root.", _AGAIN)
    return found


def _json(metadata: Metadata[Root]) -> Any:
    return json.loads(metadata.to_bytes(JSONSerializer()))


def _signatures(threshold: int, signed: Mapping[str, Key], unsigned: Mapping[str, Key]) -> Signatures:
    """One key that is listed under two ids counts once."""
    different = {key.keyval.get("public"): keyid for keyid, key in sorted(signed.items(), reverse=True)}
    return Signatures(threshold, tuple(sorted(different.values())), tuple(sorted(unsigned)))


def _more(one: Any, other: Any) -> list[str]:
    return sorted({*one.keyids} - {*other.keyids})


def _shown(keyids: Iterable[str]) -> str:
    return ", ".join(keyid[:SHOWN_LETTERS] for keyid in keyids)


def _expired(proposal: RootProposal) -> str:
    return f"Version {proposal.version} of the root has expired on {proposal.proposed.signed.expires:%Y-%m-%d}."
