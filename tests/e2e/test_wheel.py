"""What a device maker gets: the built wheel, installed into an empty environment and run from an empty folder."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, Final

import pytest

from tests.brokers import free_port
from tests.fleets import SmallFleet

ROOT: Final = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel of this tree; hatchling comes with the dev extra, so nothing is fetched."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel with its demo extra into an empty environment and return the folder of its commands."""
    venv = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    pip = [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    done = subprocess.run([*pip, f"{wheel}[demo]"], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return venv / "bin"


@pytest.fixture
def nowhere(tmp_path: Path) -> Path:
    """Return an empty working folder, which is also an empty HOME."""
    empty = tmp_path / "nowhere"
    empty.mkdir()
    return empty


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return the least that a program can count on."""
    return {"HOME": str(home), "PATH": "/usr/bin:/bin", **more}


def run(program: Path, cwd: Path, *arguments: str, limit_s: float = 60) -> "subprocess.CompletedProcess[str]":
    """Run one command of the installed program to its end."""
    return subprocess.run(
        [str(program / arguments[0]), *arguments[1:]],
        cwd=cwd,
        env=environment(cwd),
        capture_output=True,
        text=True,
        check=False,
        timeout=limit_s,
    )


def tracked(folder: str) -> set[str]:
    """Return the names of what git keeps under a folder of the tree."""
    listed = subprocess.run(["git", "ls-files", "-z", folder], cwd=ROOT, check=True, capture_output=True, text=True)
    return {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}


def test_the_wheel_holds_everything_that_runs_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    shipped = {
        f"edge_agent/_shipped/{name}"
        for folder in ("device_profiles", "firmware_hooks", "systemd", "docs")
        for name in tracked(folder)
        if folder != "docs" or Path(name).match("docs/*.md")
    }
    if not (ROOT / ".git").exists():
        pytest.skip("this tree is no git checkout, so that what belongs into the wheel is not known")
    assert names >= tracked("edge_agent") | shipped
    assert "edge_agent/py.typed" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert any(name.startswith("edge_agent/voice/models/en/am/") for name in names), "the speech model is missing"
    for name in names:
        first = name.split("/", 1)[0]
        assert first == "edge_agent" or first.endswith(".dist-info"), name
        assert "__pycache__" not in name, name
        assert not name.endswith((".pyc", ".key", ".pem")), name
        assert not {".venv", ".cache", ".hypothesis", ".git"} & set(name.split("/")), name
    print(f"\n{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB, {len(names)} files")  # noqa: T201  for the person


def test_it_knows_its_version_and_its_model(program: Path, nowhere: Path) -> None:
    done = run(program, nowhere, "edge-agent", "--version")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in str(next(program.parent.glob("lib/*/site-packages/edge_agent-*.dist-info")))
    done = run(program, nowhere, "edge-agent", "model", "list", "--json")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    (used,) = [row for row in rows if row["in_use"]]
    assert (used["name"], used["origin"]) == ("en", "packaged")
    assert list(nowhere.iterdir()) == [], "listing wrote into the person's home"


def test_it_checks_a_configuration_with_a_shipped_profile(program: Path, nowhere: Path) -> None:
    profiles = Path(run(program, nowhere, "python", "-m", "edge_agent.shipped", "device_profiles").stdout.strip())
    assert {path.name for path in profiles.iterdir()} == {path.name for path in (ROOT / "device_profiles").iterdir()}
    config, root = nowhere / "agent.toml", SmallFleet(nowhere / "operator").root_json.read_bytes()
    for profile in sorted(profiles.glob("*.toml")):
        config.write_text(
            f'profile = "{profile.stem}"\ndevice_id = "d-1"\n[voice]\nsource = "pipe:microphone"\n'
            "[debug]\nport = 0\n",
            "utf-8",
        )
        done = run(program, nowhere, "edge-agent", "check", "--config", "agent.toml", "--json")
        findings = {finding["what"]: finding for finding in json.loads(done.stdout)}
        wrong = {what for what, finding in findings.items() if not finding["ok"]}
        assert wrong <= {"trust", "disk"}, findings  # nobody gave this device a root.json yet
        assert "trust" in wrong
        assert done.returncode == 1
        (nowhere / "state").mkdir(exist_ok=True)
        (nowhere / "state" / "root.json").write_bytes(root)
        done = run(program, nowhere, "edge-agent", "check", "--config", "agent.toml", "--json")
        assert '"trust", "ok": true' in done.stdout
        (nowhere / "state" / "root.json").unlink()


async def test_it_runs_until_ready_and_stops(program: Path, nowhere: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(nowhere / "notify"))
        systemd.setblocking(False)  # noqa: FBT003
        (nowhere / "agent.toml").write_text(
            'profile = "virtual-tv"\ndevice_id = "tv"\nruntime_directory = "run"\n'
            f"[mqtt]\nport = {free_port()}\n[debug]\nport = 0\n",
            "utf-8",
        )
        process = await asyncio.create_subprocess_exec(
            str(program / "edge-agent"),
            *("run", "--config", "agent.toml"),
            cwd=nowhere,
            env=environment(nowhere, NOTIFY_SOCKET=str(nowhere / "notify")),
            stderr=asyncio.subprocess.PIPE,
        )
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(60):
                while await loop.sock_recv(systemd, 1024) != b"READY=1":
                    pass
                process.terminate()
                _, log = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, log.decode()


def test_it_plays_the_whole_demo(program: Path, nowhere: Path) -> None:
    """Hooks, pages, sample packs, recordings and the speech model are all found where pip put them."""
    done = run(program, nowhere, "edge-agent", "demo", "--json", limit_s=240)
    assert done.returncode == 0, done.stderr
    day: dict[str, Any] = json.loads(done.stdout)
    placed = [(row["device"], row["moment"]) for row in day["rows"] if row["placed"]]
    refused = [(row["device"], row["moment"]) for row in day["rows"] if not row["placed"]]
    assert ("tv", "power_on") in placed
    assert ("tv", "follow_up") in placed
    assert ("speaker", "assistant_answered weather") in placed
    assert ("fridge", "idle") in placed
    assert ("tv", "power_on") in refused
    assert ("speaker", "assistant_answered weather") in refused
    assert ("fridge", "idle") in refused
    assert all(row["why"] for row in day["rows"] if not row["placed"])
    assert day["reports"] > 0
    assert day["collected"]
    assert list(nowhere.iterdir()) == [], "the demo left something behind"


def test_the_systemd_files_are_found_and_ready_to_install(program: Path, nowhere: Path) -> None:
    done = run(program, nowhere, "python", "-m", "edge_agent.shipped", "systemd")
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.strip())
    assert folder.is_relative_to(program.parent)
    assert {path.name for path in folder.iterdir()} == {path.name for path in (ROOT / "systemd").iterdir()}
    if os.geteuid() != 0:
        refused = subprocess.run(["/bin/sh", folder / "install.sh"], check=False, capture_output=True, text=True)
        assert refused.returncode == 1
        assert "as root" in refused.stderr
    unknown = run(program, nowhere, "python", "-m", "edge_agent.shipped", "nothing")
    assert unknown.returncode == 1
    assert unknown.stderr.count("\n") == 1
