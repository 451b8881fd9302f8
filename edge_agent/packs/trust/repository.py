"""Orders the steps by which a repository is believed; python-tuf does each of them. Runs in a worker thread.

Reads and writes only the metadata directory, which is python-tuf's own; the network is behind its FetcherInterface.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote

from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadError,
    DownloadHTTPError,
    ExpiredMetadataError,
    RepositoryError,
)
from tuf.api.metadata import DelegatedRole, Metadata, Root, Signed, Snapshot, TargetFile, Targets, Timestamp
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

from edge_agent.durable import flush
from edge_agent.model.errors import EdgeAgentError, UntrustedError
from edge_agent.packs.formats.documents import MAX_DOCUMENT_BYTES
from edge_agent.packs.formats.manifest import parse_target_name
from edge_agent.packs.source import MAX_METADATA_BYTES, METADATA_URL
from edge_agent.packs.trust.clock_floor import CODE_DATE, judge_expiry_at, read_signed_at
from edge_agent.packs.trust.next_root import NextRootFetcher
from edge_agent.packs.trust.translated import translate

ADVERTISER_ROLE: Final = "packs-"
CONFIG_ROLE: Final = "config"
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_PROBES: Final = {CONFIG_ROLE: "config/fleet.json"}
_MOST_NEW_ROOTS: Final = 64
"""So many a look; a device that is further behind goes on at the next."""
_Kind = TypeVar("_Kind", Root, Timestamp, Snapshot, Targets)


@dataclass(frozen=True, slots=True)
class SignedFile:
    """A document that somebody with the right to its name has signed: what its content must be."""

    name: str
    sha256: str
    length: int


@dataclass(frozen=True, slots=True)
class Known:
    """What was believed before, as the shelf's record has it, whatever became of python-tuf's directory.

    `floor` is the newest signing time that was seen, under the root of `root_version` with the timestamp of `version`
    (0: none).
    """

    floor: datetime
    root_version: int
    version: int


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository that was believed, at one moment.

    `files` is every signed document by name. `broken` are delegated roles that did not verify, with why; what
    they signed is not in `files`, and what the device has of them stays. `suspicious` says by role what else somebody
    should look at, and costs nothing: names that are not theirs to sign, a next root that nobody trusted has signed,
    a timestamp that is another than the one held under its version.
    `floor` is the newest signing time seen.
    """

    version: int
    root_version: int
    expires: datetime
    floor: datetime
    files: Mapping[str, SignedFile]
    broken: Mapping[str, EdgeAgentError]
    suspicious: Mapping[str, EdgeAgentError]


def verify(directory: Path, bootstrap: bytes, fetcher: FetcherInterface, now: datetime, known: Known) -> Repository:
    """Fetch what is new in a repository and return what of it can be believed.

    Where a newer root than the `known` one holds, only what is signed now counts, so that new keys undo what a thief
    of the old ones said of the time.

    The checklist, in order; 1 to 5 are python-tuf's (TUF 1.0.33, section 5.3 to 5.7) with our fetcher under it:

    1. The chain starts at `bootstrap`, the root.json of provisioning, and at nothing that was downloaded. Each newer
       root is signed by the threshold of the one before it and by its own; one that is not counts as none
       (see `next_root`).
    2. The timestamp is signed by the timestamp key, and is no older than the last one seen (no rollback). Neither it
       nor the root is older than what is `known`: python-tuf's directory may be damaged, and then it forgets.
    3. The snapshot is the one that the timestamp names, and no role in it went back or vanished (no mix-and-match).
    4. Top-level targets are the ones that the snapshot names, and say which key may sign which names.
    5. Each delegated role (`config`, `packs-<advertiser>`) is signed by its own key; a name counts only if that
       role was given it, so that one advertiser cannot sign another's packs, and nobody hands a right on. A role that
       fails is left out alone, and so is a name that is not its to sign.
    6. Nothing among these had expired at the later of the clock and the signed floor, so that a clock in 1970 does
       not make old metadata fresh.
    7. Each target has a SHA-256 and a length that a broker carries.

    Raises UntrustedError when any of 1 to 4 or 6 fails, LinkError when the network does, StorageError when the disk
    does. Nothing that was believed before is lost by that.
    """
    config = _limits(directory)
    passing = NextRootFetcher(fetcher)
    suspicious: dict[str, EdgeAgentError] = {}

    def refreshed() -> Updater:
        updater = Updater(str(directory), METADATA_URL, fetcher=passing, config=config, bootstrap=bootstrap)  # 1
        updater.refresh()  # 1, 2, 3, 4
        return updater

    try:
        directory.mkdir(parents=True, exist_ok=True)
        with _made_durable(directory, known):
            try:
                updater = refreshed()
            except (RepositoryError, DownloadError) as error:
                if not passing.pass_over(error):
                    raise
                suspicious[Root.type] = _false_root(error)
                updater = refreshed()
            root = _read(directory, Root)
            timestamp = _read(directory, Timestamp)
            _refuse_older(root, timestamp, known)  # 2
            suspicious |= _forks(timestamp, passing.timestamp)
            top: list[Signed] = [root, timestamp, _read(directory, Snapshot), _read(directory, Targets)]
            newest = _newest_signing(top, CODE_DATE if 0 < known.root_version < root.version else known.floor)
            for signed in top:  # 6
                _refuse_expired(signed, judge_expiry_at(now, newest))
            files, broken, overreaching = _delegated(updater, directory, now, newest)  # 5, 6, 7
    except (RepositoryError, DownloadError, OSError) as error:
        raise translate(error) from error
    return Repository(
        timestamp.version, root.version, timestamp.expires, newest, files, broken, suspicious | overreaching
    )


def _limits(directory: Path) -> UpdaterConfig:
    """Return how much one look takes. It goes through all roots that were believed before again, from the first.

    Whom the targets name sign for themselves: one that handed its right on, by any role's name, would have that
    role's metadata believed in the place of the genuine one.
    """
    known_roots = sum(1 for _ in directory.glob("root_history/*.root.json"))
    return UpdaterConfig(
        max_root_rotations=known_roots + _MOST_NEW_ROOTS,
        max_delegations=1,
        root_max_length=MAX_METADATA_BYTES,
        timestamp_max_length=16 * 1024,
        snapshot_max_length=MAX_METADATA_BYTES,
        targets_max_length=MAX_METADATA_BYTES,
    )


def _delegated(
    updater: Updater, directory: Path, now: datetime, floor: datetime
) -> tuple[dict[str, SignedFile], dict[str, EdgeAgentError], dict[str, EdgeAgentError]]:
    """Return what the delegated roles signed, which of them failed, and which signed more than they may."""
    delegations, snapshot = _read(directory, Targets).delegations, _read(directory, Snapshot)
    roles = (delegations.roles or {}) if delegations is not None else {}
    files: dict[str, SignedFile] = {}
    broken: dict[str, EdgeAgentError] = {}
    overreaching: dict[str, EdgeAgentError] = {}
    for role, delegated in roles.items():
        if f"{role}.json" not in snapshot.meta:  # it may sign, and has not yet: no role ever leaves a snapshot
            continue
        advertiser = role.removeprefix(ADVERTISER_ROLE)
        probe = _PROBES.get(role, f"packs/{advertiser}/_.json")
        try:
            updater.get_targetinfo(probe)  # 5: makes python-tuf load and verify the role
            signed = _read(directory, Targets, role)
            _refuse_expired(signed, judge_expiry_at(now, floor))  # 6
            found = {name: signed_file(name, target) for name, target in signed.targets.items()}  # 7
        except (RepositoryError, DownloadHTTPError) as error:
            who = "The configuration" if role == CONFIG_ROLE else f"What {advertiser} signed"
            broken[role] = translate(error, who)
            continue
        strange = sorted(name for name in found if not _may_sign(delegated, name))  # 5
        owned = {name for name in found.keys() - strange if _owner(roles, name) == role}  # 5
        files |= {name: found[name] for name in owned}
        if strange:
            overreaching[role] = UntrustedError(
                f"{advertiser} signed {strange[0][:80]!r}, which is not a name that it may sign.",
                "It is ignored. Ask them what they meant, or revoke their key.",
            )
    return files, broken, overreaching


def _owner(roles: Mapping[str, DelegatedRole], name: str) -> str:
    """Return the first role that `name` was delegated to. Delegations are terminating, so that no other has a say.

    That is how an operator withholds a name from an advertiser who signs it: `config`, the first, takes it and signs
    nothing under it.
    """
    return next(role for role, delegated in roles.items() if delegated.is_delegated_path(name))


def _may_sign(role: DelegatedRole, name: str) -> bool:
    """Whether `name` was delegated to `role`, and is a pack's name if and only if the role is an advertiser's."""
    return role.is_delegated_path(name) and (role.name == CONFIG_ROLE) == (parse_target_name(name) is None)


def signed_file(name: str, target: TargetFile) -> SignedFile:
    """Return what was signed. Its hash names a file and a topic, and python-tuf takes any text for one.

    Raises RepositoryError.
    """
    sha256 = target.hashes.get("sha256", "")
    if _SHA256.fullmatch(sha256) is None or not 0 < target.length <= MAX_DOCUMENT_BYTES:
        raise RepositoryError(f"{name} is signed without a SHA-256 or with an impossible length")
    return SignedFile(name, sha256, target.length)


def _read(directory: Path, kind: type[_Kind], role: str = "") -> _Kind:
    """Return metadata that python-tuf has just verified and kept."""
    content = (directory / f"{quote(role or kind.type, safe='')}.json").read_bytes()
    return Metadata[_Kind].from_bytes(content).signed


def _false_root(error: Exception) -> EdgeAgentError:
    return UntrustedError(
        str(translate(error, "The next root")),
        "Everything else is heeded. Somebody may be tampering with the broker; a true next root ends it: "
        '"edge-agent fleet keys rotate root".',
    )


def _refuse_older(root: Root, timestamp: Timestamp, known: Known) -> None:
    """Under a newer root, versions may begin anew: its new keys undo what a thief of the old ones counted up."""
    if root.version < known.root_version:
        raise BadVersionNumberError(f"the root has version {root.version}, and had {known.root_version} before")
    if root.version == known.root_version and timestamp.version < known.version:
        raise BadVersionNumberError(f"the timestamp has version {timestamp.version}, and had {known.version} before")


def _forks(held: Timestamp, shown: bytes) -> dict[str, EdgeAgentError]:
    """Return what to say where another timestamp is `shown` under the version that is held.

    python-tuf has verified its signature and then passed it over, since it is no newer.
    """
    if Metadata[Timestamp].from_bytes(shown).signed == held:
        return {}
    error = UntrustedError(
        f"The broker shows another signed timestamp of version {held.version} than this device holds: "
        "two copies of the fleet's folder have gone on from one another, or somebody has its key.",
        'What is on the device stays; the next version ends it. See "edge-agent fleet status", and "Back up" in '
        "edge-agent docs operator-guide.",
    )
    return {Timestamp.type: error}


def _newest_signing(top: list[Signed], floor: datetime) -> datetime:
    claims = [read_signed_at(signed.unrecognized_fields, signed.expires) for signed in top]
    return max([floor, *(claim for claim in claims if claim is not None)])


def _refuse_expired(signed: Signed, at: datetime) -> None:
    if signed.is_expired(at):
        raise ExpiredMetadataError(f"the {signed.type} metadata has expired on {signed.expires:%Y-%m-%d}")


@contextmanager
def _made_durable(directory: Path, known: Known) -> Iterator[None]:
    """Flush what python-tuf writes, which it replaces atomically but does not sync; after a failure, too.

    Roots that are `known` are on the disk already. The first is written again at each look, but never read: the chain
    starts at the root.json of provisioning.
    """
    try:
        yield
    finally:
        history = directory / "root_history"
        roots = [path for path in history.glob("*.root.json") if _number(path) > known.root_version]
        standing = (path for path in directory.glob("*.json") if path.exists())
        for path in (*roots, *([history] if roots else []), *standing, directory):
            flush(path)


def _number(root: Path) -> int:
    number = root.name.partition(".")[0]
    return int(number) if number.isdecimal() else 0
