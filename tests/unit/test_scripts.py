"""What the scripts' environment does on a machine that lacks something, and that it leaves alone what is right.

The Python here is a stand-in that writes down what it was asked: making a real environment takes a network.
"""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PYTHON: Final = """\
#!/bin/sh
echo "$*" >> "{log}"
case "$*" in
  *version_info*) exit {too_old} ;;
  *ensurepip*) exit {no_venv} ;;
  "-m venv --clear .venv") mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;
  "-m pip install"*) echo "ERROR: no such package" >&2; exit {no_network} ;;
esac
"""

pytestmark = pytest.mark.skipif(not (ROOT / "scripts").is_dir(), reason="an installed package has no scripts/")


class Machine:
    """A checkout in `place` with a Python that has these faults."""

    def __init__(self, place: Path, *, too_old: int = 0, no_venv: int = 0, no_network: int = 0) -> None:
        self.place = place / "checkout"
        self._log = place / "asked"
        self._python = place / "python3"
        (self.place / "edge_agent").mkdir(parents=True)
        shutil.copytree(ROOT / "scripts", self.place / "scripts")
        for name in ("pyproject.toml", "edge_agent/__init__.py"):
            shutil.copy(ROOT / name, self.place / name)
        faults = {"too_old": too_old, "no_venv": no_venv, "no_network": no_network}
        self._python.write_text(PYTHON.format(log=self._log, **faults), "utf-8")
        self._python.chmod(0o755)

    def ensure(self, extras: str = "demo") -> "subprocess.CompletedProcess[str]":
        """Make the environment; `asked` is then what Python was asked this time."""
        self._log.unlink(missing_ok=True)
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f". scripts/environment.sh; ensure_environment {extras}"],
            cwd=self.place,
            env={"PATH": "/usr/bin:/bin", "PYTHON": str(self._python)},
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def asked(self) -> list[str]:
        return self._log.read_text("utf-8").splitlines() if self._log.exists() else []

    def installed(self) -> bool:
        return any(line.startswith("-m pip install") for line in self.asked)

    def made(self) -> bool:
        return "-m venv --clear .venv" in self.asked


def test_the_second_time_asks_nothing(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert machine.ensure().returncode == 0
    assert machine.made()
    assert machine.installed()
    assert machine.ensure().returncode == 0
    assert machine.asked == []


def test_a_developers_environment_is_enough_for_the_demo(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.ensure("dev")
    machine.ensure("demo")
    assert machine.asked == []


def test_a_changed_project_is_installed_again_into_the_same_environment(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.ensure()
    with (machine.place / "pyproject.toml").open("a") as project:
        project.write("# changed\n")
    assert machine.ensure().returncode == 0
    assert machine.installed()
    assert not machine.made()


def test_an_environment_that_was_moved_is_made_anew(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.ensure()
    machine.place = machine.place.rename(tmp_path / "elsewhere")
    assert machine.ensure().returncode == 0
    assert machine.made()
    assert machine.installed()


def test_an_environment_whose_python_is_gone_is_made_anew(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.ensure()
    (machine.place / ".venv/bin/python").unlink()
    assert machine.ensure().returncode == 0
    assert machine.made()


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("too_old", "Python 3.11 or newer is needed"),
        ("no_venv", "has no venv module"),
        ("no_network", "The packages could not be installed"),
    ],
)
def test_what_is_missing_is_said_in_one_sentence_and_said_again(tmp_path: Path, fault: str, sentence: str) -> None:
    machine = Machine(tmp_path, **{fault: 1})
    for _ in range(2):
        done = machine.ensure()
        assert done.returncode == 1
        said = [line for line in done.stderr.splitlines() if line.startswith("edge-agent: ")]
        assert len(said) == 1
        assert sentence in said[0]


def test_every_benchmark_is_run_and_has_its_figure() -> None:
    modules = [
        path.relative_to(ROOT / "tests" / "bench").with_suffix("")
        for path in (ROOT / "tests" / "bench").rglob("*.py")
        if '__name__ == "__main__"' in path.read_text("utf-8")
    ]
    names = {".".join(part for part in module.parts if part != "__main__") for module in modules}
    script = (ROOT / "scripts" / "bench").read_text("utf-8")
    told = (ROOT / "docs" / "benchmarks.md").read_text("utf-8") + (ROOT / "docs" / "voice.md").read_text("utf-8")
    (chosen,) = re.findall(r"\|\| names=\((.*)\)$", script, re.MULTILINE)
    assert set(chosen.split()) == names - {"voice.resident"}  # which `voice` runs
    assert {name for name in chosen.split() if not re.search(rf"[`.]{re.escape(name)}\b", told)} == set()
