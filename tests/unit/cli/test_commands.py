"""What holds for every command: help that starts fast, JSON for programs, and one sentence for what goes wrong."""

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import typer.main

from edge_agent.cli import _COMMANDS, build
from tests.unit.cli.commands import edge_agent

HEAVY = {
    "aiohttp",
    "aiomqtt",
    "amqtt",
    "cryptography",
    "numpy",
    "paho",
    "segno",
    "sounddevice",
    "torch",
    "tuf",
    "vosk",
    "edge_agent.app",
    "edge_agent.fleet",
    "edge_agent.standin",
    "edge_agent.voice.training",
}
"""What only the command that uses it may load, and only once it is run."""

_HELP = """
import json, sys
from edge_agent.cli import build
words = json.loads(sys.argv[1])
try:
    build(words)(words)
except SystemExit as end:
    print(json.dumps({"code": end.code, "modules": sorted(sys.modules)}), file=sys.stderr)
"""


@cache
def tree(name: str) -> Any:
    """Return typer's own object for a command or group, whose types are click's or typer's copy of them."""
    root: Any = typer.main.get_command(build([name]))
    return root.commands[name]


def leaves() -> Iterator[tuple[str, ...]]:
    """Yield the words of every command that does something."""

    def below(words: tuple[str, ...], command: Any) -> Iterator[tuple[str, ...]]:
        if not hasattr(command, "commands"):
            yield words
            return
        for name, part in command.commands.items():
            yield from below((*words, name), part)

    for name in _COMMANDS:
        yield from below((name,), tree(name))


def command_of(words: tuple[str, ...]) -> Any:
    command = tree(words[0])
    for word in words[1:]:
        command = command.commands[word]
    return command


ALL = list(leaves())


def test_every_command_that_is_named_in_the_guides_exists() -> None:
    assert {words[0] for words in ALL} == set(_COMMANDS)
    assert {("run",), ("consent", "erase"), ("fleet", "config", "push"), ("model", "train")} <= set(ALL)


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_command_prints_json_on_request_and_explains_each_option(words: tuple[str, ...]) -> None:
    command = command_of(words)
    assert command.help
    options = {option: param for param in command.params for option in param.opts}
    assert "--json" in options
    for param in command.params:
        if param.param_type_name == "option":
            assert param.help, f"{' '.join(words)} {param.opts[0]} has no word of help"


@pytest.mark.parametrize("name", ["", *_COMMANDS])
def test_help_works_and_loads_nothing_heavy(name: str) -> None:
    words = [name, "--help"] if name else ["--help"]
    done = subprocess.run(
        [sys.executable, "-c", _HELP, json.dumps(words)], capture_output=True, text=True, timeout=60, check=True
    )
    told = json.loads(done.stderr)
    assert told["code"] == 0
    assert "Usage: " in done.stdout
    assert not HEAVY & set(told["modules"])


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_an_option_that_does_not_exist_is_exit_code_2(words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as left:
        build(list(words))([*words, "--no-such-option"])
    assert left.value.code == 2


def test_a_command_that_does_not_exist_is_exit_code_2_and_named() -> None:
    done = edge_agent("sing")
    assert done.returncode == 2
    assert "sing" in done.stderr


def test_the_version_is_printed() -> None:
    done = edge_agent("--version")
    assert (done.returncode, done.stdout.count(".")) == (0, 2)


def test_without_a_command_the_help_is_shown() -> None:
    done = edge_agent()
    assert "Usage: " in done.stdout + done.stderr
