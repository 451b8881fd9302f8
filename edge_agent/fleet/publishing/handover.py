"""From an advertiser's folder to an operator's fleet: packs are built and signed, and judged before they count."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, TargetFile, Targets

from edge_agent.fleet.publishing.ledger import forget_sent
from edge_agent.fleet.signing.advertiser import ADVERTISER, AdvertiserFolder
from edge_agent.fleet.signing.authority import refuse_oversize
from edge_agent.fleet.signing.book import Book
from edge_agent.fleet.signing.bundle import Bundle, read_bundle, write_bundle
from edge_agent.fleet.signing.chunk_folder import ChunkKeeper, Read, parts_of, reading
from edge_agent.fleet.signing.content_folder import sha256_of
from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.fleet.signing.shares import refuse_past_share
from edge_agent.fleet.signing.signed_packs import (
    ANY_SIZE,
    Progress,
    Signed,
    manifests,
    refuse_anothers_campaign,
    sign_manifest,
    sign_pack,
)
from edge_agent.model.errors import FormatError, SettingsError, StorageError
from edge_agent.packs.formats.documents import MAX_DOCUMENT_BYTES, parse_json
from edge_agent.packs.formats.manifest import Manifest, parse_manifest, parse_target_name, shelf_name
from edge_agent.packs.source import metadata_topic
from edge_agent.packs.trust.repository import ADVERTISER_ROLE

_LAST_VERSION: Final = 2**31 - 1
"""The version is part of the topic, of which 256 bytes are allowed."""

_RENEW_BEFORE: Final = timedelta(days=240)
_OTHER_FIRST: Final = (
    "Publish the bundle of that pack first. Where its advertiser has built over that since: withdraw that pack, "
    "build this one, publish it, and then build that one again."
)
_FIX: Final = "Ask the advertiser to build it again; nothing of it was published."


class _Draft:
    """A `Book` of one pack that nobody has signed yet."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.files: Mapping[str, TargetFile] = {}
        self.documents: dict[str, bytes] = {}

    def document(self, name: str) -> bytes:
        """As in Book."""
        return self.documents[sha256_of(self.files[name])]

    def chunk_path(self, sha256: str) -> Path:
        """As in Book."""
        return self.directory / sha256

    def put(self, name: str, content: bytes) -> None:
        """As in Book."""
        file = TargetFile.from_data(name, content, ["sha256"])
        self.files = {name: file}
        self.documents = {sha256_of(file): content}

    def commit(self, now: datetime) -> None:
        """Nothing is signed."""


def build_unsigned(folder: Path, out: Path, now: datetime, progress: Progress) -> Signed:
    """Write the pack in `folder` as a bundle that is ready to sign. The same folder and day make the same bytes."""
    with tempfile.TemporaryDirectory() as directory:
        draft = _Draft(Path(directory))
        signed = sign_pack(draft, folder, now, progress)
        chunks = {path.name: path.read_bytes for path in Path(directory).iterdir()}
        write_bundle(out, None, draft.documents, chunks)
    return signed


def build_signed(advertiser: AdvertiserFolder, folder: Path, out: Path, now: datetime, progress: Progress) -> Signed:
    """Sign the pack in `folder` with the advertiser's key and write the bundle that its operator publishes."""
    signed = sign_pack(advertiser, folder, now, progress)
    if not signed.changed and advertiser.metadata.signed.expires - now < _RENEW_BEFORE:
        advertiser.commit(now)
    write_signed(advertiser, out, signed.name)
    return signed


def write_signed(advertiser: AdvertiserFolder, out: Path, *packs: str) -> None:
    """Write what the advertiser has signed, with the content of `packs` (`<advertiser>/<pack>`)."""
    documents: dict[str, bytes] = {}
    chunks: dict[str, Path] = {}
    for manifest in manifests(advertiser):
        if manifest.shelf_name in packs:
            sha256 = sha256_of(advertiser.files[manifest.target_name])
            documents[sha256] = advertiser.document(manifest.target_name)
            chunks |= {part: advertiser.chunk_path(part) for part in _parts(manifest, reading(advertiser))}
    readers = {sha256: path.read_bytes for sha256, path in chunks.items()}
    write_bundle(out, advertiser.metadata.to_bytes(), documents, readers)


def sign_bundle(advertiser: AdvertiserFolder, path: Path, out: Path, now: datetime) -> tuple[str, ...]:
    """Sign a bundle with the keys in the advertiser's folder and write it to `out`; return the packs in it.

    One that nobody has signed becomes the next version of its pack. One that others have signed gets the signatures
    of these keys beside theirs, for an advertiser of whom several have to sign.
    """
    bundle = read_bundle(path)
    if bundle.metadata is not None:
        return _sign_along(advertiser, bundle, bundle.metadata, out)
    names = []
    for content in bundle.documents.values():
        manifest = _parse(content, f"packs/{advertiser.name}/")
        refuse_anothers_campaign(advertiser, manifest.campaign, path.name)
        _take_parts(advertiser, bundle, _needed(manifest, bundle, advertiser))
        signed, _ = sign_manifest(advertiser, manifest, now)
        names.append(signed.shelf_name)
    write_signed(advertiser, out, *names)
    return tuple(names)


def _sign_along(
    advertiser: AdvertiserFolder, bundle: Bundle, metadata: Metadata[Targets], out: Path
) -> tuple[str, ...]:
    if metadata.signed.unrecognized_fields.get(ADVERTISER) != advertiser.name:
        raise SettingsError(
            f"{bundle.path} is not {advertiser.name}'s.", "Sign it with the folder of its advertiser."
        )
    signers: list[CryptoSigner] = advertiser.keys.signers()
    for signer in signers:
        metadata.sign(signer, append=True)
    chunks = {sha256: partial(bundle.chunk, sha256) for sha256 in bundle.chunks}
    for target, file in metadata.signed.targets.items():
        if sha256_of(file) in bundle.documents:
            parse_manifest(bundle.documents[sha256_of(file)], target, ANY_SIZE)
    write_bundle(out, metadata.to_bytes(), bundle.documents, chunks)
    advertiser.follow(metadata, bundle.documents)
    return tuple(sorted(map(shelf_name, metadata.signed.targets)))


@dataclass(frozen=True, slots=True)
class Accepted:
    """What an operator took over from a bundle: the packs that are new or newer, and those that are gone."""

    advertiser: str
    version: int
    packs: tuple[str, ...]
    withdrawn: tuple[str, ...]


def accept_bundle(fleet: FleetRepository, path: Path, now: datetime) -> Accepted:
    """Judge a signed bundle and take it into the fleet, committed; nothing of it is kept when anything is wrong.

    1. Every part has the name, the length and the hash that it must have (`read_bundle`).
    2. It says whose it is, that advertiser may publish here, and every name in it is that advertiser's.
    3. Its metadata is newer than what stands (or the very same), can be counted on, has not expired, and delegates to
       nobody.
    4. It is signed by the threshold of that advertiser's keys, and no longer, as it is written, than devices read.
    5. Every manifest that it names is in it or in the fleet, follows the format, is no older than what stands, and
       its campaign is no other advertiser's; and devices read all of them.
    6. Every chunk of those manifests, and list of chunks, is in it or in the fleet.

    Raises FormatError or SettingsError, one sentence about the first of these that is not so.
    """
    bundle = read_bundle(path)  # 1
    if bundle.metadata is None:
        raise SettingsError(
            f"{path} is not signed.", "Its advertiser signs it with edge-agent fleet pack sign; then publish it."
        )
    name = bundle.metadata.signed.unrecognized_fields.get(ADVERTISER)
    if name not in fleet.advertisers:  # 2
        raise SettingsError(
            f"{path} is from {name!r:.80}, who may not publish here.",
            "Get its public key, then: edge-agent fleet keys add-advertiser NAME --public-key FILE.",
        )
    role = f"{ADVERTISER_ROLE}{name}"
    before = fleet.role_metadata(role)
    _judge_metadata(path, bundle.metadata, name, before, now)  # 2, 3
    standing = {manifest.target_name: manifest for manifest in manifests(fleet)}
    fleet.authority.refuse_unsigned(role, bundle.metadata)  # 4
    refuse_oversize(role, bundle.metadata.to_bytes())  # 4
    kept = before.targets if before is not None else {}
    documents, arrived = _judge_manifests(fleet, bundle, bundle.metadata.signed, standing, kept)  # 5, 6
    newest = standing | {manifest.target_name: manifest for manifest in arrived}
    targets = bundle.metadata.signed.targets
    refuse_past_share(
        name, [(newest[target], file.length) for target, file in targets.items() if target in newest]
    )  # 5
    _take_parts(fleet, bundle, {part for manifest in arrived for part in _needed(manifest, bundle, fleet)})
    for document in documents:
        fleet.keep_document(document)
    if bundle.metadata.signed == before and bundle.metadata != fleet.signed_metadata(role):  # others signed along
        forget_sent(fleet.directory, metadata_topic(f"{before.version}.{role}"))
    fleet.accept(role, bundle.metadata)
    fleet.commit(now)
    gone = kept.keys() - bundle.metadata.signed.targets.keys()
    newer = sorted(one.shelf_name for one in arrived if one != standing.get(one.target_name))
    return Accepted(name, bundle.metadata.signed.version, tuple(newer), tuple(sorted(map(shelf_name, gone))))


def _judge_metadata(
    path: Path, metadata: Metadata[Targets], name: str, before: Targets | None, now: datetime
) -> None:
    signed = metadata.signed
    foreign = sorted(target for target in signed.targets if (parse_target_name(target) or ("",))[0] != name)
    if foreign:
        raise SettingsError(f"{name} may not sign {foreign[0][:80]!r}.", _FIX)
    if signed.delegations is not None:
        raise SettingsError(f"{path} lets others sign for {name}.", _FIX)
    if signed.is_expired(now):
        raise SettingsError(f"What {name} signed has expired on {signed.expires:%Y-%m-%d}.", _FIX)
    if signed.version > _LAST_VERSION:
        digits = len(str(signed.version))
        raise SettingsError(f"{path} is {name}'s version of {digits} digits; at most {_LAST_VERSION} is one.", _FIX)
    if before is not None and signed.version < before.version:
        raise SettingsError(
            f"{path} is {name}'s version {signed.version}; version {before.version} is published already.", _FIX
        )
    if before is not None and signed.version == before.version and signed != before:
        raise SettingsError(
            f"{name} signed version {signed.version} twice, and this is not what is published.",
            "Ask for a build from the folder that signed the published one. Where that is lost, "
            'see "Keys" in edge-agent docs packs.',
        )


def _judge_manifests(
    fleet: FleetRepository,
    bundle: Bundle,
    signed: Targets,
    standing: Mapping[str, Manifest],
    kept: Mapping[str, TargetFile],
) -> tuple[list[bytes], list[Manifest]]:
    documents, arrived = [], []
    for target, file in sorted(signed.targets.items()):
        content = bundle.documents.get(file.hashes.get("sha256", ""))
        if content is None:
            if kept.get(target) == file:
                continue
            raise FormatError(f"{bundle.path} names {shelf_name(target)}, but does not hold it.", _OTHER_FIRST)
        if len(content) != file.length or len(content) > MAX_DOCUMENT_BYTES:
            raise FormatError(f"{shelf_name(target)} does not have the length that was signed.", _FIX)
        manifest = parse_manifest(content, target, ANY_SIZE)
        old = standing.get(target)
        if old is not None and (
            manifest.version < old.version or (manifest.version == old.version and manifest != old)
        ):
            raise FormatError(f"{shelf_name(target)} is version {old.version} already.", _FIX)
        refuse_anothers_campaign(fleet, manifest.campaign, bundle.path.name)
        _needed(manifest, bundle, fleet)
        documents.append(content)
        arrived.append(manifest)
    return documents, arrived


def _needed(manifest: Manifest, bundle: Bundle, book: Book) -> set[str]:
    """Return the hashes of all that the pack is made of. Raises FormatError when a part is in neither of the two."""

    def read(sha256: str) -> bytes:
        return bundle.chunk(sha256) if sha256 in bundle.chunks else reading(book)(sha256)

    try:
        parts = _parts(manifest, read)
    except StorageError as error:
        raise FormatError(f"{bundle.path} lacks a list of chunks of {manifest.shelf_name}.", _FIX) from error
    if any(part not in bundle.chunks and not book.chunk_path(part).is_file() for part in parts):
        raise FormatError(f"{bundle.path} lacks a part of {manifest.shelf_name}.", _FIX)
    return parts


def _take_parts(book: Book, bundle: Bundle, parts: set[str]) -> None:
    with ChunkKeeper(book) as keeper:
        for part in sorted(parts & bundle.chunks.keys()):
            keeper.keep(bundle.chunk(part))


def _parse(content: bytes, prefix: str) -> Manifest:
    """Return a manifest that nobody has signed yet: it says itself whose it is."""
    name = parse_json(content, "The manifest").get("name", "")
    return parse_manifest(content, f"{prefix}{name}.json", ANY_SIZE)


def _parts(manifest: Manifest, read: Read) -> set[str]:
    return {part for asset in manifest.assets.values() for part in parts_of(asset, read, manifest.shelf_name)}
