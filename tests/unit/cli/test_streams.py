"""What a command does when nobody takes its output: a full disk, a reader that left, a closed terminal."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.cli.streams import NOBODY_READS
from tests.wyoming_peers import SPEECH

FULL = Path("/dev/full")
NO_ROOM = "edge-agent: The output cannot be written: No space left on device. Send it where there is room.\n"

pytestmark = pytest.mark.skipif(not FULL.exists(), reason="only Linux has /dev/full")


def run(*words: str, out: int, err: int = subprocess.PIPE) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "edge_agent", *words]
    return subprocess.run(command, stdout=out, stderr=err, text=True, timeout=60, check=False)


LISTEN = ("listen", "--phrases", "stop", str(SPEECH / "stop-rms.wav"))
COMMANDS = {
    "help": ("--help",),
    "lines": LISTEN,
    "json": (*LISTEN, "--json"),
    "table": ("model", "list"),
    "findings": ("check", "--config", "missing.toml"),
    "error": ("check", "--config", "missing.toml", "--json"),
}


@pytest.fixture(params=list(COMMANDS.values()), ids=list(COMMANDS))
def words(request: pytest.FixtureRequest) -> tuple[str, ...]:
    found: tuple[str, ...] = request.param
    return found


def test_output_without_room_is_one_sentence_and_no_traceback(words: tuple[str, ...]) -> None:
    with FULL.open("wb") as full:
        done = run(*words, out=full.fileno())
    assert (done.returncode, done.stderr) == (1, NO_ROOM)


def test_a_reader_that_has_left_ends_a_command_without_a_word(words: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = run(*words, out=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (NOBODY_READS, "")


@pytest.mark.parametrize(
    ("words", "code"), [(("listen", "--phrases", "xqzzyk", "--json", "x.wav"), 1), (("check", "--nope"), 2)]
)
def test_an_error_that_nobody_can_be_told_changes_no_exit_code(words: tuple[str, ...], code: int) -> None:
    with FULL.open("wb") as full:
        done = run(*words, out=subprocess.PIPE, err=full.fileno())
    assert done.returncode == code
    assert ("xqzzyk" in done.stdout) == ("--json" in words), "a program is told all the same"
