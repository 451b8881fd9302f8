"""A run that cannot succeed ends before it begins, with one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.voice.training import train_model
from edge_agent.voice.training.errors import MissingToolsError


def test_the_sentence_names_packages_and_the_extra() -> None:
    error = MissingToolsError(["flite", "libfst-tools"], ["torch"])
    assert str(error) == (
        "Training a voice model needs `apt-get install --no-install-recommends flite libfst-tools` and "
        "`pip install 'edge-agent[train]'` (missing: torch)."
    )


def test_nothing_is_made_where_no_program_can_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    said: list[str] = []
    with pytest.raises(MissingToolsError) as caught:
        train_model(tmp_path / "out", work=tmp_path / "work", minutes=0.1, report=said.append)
    assert {"flite", "festival", "libfst-tools"} <= set(caught.value.apt)
    assert not (tmp_path / "out").exists()
    assert said == []
