"""Fixtures of the render room's tests."""

from pathlib import Path

import pytest


@pytest.fixture
def asset(tmp_path: Path) -> Path:
    """Return a file that stands for a picture."""
    path = tmp_path / "poster.png"
    path.write_bytes(b"\x89PNG not really")
    return path


@pytest.fixture
def hooks(tmp_path: Path) -> Path:
    """Return the folder where the test writes its hooks."""
    folder = tmp_path / "hooks"
    folder.mkdir()
    return folder
