"""From entries and what is on disk to the catalog that decisions see. Pure; `find` looks on the disk."""

from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Final

from edge_agent.model.catalog import Catalog, ShelvedPack
from edge_agent.model.wording import Wording
from edge_agent.packs.formats.manifest import Manifest, PackedAsset
from edge_agent.packs.formats.revocations import Revocations
from edge_agent.packs.shelf_record import Entry

Find = Callable[[PackedAsset], Path | None]
"""Where a whole asset is, or None."""

_LIFTED: Final = Wording("revoked.lifted", "It was revoked, is no longer, and what it needs is fetched again.")


def shown_assets(catalog: Catalog) -> frozenset[str]:
    """Return the hashes of the assets that a catalog lets be opened: files in the store are named by them."""
    return frozenset(path.name for pack in catalog.packs if not pack.revoked for path in pack.paths.values())


def shelve(manifest: Manifest, find: Find, revocations: Revocations) -> ShelvedPack:
    """Return the pack as decisions see it."""
    found = {name: find(asset) for name, asset in manifest.assets.items()}
    paths = {name: path for name, path in found.items() if path is not None}
    creatives = manifest.campaign.creatives
    revoked = revocations.of_creatives(manifest.shelf_name, (creative.crid for creative in creatives))
    lifted = {
        creative.crid: _LIFTED() for creative in creatives if not manifest.assets.keys() >= {*creative.asset_names()}
    }
    return ShelvedPack(
        name=manifest.shelf_name,
        version=manifest.version,
        campaign=manifest.campaign,
        assets={name: asset.plain() for name, asset in manifest.assets.items()},
        paths=paths,
        complete=len(paths) == len(found),
        revoked=lifted | revoked,
    )


def build_catalog(
    entries: Iterable[Entry], find: Find, revocations: Revocations, without_room: Collection[str] = ()
) -> Catalog:
    """Return the shelf: of each pack the last complete version, else the newest one, marked incomplete.

    What is revoked stays in it and says so, so that a person sees why it does not play. The files of a pack
    `without_room` (target names) count as gone, whether or not they are yet. Sorted by name, so that equal shelves
    are equal catalogs.
    """
    packs = []
    for entry in entries:
        manifest = entry.complete or entry.newest
        if manifest is not None:
            goes = entry.complete is None and entry.target_name in without_room
            packs.append(shelve(manifest, _gone if goes else find, revocations))
    return Catalog(tuple(sorted(packs, key=lambda pack: pack.name)))


def _gone(_: PackedAsset) -> None:
    return None
