"""The files that travel with the package."""

import subprocess
import sys

import pytest

from edge_agent.shipped import NAMES, shipped


@pytest.mark.parametrize("name", NAMES)
def test_every_folder_that_is_promised_is_there(name: str) -> None:
    assert any(shipped(name).iterdir())
    assert shipped(name).is_absolute()


def test_what_is_missing_is_a_broken_installation() -> None:
    with pytest.raises(FileNotFoundError, match="toasters"):
        shipped("toasters")


@pytest.mark.parametrize("arguments", [(), ("toasters",), ("systemd", "systemd"), ("../systemd",)])
def test_a_script_that_asks_for_something_else_is_told_what_there_is(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "edge_agent.shipped", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert all(name in done.stderr for name in NAMES)
