"""docs/settings.md has every field of agent.toml, its default, and whether it may be set from afar."""

import re
import tomllib
from datetime import timedelta
from typing import Any, Final

import pytest
from pydantic import BaseModel

from edge_agent.settings.layers import SECTIONS, Settings
from edge_agent.settings.remote import settable
from tests.documents import DOCS

DOCUMENT: Final = (DOCS / "settings.md").read_text("utf-8")
FROM_THE_TOP: Final = {"mqtt": {"device_id"}, "packs": {"kind"}}
"""What no section has, since it follows from the top of the file or from the profile."""


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table under a heading that begins so."""
    part = DOCUMENT.partition(f"\n## {heading}")[2].partition("\n## ")[0]
    return [
        [cell.strip() for cell in line.strip("|").split(" |")] for line in re.findall(r"^\| `.*$", part, re.MULTILINE)
    ]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def plain(default: Any) -> Any:
    """Return a default as TOML has it."""
    if isinstance(default, timedelta):
        return default.total_seconds()
    return [str(item) for item in default] if isinstance(default, tuple | frozenset) else default


@pytest.mark.parametrize("section", SECTIONS)
def test_every_field_has_its_row_with_its_default(section: str) -> None:
    slice_ = Settings.model_fields[section].annotation
    assert isinstance(slice_, type)
    assert issubclass(slice_, BaseModel)
    table = rows(f"`[{section}]`")
    assert sorted(name for row in table for name in names(row[0])) == sorted(
        slice_.model_fields.keys() - FROM_THE_TOP.get(section, set())
    )
    assert {name for row in table for name in names(row[0]) if row[2] == "yes"} == settable().get(section, set())
    for row in table:
        told = [] if " in the " in row[1] else names(row[1])
        for name, written in zip(names(row[0]), told, strict=bool(told)):
            assert tomllib.loads(f"it = {written}")["it"] == plain(slice_.model_fields[name].default), name
        if row[1] == "none":
            assert all(slice_.model_fields[name].default is None for name in names(row[0]))


def test_the_top_is_whole() -> None:
    top = {name for row in rows("At the top") for name in names(row[0])}
    assert top == Settings.model_fields.keys() - set(SECTIONS)
