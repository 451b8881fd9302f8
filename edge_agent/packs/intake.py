"""Shell: brings the small signed documents of a repository to the disk, and gives each signed pack its entry."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace

from edge_agent.model.errors import EdgeAgentError, FormatError, LinkError, StorageError, UntrustedError
from edge_agent.packs.formats.documents import MAX_DOCUMENT_BYTES
from edge_agent.packs.formats.manifest import parse_target_name, shelf_name
from edge_agent.packs.formats.revocations import TARGET as REVOKED
from edge_agent.packs.shares import Claimed, past_share, within_bookings, without_share
from edge_agent.packs.shelf import Shelf, role_of
from edge_agent.packs.shelf_record import Entry
from edge_agent.packs.source import Piece, Source, target_topic
from edge_agent.packs.threads import in_thread
from edge_agent.packs.trust.repository import Repository, SignedFile
from edge_agent.troubles import Troubles

_log = logging.getLogger(__name__)


def wanted_documents(repository: Repository, prefixes: Iterable[str]) -> list[str]:
    """Return the names of small signed documents that somebody on this device asked for, in order."""
    asked = tuple(prefixes)
    return sorted(name for name in repository.files if parse_target_name(name) is None and name.startswith(asked))


def signed_packs(repository: Repository) -> list[str]:
    """Return the target names of packs in a repository, in order."""
    return sorted(name for name in repository.files if parse_target_name(name) is not None)


def packs_to_read(repository: Repository, shelf: Shelf) -> list[str]:
    """Return the target names of packs whose manifests are wanted: not those that are revoked."""
    revocations = shelf.revocations
    return [name for name in signed_packs(repository) if revocations.of_pack(shelf_name(name)) is None]


async def packs_without_share(
    repository: Repository, shelf: Shelf, names: Iterable[str]
) -> Mapping[str, StorageError]:
    """Return those of `names` for whose manifests their advertiser has no room left, with why (see `shares`)."""
    claims = []
    for name in names:
        file, entry = repository.files[name], shelf.entries.get(name)
        standing = None if entry is None else entry.complete_sha256
        standing_bytes = 0 if standing is None else await in_thread(shelf.store.document_bytes, standing)
        claims.append(Claimed(name, file.length, standing_bytes))
    return without_share(claims)


async def bring_documents(
    repository: Repository, shelf: Shelf, source: Source, names: Sequence[str], window: int
) -> EdgeAgentError | None:
    """Fetch those of the signed `names` that are not here: manifests and other small documents.

    Each is kept only when it is what was signed. Returns the first failure, after trying every one, or the disk's at
    once. A small document that came holds also where the disk did not take it: it is brought again at the next look.
    """
    missing: dict[str, SignedFile] = {}
    small: dict[str, bytes] = {}
    for name in names:
        file = repository.files[name]
        content = await in_thread(shelf.store.document, file.sha256)
        if content is None:
            missing[target_topic(file.sha256)] = file
        elif parse_target_name(name) is None:
            small[file.sha256] = content
    came, failure = await _fetch(missing, shelf, source, window)
    small |= came
    for name in names:
        sha256 = repository.files[name].sha256
        if parse_target_name(name) is None and sha256 in small:
            try:
                shelf.keep_named(name, small[sha256])
            except FormatError as error:
                failure = failure or error
    return failure


async def _fetch(
    missing: Mapping[str, SignedFile], shelf: Shelf, source: Source, window: int
) -> tuple[dict[str, bytes], EdgeAgentError | None]:
    """Fetch these topics and keep what they hold; return the small documents that came, by hash, and what failed."""
    came: dict[str, bytes] = {}
    failure: EdgeAgentError | None = None
    try:
        async with aclosing(source.fetch_many(list(missing), window, MAX_DOCUMENT_BYTES)) as stream:
            async for topic, answer in stream:
                file = missing[topic]
                if isinstance(answer, LinkError):
                    failure = failure or answer
                elif not Piece(file.sha256, file.length).matches(answer):
                    failure = failure or _altered(file)
                else:
                    if parse_target_name(file.name) is None:
                        came[file.sha256] = answer
                    is_urgent = file.name == REVOKED
                    await in_thread(shelf.store.keep_document, file.sha256, answer, urgent=is_urgent)
    except (LinkError, StorageError) as error:
        failure = failure or error
    return came, failure


def _altered(file: SignedFile) -> UntrustedError:
    return UntrustedError(
        f"{file.name} was altered on its way: it is not what was signed.",
        "Publish again; if it stays, somebody may be tampering with the broker.",
    )


async def place_entries(
    repository: Repository, shelf: Shelf, troubles: Troubles, left_out: Mapping[str, StorageError]
) -> Mapping[str, StorageError]:
    """Give each signed pack its entry; the last complete version stays in it until the newest is complete.

    Of a pack that is `left_out` nothing else stays, nor of one for which its advertiser books too much: both are
    returned, with why. Manifests are read in a worker thread: one that lists thousands of chunks takes long on a
    small device.
    """
    for name in signed_packs(repository):
        sha256 = repository.files[name].sha256
        old = shelf.entries.get(name)
        if name in left_out:
            if old is None or old.complete is None:
                shelf.entries.pop(name, None)
            else:
                shelf.entries[name] = past_share(
                    replace(old, sha256=sha256, newest=None, past_share=0), left_out[name]
                )
            continue
        is_read = old is not None and (old.newest is not None or bool(old.reason)) and old.past_share != 0
        if old is not None and old.sha256 == sha256 and is_read:
            continue
        fresh = Entry(name, sha256)
        if old is not None:
            fresh = replace(fresh, complete=old.complete, complete_sha256=old.complete_sha256)
        entry = await in_thread(shelf.with_manifest, fresh)
        standing = shelf.entries.get(name)
        if standing is not None and not entry.is_for_others and entry.complete is fresh.complete:
            # Meanwhile the last version may have become whole, or damaged.
            entry = replace(entry, complete=standing.complete, complete_sha256=standing.complete_sha256)
        shelf.entries[name] = entry
        if entry.reason and not entry.is_for_others:
            unusable = FormatError(str(entry.reason), "Publish a corrected pack; until then the last good one plays.")
            troubles.begin(f"manifest {shelf_name(name)}", unusable)
        elif entry.newest is not None:
            for sentence in entry.left_out:
                _log.info("The pack %s is newer than this agent. %s", shelf_name(name), sentence)
            troubles.end(f"manifest {shelf_name(name)}")
    return {**await _hold_to_bookings(shelf), **left_out}


async def _hold_to_bookings(shelf: Shelf) -> Mapping[str, StorageError]:
    """Leave out what an advertiser books past its share, and let in what was left out and fits now."""
    shelf.entries, left_out = within_bookings(shelf.entries)
    for name, entry in list(shelf.entries.items()):
        if entry.past_share and name not in left_out:
            let_in = await in_thread(shelf.with_manifest, replace(entry, reason=None, past_share=None))
            if shelf.entries.get(name) is entry:
                shelf.entries[name] = let_in
    return left_out


def note_broken_roles(repository: Repository, troubles: Troubles, left_out: Mapping[str, StorageError]) -> None:
    """Begin a trouble for each role that did not verify, is suspicious or signs too much; end those of the others."""
    too_much = {role_of(name): error for name, error in left_out.items()}
    ill = {**too_much, **repository.suspicious, **repository.broken}
    for role, error in ill.items():
        troubles.begin(f"role {role}", error)
    for subject in [subject for subject in troubles.lasting if subject.startswith("role ")]:
        if subject.removeprefix("role ") not in ill:
            troubles.end(subject)
