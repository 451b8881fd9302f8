"""What every document names is there: pages and their sections, files, tests, modules."""

import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import Final

import pytest

from tests.documents import DOCS, ROOT, every_document, spans

CODE: Final = ("edge_agent", "firmware_hooks", "device_profiles", "scripts", "systemd", "tests")
SOURCES: Final = frozenset({".py", ".sh", ".toml", ".js", ".html", ".json", ".service"})
OF_OTHERS: Final = {"brokers.md", "home-assistant.md", "dependencies.md"}
"""These name much of other people's software."""
PATH: Final = re.compile(rf"(?:docs|{'|'.join(CODE)})(?:/[\w.{{}},*-]+)*/?|[A-Z]+\.md|pyproject\.toml")


@cache
def words() -> frozenset[str]:
    """Return every word of the code, and the names of its files."""
    sources = [path for folder in CODE for path in (ROOT / folder).rglob("*") if path.suffix in SOURCES]
    folders = {path.name for folder in CODE for path in (ROOT / folder).iterdir()}
    said = {word for path in sources for word in re.findall(r"\w+", path.read_text("utf-8"))}
    return frozenset(folders | said | {path.stem for path in sources})


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def spelled_out(path: str) -> Iterator[str]:
    """Yield what `a/{b,c}.py` stands for."""
    parts = [part.strip("{}").split(",") for part in re.split(r"(\{[^}]*\})", path)]
    return ("".join(choice) for choice in product(*parts))


@every_document
def test_every_link_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text("utf-8")):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        page = (document.parent / name).resolve() if name else document
        assert page.exists(), target
        assert not anchor or anchor in anchors(page), target


@every_document
def test_every_file_that_is_named_by_its_path_is_there(document: Path) -> None:
    named = [path for span in spans(document) for path in re.split(r"[\s:;]+|,\s", span) if PATH.fullmatch(path)]
    missing = [path for whole in named for path in spelled_out(whole) if not any(ROOT.glob(path.rstrip("/")))]
    assert missing == []


@every_document
def test_every_test_and_module_that_is_named_is_there(document: Path) -> None:
    text = document.read_text("utf-8")
    for file, name in re.findall(r"(tests/[a-z0-9_/]+\.py)::(\w+)", text):
        assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text("utf-8"), re.MULTILINE), (file, name)
    for module in re.findall(r"-m ((?:edge_agent|tests)(?:\.\w+)*)", text):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module


@every_document
def test_every_name_in_backticks_is_one_of_ours(document: Path) -> None:
    if document.name in OF_OTHERS:
        return
    named = {word for span in spans(document) for word in re.findall(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+", span)}
    assert named <= words() | {"time_t"}, named - words()


@every_document
def test_every_environment_variable_that_is_named_is_read_somewhere(document: Path) -> None:
    code = "".join(
        path.read_text("utf-8") for folder in ("edge_agent", "tests") for path in (ROOT / folder).rglob("*.py")
    )
    for name in set(re.findall(r"EDGE_AGENT_[A-Z_]+", document.read_text("utf-8"))):
        assert f'"{name}"' in code, name


@pytest.mark.parametrize("folder", CODE)
def test_every_document_that_the_code_names_is_there(folder: str) -> None:
    for path in (ROOT / folder).rglob("*"):
        if path.suffix in SOURCES:
            for name in re.findall(r"docs/[a-z0-9_/-]+\.(?:md|json)", path.read_text("utf-8")):
                assert (ROOT / name).is_file(), f"{path}: {name}"


def test_the_index_names_every_document() -> None:
    index = (DOCS / "README.md").read_text("utf-8")
    assert [page.name for page in DOCS.glob("*.md") if f"({page.name})" not in index] == ["README.md"]


def rooms(folder: Path) -> set[str]:
    """Return the packages right within a package."""
    return {path.name for path in folder.iterdir() if any(path.glob("*.py"))}


def test_the_architectures_rooms_are_the_packages_folders() -> None:
    text = (DOCS / "architecture.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)/`( .*)$", text, re.MULTILINE)
    assert {room for room, _ in rows} == rooms(ROOT / "edge_agent")
    assert set(re.findall(r"`(\w+)/`", dict(rows)["fleet"])) == rooms(ROOT / "edge_agent" / "fleet")
    assert set(re.findall(r"`(\w+)/`", dict(rows)["packs"])) == rooms(ROOT / "edge_agent" / "packs")


def test_the_table_of_the_voice_room_has_every_file_of_it() -> None:
    table = (DOCS / "voice.md").read_text("utf-8").partition("| file | does |")[2].partition("\n\n")[0]
    voice = ROOT / "edge_agent" / "voice"
    there = {path.name for path in voice.glob("*.py")} | {f"{name}/" for name in rooms(voice)}
    assert set(re.findall(r"`(\w+(?:\.py|/))`", table)) == there - {"__init__.py"}


@pytest.mark.parametrize(
    "room", sorted((ROOT / "edge_agent").rglob("__init__.py")), ids=lambda path: path.parent.name
)
def test_a_rooms_own_list_names_files_that_are_there(room: Path) -> None:
    lists = re.findall(r"^(?: {4})?([a-z_]+/?(?:, [a-z_]+/?)*) {2,}\S", room.read_text("utf-8"), re.MULTILINE)
    names = [name for names in lists for name in names.split(", ")]
    there = {path.stem for path in room.parent.glob("*.py")} | {f"{name}/" for name in rooms(room.parent)}
    assert set(names) <= there


def test_each_decision_record_says_when_and_where() -> None:
    for record in (DOCS / "adr").glob("*.md"):
        number = int(record.name.partition("-")[0])
        assert re.match(rf"# {number}\. .+\n\n\*\*Decided\*\* \d{{4}}-\d\d\.", record.read_text("utf-8")), record.name


def test_the_buttons_that_the_first_page_names_have_these_names() -> None:
    page = json.loads((ROOT / "edge_agent" / "debug" / "page" / "words.json").read_text("utf-8"))
    text = (ROOT / "README.md").read_text("utf-8").partition("On that page")[2].partition("`my-pack/pack.toml`")[0]
    named = [re.sub(r"\s+", " ", name) for name in re.findall(r"\*\*([^*]+)\*\*", text)]
    assert len(named) == 3
    assert set(named) <= set(page["en"].values())
