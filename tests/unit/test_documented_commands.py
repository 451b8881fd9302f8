"""What every document says to type, or to write into a file, is understood: commands, options, settings, TOML."""

import json
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import pytest
import typer

from edge_agent.cli import build
from edge_agent.fleet.authoring.pack_schema import written_schema
from edge_agent.settings.layers import SECTIONS, Settings, merge
from edge_agent.settings.profile import DeviceProfile
from tests.documents import DOCUMENTS, ROOT, blocks, every_document

Path_ = tuple[str, ...]
UNDER: Final[tuple[Path_, ...]] = ((), ("fleet",), ("fleet", "keys"))
"""A document on fleets writes `keys rotate` for `edge-agent fleet keys rotate`."""
ELSEWHERE: Final = ("tests", "edge_agent", "scripts", "systemd")
"""Programs of ours that are no command of `edge-agent`; their options stand in their own source."""
OTHERS: Final = {"--wake-uri"}
"""Options of other people's programs."""


@cache
def commands() -> dict[Path_, frozenset[str]]:
    """Return every command by its words, with its options."""
    found: dict[Path_, frozenset[str]] = {}

    def walk(command: Any, path: Path_) -> None:
        options = [*(name for each in command.params for name in (*each.opts, *each.secondary_opts)), "--help"]
        found[path] = frozenset(name for name in options if name.startswith("--"))
        for name, below in getattr(command, "commands", {}).items():
            walk(below, (*path, name))

    walk(typer.main.get_command(build([])), ())
    return found


def typed(document: Path) -> Iterator[str]:
    """Yield what a document has a person type: lines of blocks, and what stands in backticks, over line ends too."""
    text = document.read_text("utf-8").replace("\\\n", " ")
    fence = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
    for language, block in fence.findall(text):
        if language in {"", "sh", "shell"}:
            yield from (line for line in block.splitlines() if "edge-agent " in line)
    yield from re.findall(r"^ {4}(edge-agent .*)$", text, re.MULTILINE)
    yield from (re.sub(r"\s+", " ", span) for span in re.findall(r"`([^`]+)`", fence.sub("", text)))


def understood(words: list[str], path: Path_) -> tuple[Path_, list[str]]:
    """Return the command that the words name below `path`, and the words after it."""
    while words and (*path, words[0]) in commands():
        path, words = (*path, words[0]), words[1:]
    return path, words


def is_group(path: Path_) -> bool:
    return any(len(other) > len(path) and other[: len(path)] == path for other in commands())


def called(line: str) -> Iterator[tuple[Path_, list[str]]]:
    """Yield each command of ours in a line, with its arguments."""
    for part in re.split(r"\s(?:&&|\||;)\s|\s+# ", line):
        before, ours, rest = part.rpartition("edge-agent ")
        if ours and not re.search(r"systemctl|pip |-g $", before):
            yield understood(rest.split(), ())
        elif not ours:
            for base in UNDER:
                path, words = understood(rest.split(), base)
                if path[:1] == ("fleet",) and len(path) > max(1, len(base)) and not is_group(path):
                    yield path, words


@every_document
def test_every_command_is_one_with_these_options(document: Path) -> None:
    for line in typed(document):
        for path, words in called(line):
            assert not (is_group(path) and words and re.fullmatch(r"[a-z-]+", words[0])), line
            options = {match[0] for word in words if (match := re.match(r"--[a-z][\w-]*", word))}
            assert options <= commands()[path], f"{line}: {options - commands()[path]}"


@every_document
def test_every_option_that_is_named_alone_is_one_of_ours(document: Path) -> None:
    known = OTHERS.union(*commands().values())
    own = "".join(
        path.read_text("utf-8")
        for folder in ELSEWHERE
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".sh"} or (folder == "scripts" and path.is_file())
    )
    for line in typed(document):
        named = re.match(r"--[a-z][\w-]*", line)
        assert not named or named[0] in known or re.search(rf"[\" ]{named[0]}\b", own), line


@every_document
def test_every_setting_that_is_named_is_one(document: Path) -> None:
    for section, field in re.findall(rf"`({'|'.join(SECTIONS)})\.([a-z_]+)`", document.read_text("utf-8")):
        slice_ = Settings.model_fields[section].annotation
        is_benchmark = (
            document.name == "benchmarks.md" and (ROOT / "tests" / "bench" / section / f"{field}.py").exists()
        )
        is_brokers_own = document.name == "brokers.md" and section == "mqtt"
        assert is_benchmark or is_brokers_own or field in getattr(slice_, "model_fields", {}), f"{section}.{field}"


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(block, id=f"{document.relative_to(ROOT)}-{number}")
        for document in DOCUMENTS
        for number, block in enumerate(blocks(document, "toml"), 1)
    ],
)
def test_every_toml_is_read_as_what_it_is(block: str) -> None:
    written = tomllib.loads(block)
    if "advertiser" in written or "assets" in written or "creatives" in written:
        sample = files("edge_agent.standin") / "packs" / "puddle-boots" / "pack.toml"
        whole = tomllib.loads(sample.read_text("utf-8"))
        plain = json.loads(json.dumps(whole | _kept(written, whole), default=lambda value: value.isoformat()))
        problems = jsonschema_rs.Draft202012Validator(written_schema()).iter_errors(plain)
        assert [problem.message for problem in problems] == []
    elif "hooks_directory" in written:
        sections = {"name": "a", "title": "A", "kind": "tv", "formats": [], "moments": []}
        DeviceProfile.model_validate(sections | written)
    else:
        profile = DeviceProfile.model_validate(
            {
                "name": "a",
                "title": "A",
                "kind": "tv",
                "formats": [],
                "moments": [],
                "hooks_directory": "a",
                "hooks": {},
            }
        )
        merge(profile, (), {"device_id": "a"} | {k: v for k, v in written.items() if k != "profile"}, base=ROOT)


def _kept(written: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    """Return a part of a pack in the place where it belongs: turns alone are those of some dialogue."""
    creatives = written.get("creatives")
    if isinstance(creatives, dict):
        dialogue = {"crid": "a", "format": "voice_dialogue", "lang": "en", "transcript": "A?"}
        return {"creatives": [*whole["creatives"], dialogue | creatives]}
    return written
