"""The guides' commands, run as they are written. Only names that must differ here are exchanged."""

import os
import re
import shutil
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Final

import pytest

from tests.brokers import MOSQUITTO, Mosquitto
from tests.fleets import png

pytestmark = pytest.mark.e2e

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
PASSWORDS: Final = {"operator": "a long password", "collector": "another long password", "pi-1": "a third"}


def blocks(guide: str, language: str) -> list[str]:
    """Return what the guide has in fenced blocks of that language; `sh` is run here, `shell` needs a real machine."""
    text = (DOCS / guide).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def program(folder: Path) -> str:
    """Make `edge-agent` a command and return a PATH that has it."""
    commands = folder / "bin"
    commands.mkdir()
    command = commands / "edge-agent"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m edge_agent "$@"\n', "utf-8")
    command.chmod(0o755)
    return f"{commands}:{os.environ['PATH']}"


@pytest.mark.skipif(
    MOSQUITTO is None or shutil.which("mosquitto_passwd") is None, reason="mosquitto is not installed"
)
def test_the_operators_guide_from_keys_to_backup_on_its_own_broker(tmp_path: Path) -> None:
    (configuration,) = blocks("operator-guide.md", "conf")
    (rules,) = blocks("operator-guide.md", "acl")
    acl, passwords = tmp_path / "edge-agent.acl", tmp_path / "edge-agent.passwords"
    acl.write_text(rules, "utf-8")
    passwords.write_text("".join(f"{user}:{password}\n" for user, password in PASSWORDS.items()), "utf-8")
    subprocess.run(["mosquitto_passwd", "-U", str(passwords)], check=True)
    for file in (acl, passwords):
        file.chmod(0o600)
    lines = [
        line.replace("/etc/mosquitto/", f"{tmp_path}/")
        for line in configuration.splitlines()
        if not line.startswith(("#", "listener", "allow_anonymous", "persistence"))  # these the fixture sets itself
    ]
    assert len(lines) == 4
    (tmp_path / "poster.png").write_bytes(png(1080, 1920, zlib.compress(bytes((1 + 3 * 1080) * 1920))))
    with Mosquitto(lines=lines, anonymous=False) as broker:
        script = "\n".join(["set -eu", *blocks("operator-guide.md", "sh")])
        done = subprocess.run(
            ["/bin/sh", "-c", script.replace("broker.example", f"{broker.host}:{broker.port}")],
            cwd=tmp_path,
            env={"HOME": str(tmp_path), "PATH": program(tmp_path), "COLUMNS": "120"},
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )
    assert done.returncode == 0, done.stderr
    for sentence in (
        "Published acme/spring, version 1",
        "spring: errors 0, warnings 3.",
        "bolt signed version 1: published bolt/boots",
        "reports has a new key",
        "Removed 0 files (0 B) and up to 1 part on the broker",
        "Published config/fleet.json, version 1",
        "Withdrew config/group/kitchens.json",
        "0 new reports",
        "Fresh until",
        "Revoked acme/spring",
        "acme may publish no more",
    ):
        assert sentence in done.stdout, done.stdout
    assert (tmp_path / "spring-preview" / "index.html").is_file()
    assert (tmp_path / "fleet-backup.tar.gz").is_file()
    assert (tmp_path / "operator.credentials").stat().st_mode & 0o077 == 0


@pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")
def test_the_device_guides_device_in_a_folder_shows_a_published_pack(tmp_path: Path) -> None:
    setup, start, look = blocks("device-guide.md", "sh")
    (tmp_path / "boot.png").write_bytes(png(1920, 1080, b"pixels"))
    environment = {"HOME": str(tmp_path), "PATH": program(tmp_path), "COLUMNS": "120"}

    def shell(script: str) -> str:
        done = subprocess.run(
            ["/bin/sh", "-euc", script],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    with Mosquitto() as broker:
        shell(
            "edge-agent fleet keys init; edge-agent fleet root --out root.json\n"
            "edge-agent fleet pack new spring --advertiser acme --boot boot.png --text 'Fresh every morning.'\n"
            f"edge-agent fleet publish spring --broker {broker.host}:{broker.port}"
        )
        shell(setup.replace("port = 1883", f"port = {broker.port}\n[debug]\nport = 0"))  # several tests run at once
        with subprocess.Popen(
            ["/bin/sh", "-c", f"exec {start.strip()}"],
            cwd=tmp_path,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        ) as agent:
            try:
                assert agent.stderr is not None
                said = next((line for line in agent.stderr if "is complete" in line), None)
                assert said is not None, "the agent stopped"
                answer = shell(look)
                assert "Placed" in answer, answer
                assert "Fresh every morning." in (tmp_path / "tv/state/runtime/screen/now.json").read_text("utf-8")
            finally:
                agent.terminate()
        assert agent.returncode == 0
