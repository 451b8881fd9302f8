import gc
import weakref
from pathlib import Path

import pytest

from edge_agent.model.errors import StorageError, VoiceError
from edge_agent.settings.rooms import VoiceSettings
from edge_agent.voice.models import (
    Model,
    check_model,
    choose,
    chosen_directory,
    installed_models,
    model_for,
    packaged_models,
)

NEW_LAYOUT = ("am/final.mdl", "conf/mfcc.conf", "graph/words.txt", "graph/HCLr.fst", "graph/Gr.fst")
OLD_LAYOUT = ("final.mdl", "mfcc.conf", "words.txt", "HCLr.fst", "Gr.fst")


def lay_out(directory: Path, files: tuple[str, ...]) -> Path:
    for name in files:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text("hello 1\n[unk] 2\n")
    return directory


def test_the_model_in_use_is_sound(model: Model) -> None:
    assert "stop" in model.vocabulary().words
    assert model.size_bytes > 1_000_000


def test_a_model_is_in_memory_once_and_only_while_it_is_used(model: Model, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.symlink_to(model.directory)
    loaded = check_model(own).load()
    assert check_model(own).load() is loaded
    unused = weakref.ref(loaded)
    del loaded
    gc.collect()
    assert unused() is None


@pytest.mark.parametrize("files", [NEW_LAYOUT, OLD_LAYOUT])
def test_both_layouts_are_known(tmp_path: Path, files: tuple[str, ...]) -> None:
    found = check_model(lay_out(tmp_path / "some", files))
    assert found.name == "some"
    assert list(found.vocabulary().words) == ["hello"]


@pytest.mark.parametrize("files", [NEW_LAYOUT, OLD_LAYOUT])
@pytest.mark.parametrize("lost", [1, 2, 3, 4])
def test_what_a_model_lacks_is_named(tmp_path: Path, files: tuple[str, ...], lost: int) -> None:
    kept = tuple(name for name in files if name != files[lost])
    with pytest.raises(VoiceError, match=files[lost].rpartition("/")[2]):
        check_model(lay_out(tmp_path, kept))


def test_a_model_with_a_static_graph_takes_no_phrases(tmp_path: Path) -> None:
    lay_out(tmp_path, (*NEW_LAYOUT[:3], "graph/HCLG.fst"))
    with pytest.raises(VoiceError, match="takes no phrases") as caught:
        check_model(tmp_path)
    assert "small" in caught.value.next_step


@pytest.mark.parametrize("files", [NEW_LAYOUT, OLD_LAYOUT])
def test_a_model_that_would_take_everything_for_a_phrase_is_refused(tmp_path: Path, files: tuple[str, ...]) -> None:
    lay_out(tmp_path, files)
    (tmp_path / files[2]).write_text("hello 1\nunk 2\n[unk]s 3\n")
    with pytest.raises(VoiceError, match=r"has no word \[unk\]"):
        check_model(tmp_path)


def test_a_folder_without_a_model_or_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match="holds no speech model"):
        check_model(tmp_path)
    with pytest.raises(VoiceError, match="There is no speech model"):
        check_model(tmp_path / "missing")


def test_a_choice_lasts(tmp_path: Path) -> None:
    models = tmp_path / "state" / "models"
    assert chosen_directory(models) is None
    directory = lay_out(models / "mine", NEW_LAYOUT)
    choose(models, directory)
    assert chosen_directory(models) == directory
    assert model_for(VoiceSettings(models_directory=models)).directory == directory
    assert installed_models(models) == (directory,)
    assert sorted(path.name for path in models.iterdir()) == ["chosen", "mine"]


def test_a_configured_model_outranks_a_chosen_one(tmp_path: Path) -> None:
    chosen, configured = lay_out(tmp_path / "a", NEW_LAYOUT), lay_out(tmp_path / "b", NEW_LAYOUT)
    choose(tmp_path, chosen)
    assert model_for(VoiceSettings(models_directory=tmp_path, model=configured)).directory == configured


def test_choosing_the_packaged_one_ends_a_choice(tmp_path: Path) -> None:
    choose(tmp_path, lay_out(tmp_path / "a", NEW_LAYOUT))
    choose(tmp_path, None)
    assert chosen_directory(tmp_path) is None


def test_a_chosen_model_that_is_gone_is_an_error_and_not_another_model(tmp_path: Path) -> None:
    choose(tmp_path, tmp_path / "gone")
    with pytest.raises(VoiceError, match="gone"):
        model_for(VoiceSettings(models_directory=tmp_path))


def test_a_choice_that_cannot_be_kept_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file where a folder should be")
    with pytest.raises(StorageError):
        choose(tmp_path / "models", tmp_path)


def test_a_language_without_a_model_says_how_to_get_one() -> None:
    assert "xx" not in packaged_models()
    with pytest.raises(VoiceError) as caught:
        model_for(VoiceSettings(lang="xx"))
    assert "edge-agent model install" in caught.value.next_step
