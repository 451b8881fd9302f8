"""A message leads to what is there wherever the agent is installed: to a page by the command that prints it."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.cli.commands import edge_agent

ROOT = Path(__file__).parents[2]
PAGES = {path.stem for path in (ROOT / "docs").glob("*.md")}
_ONLY_HERE = re.compile(r"\b(?:docs|scripts|tests)/[\w.-]+")
_NAMED = re.compile(r"edge-agent docs ([\w-]+)")


def texts() -> Iterator[tuple[str, str]]:
    """Yield (where, text) of every text of the package that is no docstring, those split over lines in one piece."""
    for path in sorted((ROOT / "edge_agent").rglob("*.py")):
        if "training" in path.parts:
            continue
        tree = ast.parse(path.read_text("utf-8"))
        documenting = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documenting:
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node.value


def test_no_message_names_a_file_that_an_installed_agent_lacks() -> None:
    assert [(where, text) for where, text in texts() if _ONLY_HERE.search(text)] == []


def test_every_page_that_a_message_names_is_printed() -> None:
    named = {page for _, text in texts() for page in _NAMED.findall(text)}
    assert {"packs", "brokers", "operator-guide", "http"} <= named <= PAGES


def test_every_page_travels_with_the_package() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]
    included = build["targets"]["wheel"]["force-include"]
    pages = {source: place for source, place in included.items() if source.startswith("docs/")}
    assert pages == {f"docs/{page}.md": f"edge_agent/_shipped/docs/{page}.md" for page in PAGES}


@pytest.mark.parametrize("page", ["packs", "docs/packs.md"])
def test_a_page_is_printed_as_it_is(page: str) -> None:
    done = edge_agent("docs", page)
    assert (done.returncode, done.stdout) == (0, (ROOT / "docs" / "packs.md").read_text("utf-8"))


def test_what_pages_there_are_is_listed_and_another_is_refused() -> None:
    done = edge_agent("docs")
    assert done.returncode == 0
    assert {line.split()[0] for line in done.stdout.splitlines()} == PAGES
    refused = edge_agent("docs", "../README")
    assert (refused.returncode, "There are: README, architecture" in refused.stderr) == (1, True)
