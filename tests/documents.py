"""The documents of this checkout, for the tests that hold them to what is there."""

import re
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
DOCS: Final = ROOT / "docs"
_FOLDERS: Final = ("docs", "edge_agent", "firmware_hooks")
DOCUMENTS: Final = sorted([*ROOT.glob("*.md"), *(path for name in _FOLDERS for path in (ROOT / name).rglob("*.md"))])

every_document = pytest.mark.parametrize(
    "document", [pytest.param(path, id=str(path.relative_to(ROOT))) for path in DOCUMENTS]
)


def spans(document: Path) -> list[str]:
    """Return what stands in backticks on one line."""
    return re.findall(r"`([^`\n]+)`", document.read_text("utf-8"))


def blocks(document: Path, language: str) -> list[str]:
    """Return what the document has in fenced blocks of that language, in a list or not."""
    return re.findall(rf"^ *```{language}\n(.*?)^ *```$", document.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def first_cells(text: str, after: str) -> list[str]:
    """Return what stands in backticks in the first column of the first table after that line."""
    table = re.search(r"(?:^\|.*\n)+", text.partition(after)[2], re.MULTILINE)
    assert table is not None
    cells = [row.split("|")[1] for row in table[0].splitlines()[2:]]
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def shape(value: Any) -> Any:
    """Return the names of all fields, at any depth."""
    return {name: shape(below) for name, below in value.items()} if isinstance(value, dict) else None
