"""Ctrl-C while an operator's command waits for a broker: it ends, and says what becomes of what was signed."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fleets import SmallFleet


@pytest.mark.parametrize(
    ("command", "said"), [("refresh", "fleet refresh sends it"), ("collect", ""), ("collect --once", "")]
)
def test_a_command_that_waits_for_a_broker_ends_when_it_is_told_to(command: str, said: str, tmp_path: Path) -> None:
    folder = SmallFleet(tmp_path).fleet.directory
    with socket.create_server(("127.0.0.1", 0)) as silent:
        broker = f"127.0.0.1:{silent.getsockname()[1]}"
        words = [*command.split(), "--fleet-dir", str(folder), "--broker", broker]
        # What a shell starts in the background ignores Ctrl-C, and so would all that it starts.
        program = ["env", "--default-signal=INT", sys.executable, "-m", "edge_agent", "fleet"]
        with subprocess.Popen([*program, *words], stderr=subprocess.PIPE, text=True) as running:
            try:
                silent.settimeout(60)
                taken, _ = silent.accept()
                with taken:
                    assert taken.recv(1), "it asks to be let in, and nobody answers"
                    running.send_signal(signal.SIGINT)
                    _, errors = running.communicate(timeout=15)
            finally:
                running.kill()
    assert running.returncode == 130
    assert said in errors
    assert "Traceback" not in errors
