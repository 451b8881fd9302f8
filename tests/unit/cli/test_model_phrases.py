"""What `edge-agent model add-phrases` refuses before it begins: devices would take none of it."""

import json
from pathlib import Path

import pytest

from edge_agent.packs.formats.voice_pack import MAX_PHRASE_CHARS, MAX_PHRASES
from edge_agent.voice.fitting import PHRASES_FILE
from tests.unit.cli.commands import edge_agent


def refused(tmp_path: Path, *phrases: str, noted: int = 0) -> str:
    """Return the error for phrases that are added to a model that has so many; it holds nothing to add them to."""
    model = tmp_path / "model"
    model.mkdir()
    (model / PHRASES_FILE).write_text(json.dumps({"phrases": [f"phrase {number}" for number in range(noted)]}))
    done = edge_agent("model", "add-phrases", *phrases, "--model", model, "--json")
    assert done.returncode == 1
    error: str = json.loads(done.stdout)["error"]
    return error


def test_more_phrases_than_a_voice_pack_takes_are_refused_where_they_are_made(tmp_path: Path) -> None:
    error = refused(tmp_path, "hey glowbar", "okay zyntrix", noted=MAX_PHRASES - 1)
    assert error == "The model would have 257 phrases; fleet voice publish takes 256 of one language."


@pytest.mark.parametrize("noted", [MAX_PHRASES - 1, MAX_PHRASES])
def test_as_many_are_not(tmp_path: Path, noted: int) -> None:
    again = f"phrase {noted - 1}"  # one that it has is no further one
    assert "holds no speech model" in refused(tmp_path, again, noted=noted)


def test_a_phrase_that_is_too_long_is_refused(tmp_path: Path) -> None:
    assert f"has {MAX_PHRASE_CHARS + 1} characters" in refused(tmp_path, "a" * (MAX_PHRASE_CHARS + 1))
