"""`edge-agent listen` and `edge-agent model` as a person or a script runs them: whole processes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.voice.models import packaged_models
from edge_agent.voice.wav import read_wav

SPEECH = Path(__file__).parent.parent / "speech"

pytestmark = pytest.mark.e2e


@pytest.fixture
def model() -> Path:
    other = os.environ.get("EDGE_AGENT_TEST_MODEL")
    return Path(other) if other else packaged_models()["en"]


def edge_agent(tmp_path: Path, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "edge_agent", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "EDGE_AGENT_MODELS": str(tmp_path / "models")},
    )


def test_each_detection_is_one_json_object_on_its_line(tmp_path: Path, model: Path) -> None:
    wake, command = SPEECH / "hey-kitchen-rms.wav", SPEECH / "wake-and-command.wav"
    phrases = ("--phrases", "hey kitchen, tell me more", "--model", model, "--json")
    done = edge_agent(tmp_path, "listen", "--wav", wake, "--wav", command, *phrases)
    assert done.returncode == 0
    assert done.stderr == ""
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["file"], line["phrase"]) for line in lines] == [
        (str(wake), "hey kitchen"),
        (str(command), "hey kitchen"),
        (str(command), "tell me more"),
    ]
    for line in lines:
        assert set(line) == {"file", "phrase", "start_s", "end_s", "confidence"}
        assert 0 <= line["start_s"] < line["end_s"] < 3
        assert 0 < line["confidence"] <= 1


def test_raw_audio_on_standard_input_is_heard_until_it_ends(tmp_path: Path, model: Path) -> None:
    sent = bytes(32_000) + read_wav(SPEECH / "hey-kitchen-rms.wav")
    command = [sys.executable, "-m", "edge_agent", "listen", "--stdin", "--phrases", "hey kitchen", "--json"]
    done = subprocess.run(
        [*command, "--model", str(model)], input=sent, capture_output=True, timeout=120, check=True, cwd=tmp_path
    )
    (line,) = (json.loads(line) for line in done.stdout.splitlines())
    assert (line["file"], line["phrase"]) == (None, "hey kitchen")
    assert line["start_s"] == pytest.approx(1.3, abs=0.15)


def test_files_may_follow_each_other_and_each_is_on_its_own(tmp_path: Path, model: Path) -> None:
    stop = SPEECH / "stop-rms.wav"
    done = edge_agent(tmp_path, "listen", "--wav", stop, stop, stop, "--phrases", "stop", "--model", model, "--json")
    starts = [json.loads(line)["start_s"] for line in done.stdout.splitlines()]
    assert len(starts) == 3
    assert len(set(starts)) == 1


def test_nothing_heard_is_no_line_and_no_failure(tmp_path: Path, model: Path) -> None:
    quiet = SPEECH / "running-speech-rms.wav"
    done = edge_agent(tmp_path, "listen", "--wav", quiet, "--phrases", "hey kitchen", "--model", model, "--json")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_file_that_cannot_be_read_is_named_and_the_next_one_is_heard(tmp_path: Path, model: Path) -> None:
    missing, stop = tmp_path / "missing.wav", SPEECH / "stop-rms.wav"
    done = edge_agent(tmp_path, "listen", "--wav", missing, stop, "--phrases", "stop", "--model", model, "--json")
    assert done.returncode == 1
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["file"], "error" in one) for one in told] == [(str(missing), True), (str(stop), False)]
    assert str(missing) in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_word_that_the_model_lacks_is_refused(tmp_path: Path, model: Path) -> None:
    stop = SPEECH / "stop-rms.wav"
    done = edge_agent(tmp_path, "listen", "--wav", stop, "--phrases", "stop, hey florble", "--model", model)
    assert done.returncode == 1
    assert done.stdout == ""
    assert '"florble"' in done.stderr
    assert "Traceback" not in done.stderr


def test_people_get_a_sentence_for_each_file(tmp_path: Path, model: Path) -> None:
    stop, quiet = SPEECH / "stop-rms.wav", SPEECH / "running-speech-awb.wav"
    done = edge_agent(tmp_path, "listen", "--wav", stop, quiet, "--phrases", "stop", "--model", model)
    assert done.returncode == 0
    heard, nothing = done.stdout.splitlines()
    assert "“stop”" in heard
    assert nothing == f"{quiet}: nothing was heard"


@pytest.mark.parametrize("arguments", [("--phrases", "stop"), ("--phrases", " , ", "x.wav"), ("x.wav",)])
def test_a_wrong_command_line_is_exit_code_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert edge_agent(tmp_path, "listen", *arguments).returncode == 2


def test_a_model_is_chosen_and_used_and_listed(tmp_path: Path, model: Path) -> None:
    own = tmp_path / "own-model"
    own.symlink_to(model)
    assert edge_agent(tmp_path, "model", "use", own).returncode == 0
    heard = edge_agent(tmp_path, "listen", "--wav", SPEECH / "stop-rms.wav", "--phrases", "stop", "--json")
    assert heard.returncode == 0
    assert len(heard.stdout.splitlines()) == 1
    listed = edge_agent(tmp_path, "model", "list", "--json")
    rows = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [row["directory"] for row in rows if row["in_use"]] == [str(model.resolve())]
    assert {"name", "origin", "directory", "size_bytes", "in_use"} == set(rows[0])


def test_mandarin_is_listed_beside_english_and_heard_where_it_is_asked_for_or_chosen(tmp_path: Path) -> None:
    def in_use() -> list[str]:
        rows = map(json.loads, edge_agent(tmp_path, "model", "list", "--json").stdout.splitlines())
        return [row["name"] for row in rows if row["in_use"]]

    recording = SPEECH / "zh" / "wake-and-command.wav"
    arguments = ("listen", "--wav", recording, "--phrases", "你好厨房, 告诉我更多, stop", "--json")
    asked_for = edge_agent(tmp_path, *arguments, "--lang", "zh")
    assert [json.loads(line)["phrase"] for line in asked_for.stdout.splitlines()] == ["你好厨房", "告诉我更多"]
    assert in_use() == ["en"]
    assert edge_agent(tmp_path, "model", "use", "zh").returncode == 0
    assert in_use() == ["zh"]
    assert edge_agent(tmp_path, *arguments).stdout == asked_for.stdout
    assert edge_agent(tmp_path, "model", "use", "en").returncode == 0
    assert in_use() == ["en"]


def test_a_chosen_model_that_is_gone_is_listed_as_unusable(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "chosen").write_text(f"{tmp_path}/gone\n")
    listed = edge_agent(tmp_path, "model", "list", "--json")
    assert listed.returncode == 0
    rows = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [(row["name"], row["origin"]) for row in rows if row["in_use"]] == [("gone", "unusable")]


def test_what_is_no_model_cannot_be_chosen(tmp_path: Path) -> None:
    done = edge_agent(tmp_path, "model", "use", tmp_path)
    assert done.returncode == 1
    assert "no speech model" in done.stderr
    assert not (tmp_path / "models").exists()


def test_installing_needs_the_hash(tmp_path: Path) -> None:
    assert edge_agent(tmp_path, "model", "install", "vosk-model-small-en-us-0.15").returncode == 2
