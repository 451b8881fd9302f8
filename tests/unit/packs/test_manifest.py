import hashlib
import json
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from edge_agent.fleet.signing.signed_packs import sign_pack
from edge_agent.model.errors import FormatError
from edge_agent.packs.formats.manifest import (
    MAX_BOOKED,
    MAX_CHUNK_BYTES,
    Manifest,
    PackedAsset,
    pack_target_name,
    parse_manifest,
    parse_target_name,
)
from tests.fleets import SmallFleet

NAME = "packs/acme/spring.json"


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    fleet = SmallFleet(tmp_path_factory.mktemp("fleet"), datetime.now(UTC))
    fleet.sign()
    return fleet.fleet.document(NAME)


def read(document: bytes, old: bytes = b"", new: bytes = b"") -> Manifest:
    assert old in document
    return parse_manifest(document.replace(old, new) if old else document, NAME, 10**9)


def test_what_is_written_is_read(document: bytes) -> None:
    manifest = read(document)
    assert manifest.to_bytes() == document
    assert (manifest.shelf_name, manifest.target_name, manifest.version) == ("acme/spring", NAME, 1)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (b'{"v":1,', b'{"v":2,', "has format version 2; this agent reads version 1"),
        (b'{"v":1,', b'{"v":"1",', "has format version '1'"),
        (b'{"v":1,', b"{", "has format version None"),
        (b'"name":"spring","version"', b'"name":"summer","version"', "says of itself that it is acme/summer"),
        (b'"version":1', b'"version":0', "version: "),
        (b'"mime":"image/png"', b'"mime":"../../x"', "assets.poster.png.mime"),
        (b'"asset":"poster.png"', b'"asset":"../../etc"', "creatives\\[0\\].asset"),
        (b'"asset":"poster.png"', b'"asset":"other.png"', "needs the asset other.png"),
        (b'"dur":10', b'"dur":0', "dur: it must be more than 0"),
        (b'"dur":10', b'"dur":-1', "dur: it must be more than 0"),
        (b'"dur":10', b'"dur":3601', "at most 3600 seconds"),
        (b'"dur":10.0', b'"dur":1e300', "dur"),
        (b'"transcript":"', b'"transcript":"\\u001b[2J', "transcript: write 1 to 600 letters"),
        (b'"transcript":"', b'"transcript":"\\u009b2J', "transcript: write 1 to 600 letters"),
        (
            b'"name":"spring","adomain"',
            b'"name":"a\\nb","adomain"',
            "campaign.name: write 1 to 120 letters on one line",
        ),
        (b'"adomain":["', b'"adomain":["\\u001b', "adomain.*write a domain"),
        (b'"w":320', b'"w":-1', "assets.poster.png.w"),
        (b'"w":320', b'"w":320,"evil":1', "evil"),
        (b'"format":"idle_poster"', b'"format":"hologram"', "creatives\\[0\\].format"),
    ],
)
def test_what_breaks_the_format_is_said_in_one_sentence(
    document: bytes, old: bytes, new: bytes, complaint: str
) -> None:
    with pytest.raises(FormatError, match=complaint) as caught:
        read(document, old, new)
    assert "acme/spring" in str(caught.value)
    assert "\n" not in caught.value.for_person()


def asset(*lengths: int, **changes: Any) -> PackedAsset:
    chunks = [{"sha256": hashlib.sha256(bytes([i])).hexdigest(), "length": n} for i, n in enumerate(lengths)]
    return PackedAsset.model_validate(
        {"sha256": "a" * 64, "length": sum(lengths), "mime": "image/png", "chunks": chunks} | changes
    )


def test_chunks_add_up_and_know_their_places() -> None:
    assert [offset for offset, _ in asset(10, 20, 30).placed_chunks()] == [0, 10, 30]
    with pytest.raises(ValidationError, match="its chunks have 60 bytes together, but its length is 61"):
        asset(10, 20, 30, length=61)


def test_a_chunk_is_at_most_what_a_broker_takes() -> None:
    assert asset(MAX_CHUNK_BYTES)
    with pytest.raises(ValidationError):
        asset(MAX_CHUNK_BYTES + 1)


def test_a_pack_is_at_most_what_the_device_takes(document: bytes) -> None:
    total_bytes = read(document).total_bytes
    assert parse_manifest(document, NAME, total_bytes)
    with pytest.raises(FormatError, match=f"at most {total_bytes - 1} are taken"):
        parse_manifest(document, NAME, total_bytes - 1)


def test_two_names_for_one_content_have_one_length(document: bytes) -> None:
    value = json.loads(document)
    asset = next(iter(value["assets"].values()))
    value["assets"]["same-again.png"] = asset
    assert read(json.dumps(value).encode())
    shorter = asset | {"length": 1, "chunks": [asset["chunks"][0] | {"length": 1, "sha256": "0" * 64}]}
    value["assets"]["same-again.png"] = shorter
    with pytest.raises(FormatError, match=r"same-again\.png has the content of another"):
        read(json.dumps(value).encode())


def test_target_names_are_parsed_and_formatted() -> None:
    assert parse_target_name(pack_target_name("acme", "spring-2")) == ("acme", "spring-2")
    for other in ("config/fleet.json", "packs/acme.json", "packs/a/b/c.json", "packs/../x.json", "packs/A/b.json"):
        assert parse_target_name(other) is None


def test_the_sample_packs_of_the_stand_in_follow_the_format(tmp_path: Path) -> None:
    fleet = SmallFleet(tmp_path)
    folders = [folder for folder in Path(str(files("edge_agent.standin") / "packs")).iterdir() if folder.is_dir()]
    complete = [folder for folder in folders if (folder / "pack.toml").is_file()]
    for folder in complete:
        fleet.add_advertiser(folder.name)
        signed = sign_pack(fleet.fleet, folder, fleet.now, lambda *_: None)
        assert signed.total_bytes > 0
    assert complete


@pytest.mark.parametrize("too_many", [0, 1])
def test_what_a_device_weighs_at_a_moment_has_an_end(document: bytes, too_many: int) -> None:
    """Each creative of each line item is weighed while a press waits; ten thousand fit into one manifest."""
    value = json.loads(document)
    (item,), (creative,) = value["campaign"]["line_items"], value["campaign"]["creatives"]
    value["campaign"]["creatives"] = [creative | {"crid": f"c{number}"} for number in range(2)]
    booked = [item | {"id": f"i{number}", "crids": ["c0", "c1"]} for number in range(MAX_BOOKED // 2)]
    value["campaign"]["line_items"] = booked + [item | {"id": "more", "crids": ["c0"]}] * too_many
    if too_many:
        with pytest.raises(FormatError, match=f"more than {MAX_BOOKED} creatives"):
            read(json.dumps(value).encode())
    else:
        assert len(read(json.dumps(value).encode()).campaign.line_items) == MAX_BOOKED // 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("dayparts", {"start": "01:00", "end": "02:00"}),
        ("caps", {"count": 1, "per": 60}),
    ],
)
def test_nor_is_a_rule_asked_of_thousands(document: bytes, field: str, value: dict[str, Any]) -> None:
    pack = json.loads(document)
    pack["campaign"]["line_items"][0][field] = [value] * 1000
    with pytest.raises(FormatError, match=rf"{field}"):
        read(json.dumps(pack).encode())
