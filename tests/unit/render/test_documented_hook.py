"""The ten lines that docs/hooks.md offers are run here as they stand there."""

import re
from pathlib import Path

import pytest

from edge_agent.model.identity import PlayId
from edge_agent.model.play import CloseCause, PlayEventKind
from tests.rendering import Room, kinds, make_play, make_settings

DOCUMENT = Path(__file__).parents[3] / "docs" / "hooks.md"


@pytest.fixture
def room(tmp_path: Path, hooks: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    (example,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert len(example.splitlines()) == 10
    (hooks / "show.py").write_text(example)
    (hooks / "my-viewer").write_text('#!/bin/sh\necho $$ "$1" > viewer\nexec sleep 60\n')
    (hooks / "my-viewer").chmod(0o755)
    monkeypatch.setenv("PATH", f"{hooks}:/usr/bin:/bin")
    return Room(make_settings(tmp_path, show="show.py"))


async def test_it_renders(room: Room, asset: Path) -> None:
    assert kinds(await room.play_out(make_play(asset))) == ["loaded", "impression", "complete"]


async def test_it_closes(room: Room, asset: Path) -> None:
    room.renderer.start(make_play(asset, dur_s=60, max_dur_s=60))
    await room.until(PlayEventKind.IMPRESSION)
    room.renderer.close(PlayId("play-1"), CloseCause.PRESS)
    assert kinds(await room.rest()) == ["close"]
