"""The pack format, version 1: one campaign, and its assets as lists of chunks. Pure.

A manifest is the TUF target `packs/<advertiser>/<pack>.json`: UTF-8 JSON of at most 128 KiB.

    {"v": 1, "name": "spring", "version": 3, "kinds": ["tv"],
     "campaign": { … edge_agent.model.campaign.Campaign … },
     "assets": {"poster.png": {"sha256": "…", "length": 81234, "mime": "image/png", "w": 1280, "h": 720,
                               "chunks": [{"sha256": "…", "length": 65002}, …]}}}

An asset is the concatenation of its chunks; both it and each chunk are named by their SHA-256. Chunks are cut where
the content says (64 KiB on average, at most 128 KiB), so that a changed asset shares most of them with the old.

A manifest lists some 1,400 chunks, about 90 MB. An asset for which there is no room has its list of chunks in parts
(see `chunk_lists`), each named by its hash and carried like a chunk; `crit` makes agents that do not know them leave
the asset out:

    {"sha256": "…", "length": 209715200, "mime": "video/mp4", "crit": ["chunk_lists"],
     "chunk_lists": [{"sha256": "…", "length": 36864, "covers": 67290133}, …]}
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from edge_agent.model.campaign import Asset, AssetName, Campaign
from edge_agent.model.errors import FormatError
from edge_agent.model.identity import Identifier, Sha256
from edge_agent.packs.formats.documents import MAX_DOCUMENT_BYTES, parse_json, validate

FORMAT_VERSION: Final = 1
MAX_CHUNK_BYTES: Final = 128 * 1024
MAX_ASSETS: Final = 128
MAX_CHUNKS_PER_ASSET: Final = 8192
CHUNK_ENTRY_BYTES: Final = 36
"""What one chunk takes in a list of its own: its SHA-256, and its length as four bytes."""

MAX_LIST_BYTES: Final = MAX_CHUNK_BYTES // CHUNK_ENTRY_BYTES * CHUNK_ENTRY_BYTES
MAX_LISTS_PER_ASSET: Final = 64
MIN_LISTED_BYTES: Final = 16 * 1024
"""Listed chunks are so long on average, so that the length of an asset bounds how many there can be."""

LISTED: Final = "chunk_lists"
MAX_CREATIVES: Final = 256
MAX_BOOKED: Final = 512
"""Creatives that the line items name, one once for each: all are weighed at a moment, while a press waits."""
_TARGET_NAME: Final = re.compile(r"packs/([a-z0-9][a-z0-9._-]{0,63})/([a-z0-9][a-z0-9._-]{0,63})\.json")


class Chunk(BaseModel):
    """One piece of an asset, on the topic `repo/chunk/<sha256>`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: Sha256
    length: int = Field(gt=0, le=MAX_CHUNK_BYTES)


_EITHER: Final[dict[str, Any]] = {
    "oneOf": [
        {"required": ["chunks"]},
        {"required": [LISTED, "crit"], "properties": {"crit": {"contains": {"const": LISTED}}}},
    ]
}


class ChunkList(BaseModel):
    """A part of an asset's list of chunks, on the topic `repo/chunk/<sha256>` too; `chunk_lists` reads it.

    `covers` is how many bytes of the asset its chunks are together.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: Sha256
    length: int = Field(gt=0, le=MAX_LIST_BYTES, multiple_of=CHUNK_ENTRY_BYTES)
    covers: int = Field(gt=0)

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        count = self.length // CHUNK_ENTRY_BYTES
        if not (count - 1) * MIN_LISTED_BYTES < self.covers <= count * MAX_CHUNK_BYTES:
            raise ValueError(f"{count} chunks cannot cover {self.covers} bytes")
        return self


class PackedAsset(Asset):
    """An asset and the chunks it is made of, in order: here, or in lists that are fetched like chunks."""

    model_config = ConfigDict(json_schema_extra=_EITHER)

    mime: Annotated[str, Field(pattern=r"^[a-z]+/[a-z0-9.+-]{1,60}$")]
    chunks: tuple[Chunk, ...] = Field(default=(), min_length=1, max_length=MAX_CHUNKS_PER_ASSET)
    chunk_lists: tuple[ChunkList, ...] = Field(default=(), min_length=1, max_length=MAX_LISTS_PER_ASSET)
    crit: Annotated[tuple[str, ...], Field(max_length=16)] = ()

    @model_validator(mode="after")
    def _chunks_add_up(self) -> Self:
        if bool(self.chunks) == bool(self.chunk_lists):
            raise ValueError("it has either chunks or chunk_lists")
        if self.chunk_lists and LISTED not in self.crit:
            raise ValueError(f"crit has to name {LISTED}, so that agents that do not know them leave the asset out")
        total = sum(chunk.length for chunk in self.chunks) + sum(part.covers for part in self.chunk_lists)
        if total != self.length:
            raise ValueError(f"its chunks have {total} bytes together, but its length is {self.length}")
        return self

    def plain(self) -> Asset:
        """Return the asset as the rest of the agent sees it."""
        return Asset(sha256=self.sha256, length=self.length, mime=self.mime, w=self.w, h=self.h, dur=self.dur)

    def placed_chunks(self) -> Iterator[tuple[int, Chunk]]:
        """Yield each chunk that is listed here with its offset in the asset, in bytes."""
        return placed(self.chunks)

    def placed_lists(self) -> Iterator[tuple[int, ChunkList]]:
        """Yield each list with the offset in the asset at which its chunks begin, in bytes."""
        offset = 0
        for part in self.chunk_lists:
            yield offset, part
            offset += part.covers


def placed(chunks: Iterable[Chunk], offset: int = 0) -> Iterator[tuple[int, Chunk]]:
    """Yield each chunk with its offset in bytes; the first is at `offset`."""
    for chunk in chunks:
        yield offset, chunk
        offset += chunk.length


class Manifest(BaseModel):
    """One pack. `version` grows with each publication; `kinds` are the devices it is for (none named: all)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    v: Literal[1] = FORMAT_VERSION
    name: Identifier
    version: int = Field(ge=1)
    kinds: tuple[Identifier, ...] = ()
    campaign: Campaign
    assets: Mapping[AssetName, PackedAsset] = Field(default={}, max_length=MAX_ASSETS)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len(self.campaign.creatives) > MAX_CREATIVES:
            raise ValueError(f"more than {MAX_CREATIVES} creatives")
        if self.campaign.booked > MAX_BOOKED:
            raise ValueError(f"its line items name more than {MAX_BOOKED} creatives between them")
        for creative in self.campaign.creatives:
            for name in creative.asset_names():
                if name not in self.assets:
                    raise ValueError(f"creative {creative.crid} needs the asset {name}, which the pack does not have")
        lengths: dict[str, int] = {}
        wholes: dict[str, int] = {}
        for name, asset in self.assets.items():
            if wholes.setdefault(asset.sha256, asset.length) != asset.length:
                raise ValueError(f"the asset {name} has the content of another and another length")
            for chunk in asset.chunks:
                if lengths.setdefault(chunk.sha256, chunk.length) != chunk.length:
                    raise ValueError(f"the chunk {chunk.sha256[:12]}… is listed with two lengths")
        return self

    @property
    def target_name(self) -> str:
        """The TUF target name: `packs/<advertiser>/<pack>.json`."""
        return pack_target_name(self.campaign.advertiser, self.name)

    @property
    def shelf_name(self) -> str:
        """The name on the shelf, unique over all advertisers: `<advertiser>/<pack>`."""
        return f"{self.campaign.advertiser}/{self.name}"

    @property
    def total_bytes(self) -> int:
        """Bytes of all assets; two names for one content count once."""
        return sum({asset.sha256: asset.length for asset in self.assets.values()}.values())

    def to_bytes(self) -> bytes:
        """Return the document that is signed."""
        value = {"v": self.v} | self.model_dump(mode="json", exclude_defaults=True)
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def pack_target_name(advertiser: str, pack: str) -> str:
    """Return the TUF target name of that advertiser's pack."""
    return f"packs/{advertiser}/{pack}.json"


def parse_target_name(target_name: str) -> tuple[str, str] | None:
    """Return (advertiser, pack) of a pack's target name, or None when it names no pack."""
    found = _TARGET_NAME.fullmatch(target_name)
    return None if found is None else (found[1], found[2])


def shelf_name(target_name: str) -> str:
    """Return `<advertiser>/<pack>` for a pack's target name."""
    return target_name.removeprefix("packs/").removesuffix(".json")


def parse_manifest(content: bytes, target_name: str, max_pack_bytes: int) -> Manifest:
    """Return the manifest in `content`, whose hash is already verified to be that of `target_name`.

    This is the writer's reading, to which every field must be known; devices read with `newer.read_manifest`.
    Raises FormatError for an unknown format version, anything out of its limits, an asset that a creative needs
    and the pack lacks, or a manifest that speaks for another pack or advertiser than its target name.
    """
    return judge_manifest(open_manifest(content, target_name), target_name, max_pack_bytes)


def open_manifest(content: bytes, target_name: str) -> Mapping[str, Any]:
    """Return the JSON of a manifest of this format version. Raises FormatError, also for any other version."""
    what = f"The pack {shelf_name(target_name)}"
    value = parse_json(content, what, MAX_DOCUMENT_BYTES)
    if value.get("v") != FORMAT_VERSION:
        raise FormatError(
            f"{what} has format version {value.get('v')!r:.20}; this agent reads version {FORMAT_VERSION}.",
            "Update the agent, or publish the pack in the older format.",
        )
    return value


def judge_manifest(value: Mapping[str, Any], target_name: str, max_pack_bytes: int) -> Manifest:
    """Return the manifest that `value` is. Raises FormatError for all that `parse_manifest` names but the version."""
    what = f"The pack {shelf_name(target_name)}"
    manifest = validate(Manifest, value, what)
    if manifest.target_name != target_name:
        raise FormatError(f"{what} says of itself that it is {manifest.shelf_name}.")
    if manifest.total_bytes > max_pack_bytes:
        raise FormatError(
            f"{what} has {manifest.total_bytes} bytes of assets; at most {max_pack_bytes} are taken.",
            "Make its assets smaller, or raise packs.max_pack_bytes.",
        )
    return manifest
