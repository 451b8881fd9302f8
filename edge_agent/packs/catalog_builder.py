"""From entries and what is on disk to the catalog that decisions see. Pure; `find` looks on the disk."""

from collections.abc import Callable, Iterable
from pathlib import Path

from edge_agent.model.catalog import Catalog, ShelvedPack
from edge_agent.packs.manifest import Manifest, PackedAsset
from edge_agent.packs.revocations import Revocations
from edge_agent.packs.shelf_record import Entry

Find = Callable[[PackedAsset], Path | None]
"""Where a whole asset is, or None."""


def shelve(manifest: Manifest, find: Find, revocations: Revocations) -> ShelvedPack:
    """Return the pack as decisions see it."""
    found = {name: find(asset) for name, asset in manifest.assets.items()}
    paths = {name: path for name, path in found.items() if path is not None}
    return ShelvedPack(
        name=manifest.shelf_name,
        version=manifest.version,
        campaign=manifest.campaign,
        assets={name: asset.plain() for name, asset in manifest.assets.items()},
        paths=paths,
        complete=len(paths) == len(found),
        revoked=revocations.of_creatives(
            manifest.shelf_name, (creative.crid for creative in manifest.campaign.creatives)
        ),
    )


def build_catalog(entries: Iterable[Entry], find: Find, revocations: Revocations) -> Catalog:
    """Return the shelf: of each pack the last complete version, else the newest one, marked incomplete.

    What is revoked stays in it and says so, so that a person sees why it does not play. Sorted by name, so that
    equal shelves are equal catalogs.
    """
    manifests = (entry.complete or entry.newest for entry in entries)
    packs = (shelve(manifest, find, revocations) for manifest in manifests if manifest is not None)
    return Catalog(tuple(sorted(packs, key=lambda pack: pack.name)))
