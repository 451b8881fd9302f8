"""The published schema is the code's, and says of real packs that they are packs."""

import json
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from edge_agent.fleet.authoring.pack_schema import document, manifest_schema, written_schema
from tests.fleets import SmallFleet

ROOT = Path(__file__).resolve().parents[3]
PACKS = sorted(Path(str(files("edge_agent.standin") / "packs")).glob("*/pack.toml"))


@pytest.mark.parametrize(
    ("name", "schema"),
    [("pack.schema.json", manifest_schema()), ("pack.toml.schema.json", written_schema())],
    ids=["what travels", "what a person writes"],
)
def test_what_is_published_is_what_the_code_reads(name: str, schema: dict[str, Any]) -> None:
    command = "edge-agent fleet pack schema" + (" --written" if "toml" in name else "")
    assert (ROOT / "docs" / name).read_text("utf-8") == document(schema), f"run: {command} > docs/{name}"


@pytest.mark.parametrize("path", PACKS, ids=lambda path: path.parent.name)
def test_the_sample_packs_follow_the_written_schema(path: Path) -> None:
    validator = jsonschema_rs.Draft202012Validator(written_schema(), validate_formats=True)
    written = json.loads(json.dumps(tomllib.loads(path.read_text("utf-8")), default=lambda value: value.isoformat()))
    assert [error.message for error in validator.iter_errors(written)] == []
    written["creatives"][0] |= {"format": "hologram"}
    assert not validator.is_valid(written)


def test_a_signed_manifest_follows_the_schema_and_a_broken_one_does_not(tmp_path: Path) -> None:
    fleet = SmallFleet(tmp_path)
    fleet.sign(
        more='[[line_items]]\nid = "a"\ncrids = ["spring-poster"]\ntargeting = { moments = ["idle"] }\n'
        "flight = { start = 2027-01-01, end = 2027-02-01 }\n"
        "caps = [{ count = 2, per = 86400 }]\ndayparts = [{ start = 06:00:00, end = 11:00:00 }]\n"
    )
    validator = jsonschema_rs.Draft202012Validator(manifest_schema(), validate_formats=False)
    manifest = json.loads(fleet.fleet.document("packs/acme/spring.json"))
    assert [error.message for error in validator.iter_errors(manifest)] == []
    mistakes: list[dict[str, Any]] = [{"v": 2}, {"version": 0}, {"extra": 1}, {"assets": {"../x": {}}}]
    for broken in mistakes:
        assert not validator.is_valid(manifest | broken), broken
