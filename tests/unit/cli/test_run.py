"""`edge-agent run` where it cannot: one sentence and the right exit code, and nothing left behind."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.commands import edge_agent, write_config


def test_a_log_level_that_means_nothing_is_exit_code_2(tmp_path: Path) -> None:
    done = edge_agent("run", "--config", write_config(tmp_path), "--log-level", "loud")
    assert done.returncode == 2
    assert "--log-level" in done.stderr
    assert not (tmp_path / "state").exists()


def test_a_configuration_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = edge_agent("run", "--config", tmp_path / "agent.toml")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"edge-agent: {tmp_path / 'agent.toml'} cannot be read")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ("[voice]\nsensitivity = 7\n", "voice.sensitivity"),
        ('state_directory = "agent.toml"\n', "agent.toml"),
        ('[debug]\nsocket = "no/such\\u0000place"\n', "NUL"),
        ('[debug]\ntoken_file = "."\n', "token"),
    ],
)
def test_what_it_cannot_live_by_is_one_sentence(tmp_path: Path, more: str, named: str) -> None:
    done = edge_agent("run", "--config", write_config(tmp_path, more))
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert named in done.stderr


def test_for_programs_each_line_of_the_log_is_json(tmp_path: Path) -> None:
    config = write_config(tmp_path, '[debug]\ntoken_file = "."\nport = 0\n')
    done = edge_agent("run", "--config", config, "--json", "--log-level", "debug")
    assert done.returncode == 1
    *lines, last = done.stderr.splitlines()
    assert last.startswith("edge-agent: ")
    for line in lines:
        assert {"at", "level", "logger", "message"} == json.loads(line).keys()


@pytest.mark.parametrize(("level", "told"), [("info", ["agent"]), ("debug", ["agent", "tuf.api._payload"])])
def test_remarks_of_libraries_on_signatures_are_for_debugging(level: str, told: list[str]) -> None:
    script = f"""
import logging
from edge_agent.cli.run import log_to_stderr
log_to_stderr("{level}", as_json=True)
logging.getLogger("agent").info("ours")
logging.getLogger("tuf.api._payload").info("No signature for keyid 0e5633be")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert [json.loads(line)["logger"] for line in done.stderr.splitlines()] == told
