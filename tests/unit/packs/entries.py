"""Entries of a shelf of any size, flight and state, for tests of who gets room."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from edge_agent.packs.formats.manifest import Manifest, PackedAsset
from edge_agent.packs.shelf_record import Entry
from tests.samples import campaign

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def manifest(name: str, length: int, *, days: int = 10, first: int = -1, letter: str = "") -> Manifest:
    """A pack of three assets, of which one has `length` bytes and the others are shared and one byte long."""
    flight = {"start": (NOW + timedelta(days=first)).isoformat(), "end": (NOW + timedelta(days=days)).isoformat()}
    value = campaign(name).model_dump(mode="json")
    for item in value["line_items"]:
        item["flight"] = flight
    digests = {"mention.wav": (letter or name[0]) * 64, "offer.wav": "f" * 64}
    assets: dict[str, Any] = {}
    for creative in campaign(name).creatives:
        for asset in creative.asset_names():
            sha256 = digests.get(asset, "f" * 64)
            size = 1 if sha256 == "f" * 64 else length
            assets[asset] = PackedAsset.model_validate(
                {
                    "sha256": sha256,
                    "length": size,
                    "mime": "audio/wav",
                    "chunks": [{"sha256": sha256, "length": size}],
                }
            )
    return Manifest.model_validate({"name": name, "version": 1, "campaign": value, "assets": assets})


def entry(name: str, length: int, *, complete: bool = False, **changes: Any) -> Entry:
    pack = manifest(name, length, **changes)
    new = Entry(pack.target_name, f"{name}-1", pack)
    return replace(new, complete=pack, complete_sha256=new.sha256) if complete else new
