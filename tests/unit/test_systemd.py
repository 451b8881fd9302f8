"""The unit, its companions and the scripts: what systemd and the shell make of them, and that they agree."""

import configparser
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from edge_agent.settings.layers import load_settings
from edge_agent.shipped import shipped

SYSTEMD: Final = shipped("systemd")
SCRIPTS: Final = Path(__file__).resolve().parents[2] / "scripts"
INSTALL: Final = (SYSTEMD / "install.sh").read_text("utf-8")
UNINSTALL: Final = (SYSTEMD / "uninstall.sh").read_text("utf-8")

NEWER: Final = {"RestartSteps", "RestartMaxDelaySec"}
"""What systemd older than 254 does not know, and ignores."""


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


def unit() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(SYSTEMD / "edge-agent.service", "utf-8")
    return parser["Service"]


@needs("systemd-analyze")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    """On a system where the program is where install.sh puts it."""
    program = tmp_path / "edge-agent"
    program.write_text("#!/bin/sh\n", "utf-8")
    program.chmod(0o755)
    text = (SYSTEMD / "edge-agent.service").read_text("utf-8")
    copy = tmp_path / "edge-agent.service"
    copy.write_text(text.replace("/opt/edge-agent/bin/edge-agent", str(program)), "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], check=False, capture_output=True, text=True
    )
    complaints = [line for line in done.stderr.splitlines() if "edge-agent" in line]
    unexplained = [line for line in complaints if not any(f"'{name}'" in line for name in NEWER)]
    assert unexplained == []


@needs("systemd-sysusers")
def test_systemd_makes_the_user_and_the_groups(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    subprocess.run(["systemd-sysusers", f"--root={tmp_path}", str(SYSTEMD / "edge-agent.sysusers")], check=True)
    passwd = (tmp_path / "etc/passwd").read_text("utf-8")
    assert re.search(r"^edge-agent:x:\d+:\d+:Edge Agent:/var/lib/edge-agent:", passwd, re.MULTILINE)
    groups = {line.split(":")[0] for line in (tmp_path / "etc/group").read_text("utf-8").splitlines()}
    service = unit()
    assert {service["Group"], *service["SupplementaryGroups"].split()} <= groups


@needs("systemd-tmpfiles")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give folders away")
def test_systemd_makes_the_folders_that_the_unit_names(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nedge-agent:x:7001:7002::/:/bin/sh\n", "utf-8")
    (tmp_path / "etc/group").write_text("root:x:0:\nedge-agent:x:7002:\n", "utf-8")
    subprocess.run(
        ["systemd-tmpfiles", "--create", f"--root={tmp_path}", str(SYSTEMD / "edge-agent.tmpfiles")], check=True
    )
    service = unit()
    for key, place, owner in (("State", "var/lib", 7001), ("Runtime", "run", 7001), ("Configuration", "etc", 0)):
        found = (tmp_path / place / service[f"{key}Directory"]).stat()
        assert (found.st_uid, found.st_gid) == (owner, 7002), place
        assert f"{found.st_mode & 0o7777:04o}" == service[f"{key}DirectoryMode"], place


def test_the_sample_configuration_lives_where_the_unit_lets_it() -> None:
    settings = load_settings(SYSTEMD / "agent.toml")
    service = unit()
    assert settings.state_directory == Path("/var/lib") / service["StateDirectory"]
    assert settings.runtime_directory == Path("/run") / service["RuntimeDirectory"]
    configured = Path("/etc") / service["ConfigurationDirectory"]
    assert settings.packs.root_json.parent == configured
    assert service["ExecStart"].endswith(f"--config {configured / 'agent.toml'}")
    assert settings.debug.socket is not None
    assert settings.debug.socket.is_relative_to(settings.runtime_directory)
    assert settings.database.is_relative_to(settings.state_directory)


def test_what_is_installed_is_what_the_unit_starts() -> None:
    program = Path(unit()["ExecStart"].split()[0])
    assert f"program={program.parent.parent}\n" in INSTALL
    assert f'"$program/bin/{program.name}"' in INSTALL
    assert f"rm -rf {program.parent.parent}\n" in UNINSTALL


def test_everything_that_install_writes_outside_the_program_uninstall_removes() -> None:
    targets = set(re.findall(r"(?:install -D -m 0644 \S+|ln -sf \S+) (/\S+)", INSTALL))
    assert len(targets) == 4
    missing = {target for target in targets if target not in UNINSTALL}
    assert missing == set()
    folders = set(re.findall(r"^d (\S+)", (SYSTEMD / "edge-agent.tmpfiles").read_text("utf-8"), re.MULTILINE))
    assert folders == set(re.findall(r"/\S+", UNINSTALL.split("--purge ]; then rm -rf ")[1].split(";")[0]))


def test_every_file_that_install_copies_is_shipped() -> None:
    copied = set(re.findall(r'"\$here/([\w.-]+)"', INSTALL))
    assert copied == {path.name for path in SYSTEMD.iterdir()} - {"install.sh", "uninstall.sh"}


def test_the_unit_gives_hooks_sound_and_display() -> None:
    service = unit()
    assert {"audio", "video", "render"} <= set(service["SupplementaryGroups"].split())
    # Each of these would shut out devices, ProtectClock through the device list that it implies.
    assert not {"PrivateDevices", "ProtectClock", "DevicePolicy", "DeviceAllow"} & set(service)
    assert float(service["TimeoutStopSec"]) > 1, "a placement may take a second to close"


@pytest.mark.parametrize("script", ["install.sh", "uninstall.sh"])
def test_the_install_scripts_are_posix_shell_and_stop_at_the_first_failure(script: str) -> None:
    path = SYSTEMD / script
    assert path.read_text("utf-8").startswith("#!/bin/sh\n")
    assert "\nset -eu\n" in path.read_text("utf-8")
    subprocess.run(["/bin/sh", "-n", str(path)], check=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may install, and this test must not")
@pytest.mark.parametrize("script", ["install.sh", "uninstall.sh"])
def test_the_install_scripts_do_nothing_for_others_than_root(script: str) -> None:
    done = subprocess.run(["/bin/sh", str(SYSTEMD / script)], check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "root" in done.stderr


@needs("shellcheck")
def test_shellcheck_has_nothing_to_say() -> None:
    shell = list(SYSTEMD.glob("*.sh"))
    if SCRIPTS.is_dir():
        shell += [path for path in SCRIPTS.iterdir() if path.is_file() and speaks_bash(path)]
    done = subprocess.run(["shellcheck", "-x", *map(str, shell)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def speaks_bash(path: Path) -> bool:
    first = path.read_bytes().partition(b"\n")[0]
    return b"bash" in first or path.suffix == ".sh"


@pytest.mark.skipif(not SCRIPTS.is_dir(), reason="an installed package has no scripts/")
def test_the_projects_scripts_are_bash() -> None:
    found = [path for path in SCRIPTS.iterdir() if path.is_file() and speaks_bash(path)]
    assert {"demo", "test", "check", "environment.sh"} <= {path.name for path in found}
    for path in found:
        subprocess.run(["bash", "-n", str(path)], check=True)
        if path.suffix != ".sh":
            assert "\nset -euo pipefail\n" in path.read_text("utf-8"), path.name
            assert os.access(path, os.X_OK), path.name
