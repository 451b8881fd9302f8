"""A model of the network that is here and the words that came: made whole, or not at all."""

import errno
import hashlib
import os
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from edge_agent.model.errors import EdgeAgentError, StorageError, VoiceError
from edge_agent.settings.rooms import VoiceSettings
from edge_agent.voice import fitting
from edge_agent.voice.fitting import NEEDED, Brought, base_hash, fit, forget, heard_model, in_use, tidy, use
from edge_agent.voice.models import Model, check_model, packaged_models
from edge_agent.voice.sounds.look import look_of
from edge_agent.voice.trying import try_model
from edge_agent.voice.wav import read_wav

PACKAGED = packaged_models()["en"]
SPEECH = Path(__file__).parents[2] / "speech"


@pytest.fixture
def base() -> Model:
    return check_model(PACKAGED)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "models" / "fitted"


def brought(folder: Path, changed: Mapping[str, bytes] | None = None) -> dict[str, Brought]:
    """Return the packaged model's own words as a voice pack brings them, some files changed."""
    folder.mkdir(exist_ok=True)
    contents = {name: (PACKAGED / name).read_bytes() for name in NEEDED} | dict(changed or {})
    files = {}
    for name, content in contents.items():
        packed = folder / hashlib.sha256(name.encode()).hexdigest()
        halves = (content[: len(content) // 2], content[len(content) // 2 :])
        packed.write_bytes(b"".join(map(zlib.compress, halves)))
        files[name] = Brought(packed, hashlib.sha256(content).hexdigest(), len(content))
    return files


def test_a_fitted_model_hears_and_shares_the_network(base: Model, place: Path, tmp_path: Path) -> None:
    files = brought(tmp_path / "pack", {"beside.json": b"{}", "graph/note.txt": b"hello"})
    fitted = fit(base, files, place)
    assert base_hash(fitted.directory) == base_hash(PACKAGED)
    assert (fitted.directory / "am" / "final.mdl").resolve() == PACKAGED / "am" / "final.mdl"
    assert (fitted.directory / "beside.json").read_bytes() == b"{}"
    assert fitted.vocabulary().words == base.vocabulary().words
    fitted.load()


def test_the_sounds_of_new_words_come_with_them(base: Model, place: Path, tmp_path: Path) -> None:
    lexicon = (PACKAGED / "graph" / "lexicon.txt").read_bytes() + b"zorbani z ao r b aa n iy\n"
    phrase = read_wav(SPEECH / "stop-rms.wav"), ("zorbani",), 0.3, 0.9
    before = look_of(fit(base, brought(tmp_path / "old"), place).load())
    after = look_of(fit(base, brought(tmp_path / "new", {"graph/lexicon.txt": lexicon}), place).load())
    assert before is not None
    assert after is not None
    assert not before.sounds(*phrase)
    assert after.sounds(*phrase)


def test_it_is_in_use_after_a_restart_and_alone(base: Model, place: Path, tmp_path: Path) -> None:
    first = fit(base, brought(tmp_path / "pack"), place)
    use(base, first, place)
    second = fit(base, brought(tmp_path / "pack", {"beside.json": b"2"}), place)
    assert in_use(base, place) == first
    use(base, second, place)
    assert in_use(base, place) == second
    assert heard_model(VoiceSettings(models_directory=place.parent)) == second
    assert first.directory.is_dir(), "an ear that was muted may load it yet"
    tidy(place, second)
    assert sorted(path.name for path in place.iterdir()) == sorted([second.name, "current.json"])
    forget(place)
    assert in_use(base, place) == base
    tidy(place, base)
    assert list(place.iterdir()) == []
    forget(place.parent / "never made")
    tidy(place.parent / "never made", base)


def test_what_a_bad_disk_does_not_give_back_is_told_and_tried_again(
    base: Model, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = fit(base, brought(tmp_path / "pack"), place)

    def broken(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(hashlib, "file_digest", broken)
    with pytest.raises(StorageError, match="Input/output error"):
        use(base, fitted, place)


def test_what_a_bad_disk_changed_is_not_loaded(
    base: Model, place: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fitted = fit(base, brought(tmp_path / "pack"), place)
    use(base, fitted, place)
    graph = fitted.directory / "graph" / "HCLr.fst"
    graph.write_bytes(graph.read_bytes()[:-1] + b"?")
    assert in_use(base, place) == base
    assert "HCLr.fst was damaged" in caplog.text
    (place / "current.json").write_text("{", "utf-8")
    assert in_use(base, place) == base


def test_a_fitted_model_is_for_one_network(base: Model, place: Path, tmp_path: Path) -> None:
    use(base, fit(base, brought(tmp_path / "pack"), place), place)
    other = tmp_path / "other"
    for name in ("am/final.mdl", "conf/mfcc.conf", "conf/model.conf", *NEEDED):
        (other / name).parent.mkdir(parents=True, exist_ok=True)
        (other / name).write_bytes((PACKAGED / name).read_bytes() + (b" " if name.startswith("conf") else b""))
    assert in_use(check_model(other), place).directory == other


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"am/final.mdl": b"x"}, "am/final.mdl, which is not its to bring"),
        ({"conf/model.conf": b"x"}, "conf/model.conf, which is not its to bring"),
        ({"graph/words.txt": b"\xff\xfe"}, "no list of words"),
        ({"graph/words.txt": b"<eps> 0\nhello 1\n"}, "words that are not in its list"),
        ({"graph/Gr.fst": b""}, "no graph"),
    ],
    ids=["a network", "its settings", "no text", "too few words", "an empty graph"],
)
def test_what_does_not_go_together_is_refused_and_nothing_is_left(
    base: Model, place: Path, tmp_path: Path, changed: dict[str, bytes], said: str
) -> None:
    with pytest.raises(VoiceError, match=said):
        fit(base, brought(tmp_path / "pack", changed), place)
    assert not place.exists() or list(place.iterdir()) == []


def test_what_is_not_what_was_signed_is_refused(base: Model, place: Path, tmp_path: Path) -> None:
    files = brought(tmp_path / "pack")
    words = files["graph/words.txt"]
    wrong = {
        "another hash": Brought(words.packed, "0" * 64, words.length),
        "longer than it says": Brought(words.packed, words.sha256, words.length - 1),
        "shorter than it says": Brought(words.packed, words.sha256, words.length + 1),
    }
    for file in wrong.values():
        with pytest.raises(VoiceError, match="not what was signed"):
            fit(base, files | {"graph/words.txt": file}, place)
    words.packed.write_bytes(words.packed.read_bytes()[:-5])
    with pytest.raises(VoiceError, match="cannot be unpacked"):
        fit(base, files, place)
    assert list(place.iterdir()) == []


def test_what_unpacks_without_end_is_not_written(base: Model, place: Path, tmp_path: Path) -> None:
    files = brought(tmp_path / "pack")
    bomb = tmp_path / "bomb"
    bomb.write_bytes(zlib.compress(bytes(200 * 2**20), 9))
    with pytest.raises(VoiceError, match="not what was signed"):
        fit(base, files | {"graph/note.txt": Brought(bomb, "0" * 64, 10)}, place)


def test_a_missing_graph_is_named(base: Model, place: Path, tmp_path: Path) -> None:
    files = brought(tmp_path / "pack")
    del files["graph/Gr.fst"]
    with pytest.raises(VoiceError, match=r"lacks graph/Gr\.fst"):
        fit(base, files, place)


def test_a_model_in_another_layout_takes_no_voice_packs(tmp_path: Path) -> None:
    (tmp_path / "final.mdl").write_bytes(b"x")
    with pytest.raises(VoiceError, match=r"lacks am/final\.mdl"):
        base_hash(tmp_path)


async def test_a_model_is_tried_in_a_process_of_its_own(place: Path, base: Model, tmp_path: Path) -> None:
    await try_model(base.directory, ["hey kitchen"])
    with pytest.raises(VoiceError, match="glowbar"):
        await try_model(base.directory, ["hey glowbar"])
    fitted = fit(base, brought(tmp_path / "pack"), place)
    graph = fitted.directory / "graph" / "HCLr.fst"
    graph.write_bytes(graph.read_bytes()[:1_000_000])  # over this, Vosk ends the process that loads it
    with pytest.raises(VoiceError, match="The recogniser fails"):
        await try_model(fitted.directory)


async def test_a_phrase_may_hold_what_no_argument_of_a_program_can(base: Model) -> None:
    await try_model(base.directory, ["hey\0kitchen", "tell me\ud800more"])


async def test_where_no_process_can_be_begun_nothing_is_said_of_the_model(
    base: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    with pytest.raises(EdgeAgentError, match="no process can be begun") as caught:
        await try_model(base.directory)
    assert not isinstance(caught.value, VoiceError)


def test_the_files_of_a_pack_name_it(base: Model, tmp_path: Path) -> None:
    one, same = brought(tmp_path / "one"), brought(tmp_path / "same")
    other = brought(tmp_path / "other", {"beside.json": b"{}"})
    assert fitting.name_of(base, one) == fitting.name_of(base, same) != fitting.name_of(base, other)


async def test_where_the_system_kills_the_process_for_want_of_memory_nothing_is_said_of_the_model(
    base: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pack would be refused until the agent starts again, with the advice to publish another."""
    killed = tmp_path / "killed"
    killed.write_text("#!/bin/sh\nkill -9 $$\n")
    killed.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(killed))
    with pytest.raises(EdgeAgentError, match="was killed") as caught:
        await try_model(base.directory)
    assert not isinstance(caught.value, VoiceError)
