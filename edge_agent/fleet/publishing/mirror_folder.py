"""Shell: what a fleet's mirrors serve: a folder of whole assets, named by their hash, for any server of plain files.

    DIR/asset/<sha256>

It is written from the chunks that were signed, each file at once and whole, and only what is not there yet. Where the
folder is, and which assets stand there instead of on the broker, is remembered in the fleet folder's mirror.json.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_agent.fleet.durable import unwritten, write_durably, write_parts_durably
from edge_agent.fleet.signing.chunk_folder import listed_chunks, reading
from edge_agent.fleet.signing.signed_folder import SignedFolder
from edge_agent.model.errors import SettingsError, StorageError
from edge_agent.packs.fetching.download import Parcel
from edge_agent.packs.formats.manifest import PackedAsset

AssetsOn = Literal["broker", "mirror", "both"]

ASSETS: Final = "asset"
"""The folder within a mirror that holds assets."""

_CHOICE: Final = "mirror.json"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class MirrorChoice(BaseModel):
    """Where an operator's assets are: on the broker, on the mirrors (`folder` is what those serve), or on both.

    Assets of at most `over_bytes` are on the broker alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path | None = None
    assets_on: AssetsOn = "broker"
    over_bytes: int = Field(default=0, ge=0)

    def is_mirrored(self, asset: PackedAsset) -> bool:
        """Whether the asset belongs into the mirrors' folder."""
        return self.assets_on != "broker" and asset.length > self.over_bytes

    def is_on_broker(self, asset: PackedAsset) -> bool:
        """Whether the asset's chunks belong onto the broker."""
        return self.assets_on != "mirror" or not self.is_mirrored(asset)


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What was written into a mirrors' folder just now, and what belongs there in all."""

    folder: str
    written: int
    written_bytes: int
    assets: int


def read_choice(fleet_dir: Path) -> MirrorChoice:
    """Return what was chosen for a fleet; the broker, before anything was. Raises SettingsError."""
    path = fleet_dir / _CHOICE
    try:
        return MirrorChoice.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return MirrorChoice()
    except (OSError, ValidationError) as error:
        raise SettingsError(f"{path} cannot be read.", "Correct it, or remove it and publish again.") from error


def choose(
    fleet_dir: Path, *, folder: Path | None = None, assets_on: str | None = None, over_bytes: int | None = None
) -> MirrorChoice:
    """Change what is given of the choice (`assets_on` is one of AssetsOn), remember it, and return it.

    Raises SettingsError when assets would be on mirrors that have no folder, StorageError when it cannot be made.
    """
    before = read_choice(fleet_dir)
    if assets_on is None and folder is not None and before.assets_on == "broker":
        assets_on = "both"
    given = {
        "folder": None if folder is None else folder.resolve(),
        "assets_on": None if assets_on is None else str(assets_on),
        "over_bytes": over_bytes,
    }
    kept = before.model_dump()
    choice = MirrorChoice.model_validate(kept | {key: value for key, value in given.items() if value is not None})
    if choice.assets_on != "broker" and choice.folder is None:
        raise SettingsError(
            f"There is no folder for assets on a {choice.assets_on}.", "Name one with --mirror-folder DIR."
        )
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)  # what cannot be is not remembered
        except OSError as error:
            raise unwritten(folder, error) from error
    if choice != before:
        write_durably(fleet_dir / _CHOICE, choice.model_dump_json(indent=1).encode() + b"\n")
    return choice


def mirrored_assets(parcels: Iterator[Parcel], choice: MirrorChoice) -> dict[str, PackedAsset]:
    """Return by hash what belongs into the mirrors' folder."""
    assets = chain.from_iterable(parcel.assets.values() for parcel in parcels)
    return {asset.sha256: asset for asset in assets if choice.is_mirrored(asset)}


def missing_files(choice: MirrorChoice, assets: dict[str, PackedAsset]) -> list[PackedAsset]:
    """Return the assets that the folder does not have in full length."""
    if choice.folder is None:
        return []
    return [asset for asset in assets.values() if not _is_there(choice.folder / ASSETS / asset.sha256, asset)]


def stale_files(choice: MirrorChoice, named: set[str]) -> list[Path]:
    """Return the files of assets that are not `named`; what has no asset's name is not ours."""
    if choice.folder is None:
        return []
    there = sorted((choice.folder / ASSETS).glob("[0-9a-f]*"))
    return [path for path in there if _DIGEST.fullmatch(path.name) and path.name not in named]


def write_asset(fleet: SignedFolder, asset: PackedAsset, folder: Path) -> None:
    """Put the whole asset into a mirrors' folder. Raises StorageError, and nothing half is then there."""
    write_parts_durably(folder / ASSETS / asset.sha256, _content(fleet, asset))


def _content(fleet: SignedFolder, asset: PackedAsset) -> Iterator[bytes]:
    """Yield the asset's chunks. Raises StorageError when one is gone, or they are not the asset in the end."""
    digest = hashlib.sha256()
    read = reading(fleet)
    for chunk in listed_chunks(asset, read, "A pack"):
        content = read(chunk.sha256)
        digest.update(content)
        yield content
    if digest.hexdigest() != asset.sha256:
        raise StorageError(f"Chunks in {fleet.directory} are damaged.", "Restore the fleet folder from your backup.")


def _is_there(path: Path, asset: PackedAsset) -> bool:
    try:
        return path.stat().st_size == asset.length
    except OSError:
        return False
