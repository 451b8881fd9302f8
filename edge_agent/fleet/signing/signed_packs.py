"""Signs packs into a book, and reads what is signed there."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from edge_agent.fleet.authoring.pack_folder import PackFolder, read_pack_folder, still_running
from edge_agent.fleet.signing.book import Book
from edge_agent.fleet.signing.packing import make_room, pack_assets
from edge_agent.fleet.signing.shares import refuse_past_share
from edge_agent.model.campaign import Campaign
from edge_agent.model.errors import FormatError
from edge_agent.packs.formats.documents import validate
from edge_agent.packs.formats.manifest import (
    Manifest,
    PackedAsset,
    pack_target_name,
    parse_manifest,
    parse_target_name,
)

Progress = Callable[[str, int, int], None]
"""Told what is going on (`signing`, `sending`), how much is done and how much there is, in bytes."""

ANY_SIZE: Final = 1 << 62
"""How large a pack that we sign ourselves may be to be read: devices have limits of their own."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A pack that was signed: `changed` is False when exactly this was signed before."""

    name: str
    version: int
    total_bytes: int
    assumed: tuple[str, ...]
    changed: bool


def sign_pack(book: Book, folder: Path, now: datetime, progress: Progress) -> Signed:
    """Read, chunk and sign the pack in `folder`. The book is committed when anything changed.

    Raises FormatError with one sentence about the file and field that is wrong, SettingsError for a missing key.
    """
    written = read_pack_folder(folder, now)
    standing = _published(book, pack_target_name(written.campaign.advertiser, written.pack))
    if standing is not None:
        written = still_running(written, standing.campaign, now)
    refuse_anothers_campaign(book, written.campaign, folder.name)
    total_bytes = sum(path.stat().st_size for path in written.files.values())
    done_bytes = 0

    def on_packed(length: int) -> None:
        nonlocal done_bytes
        done_bytes += length
        progress("signing", done_bytes, total_bytes)

    assets = pack_assets(book, written, on_packed)
    manifest, changed = sign_manifest(book, _manifest(written, assets, 1, folder), now)
    return Signed(manifest.shelf_name, manifest.version, manifest.total_bytes, written.assumed, changed)


def sign_manifest(book: Book, manifest: Manifest, now: datetime) -> tuple[Manifest, bool]:
    """Sign `manifest` as the next version of its pack and commit, unless exactly this was signed before.

    Returns it as it is signed, and whether it changed. Its chunks are in the book already. Raises FormatError, also
    where devices would not read all that its advertiser signs then.
    """
    name = manifest.target_name
    old = _published(book, name)
    if old is not None:
        if make_room(book, manifest.model_copy(update={"version": old.version})) == old:
            return old, False
        manifest = manifest.model_copy(update={"version": old.version + 1})
    manifest = make_room(book, manifest)
    content = manifest.to_bytes()
    parse_manifest(content, name, manifest.total_bytes)
    advertiser = manifest.campaign.advertiser
    others = (one for one in manifests(book, advertiser) if one.target_name != name)
    lengths = ((one, book.files[one.target_name].length) for one in others)
    refuse_past_share(advertiser, [*lengths, (manifest, len(content))])
    book.put(name, content)
    book.commit(now)
    return manifest, True


def refuse_anothers_campaign(book: Book, campaign: Campaign, where: str) -> None:
    """Raise FormatError: caps, dismissals and reports go by the campaign's id, so no two advertisers may share it."""
    for other in manifests(book):
        if other.campaign.id == campaign.id and other.campaign.advertiser != campaign.advertiser:
            raise FormatError(
                f"{where}: the campaign id {campaign.id} is {other.campaign.advertiser}'s already.",
                f'Write another into the pack, for instance id = "{campaign.advertiser}-{campaign.id}".',
            )


def _manifest(written: PackFolder, assets: Mapping[str, PackedAsset], version: int, folder: Path) -> Manifest:
    value = {
        "name": written.pack,
        "version": version,
        "kinds": written.kinds,
        "campaign": written.campaign,
        "assets": assets,
    }
    return validate(Manifest, value, folder.name)


def _published(book: Book, name: str) -> Manifest | None:
    if name not in book.files:
        return None
    return parse_manifest(book.document(name), name, ANY_SIZE)


def manifests(book: Book, advertiser: str | None = None) -> Iterator[Manifest]:
    """Yield every signed pack, or those of one advertiser, by name.

    Raises FormatError for one that an earlier version let through.
    """
    for name in sorted(book.files):
        parsed = parse_target_name(name)
        if parsed is not None and advertiser in {None, parsed[0]}:
            try:
                manifest = _published(book, name)
            except FormatError as error:
                raise FormatError(
                    str(error), "Take it back (fleet revoke, or pack withdraw), and publish it corrected."
                ) from error
            if manifest is not None:
                yield manifest
