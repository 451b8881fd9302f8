"""Layers of configuration: which wins, and what each mistake is told as."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from edge_agent.model.errors import SettingsError
from edge_agent.settings.layers import load_profile, load_settings
from edge_agent.shipped import shipped

MINIMAL = 'profile = "virtual-speaker"\ndevice_id = "kitchen"\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "agent.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_minimal_file_is_enough_and_every_path_is_absolute(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, MINIMAL))
    assert settings.mqtt.device_id == "kitchen"
    assert settings.voice.wake_phrases == settings.profile.wake_phrases
    assert settings.placements.min_spacing == settings.profile.policy.min_spacing
    for path in (
        settings.database,
        settings.packs.directory,
        settings.packs.root_json,
        settings.render.hooks_directory,
        settings.debug.socket,
    ):
        assert path is not None
        assert path.is_absolute()


def test_profile_then_remote_then_local(tmp_path: Path) -> None:
    remote: list[dict[str, Any]] = [
        {"placements": {"max_per_hour": 1, "max_per_day": 3}, "voice": {"sensitivity": 0.2}},
        {"placements": {"max_per_day": 2}},
    ]
    path = write(tmp_path, MINIMAL + "[voice]\nsensitivity = 0.9\n")
    settings = load_settings(path, remote)
    assert settings.placements.max_per_hour == 1
    assert settings.placements.max_per_day == 2, "the more specific remote document wins"
    assert settings.voice.sensitivity == 0.9, "agent.toml wins over remote"
    assert settings.placements.min_spacing == settings.profile.policy.min_spacing, "what nobody set stays"


def test_relative_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, MINIMAL + '[packs]\nroot_json = "keys/root.json"\n'))
    assert settings.packs.root_json == tmp_path / "keys" / "root.json"


def test_durations_are_seconds(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, MINIMAL + "[placements]\nmin_spacing = 90\n"))
    assert settings.placements.min_spacing == timedelta(seconds=90)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("device_id = 'x'\n", "profile"),
        ('profile = "virtual-tv"\n', "device_id"),
        (MINIMAL + 'timezone = "Mars/Olympus"\n', "Mars/Olympus"),
        (MINIMAL + "[voice]\nsensitivity = 3\n", "voice.sensitivity"),
        (MINIMAL + "[voice]\nvolume = 3\n", "voice.volume"),
        (MINIMAL + "colour = 'red'\n", "colour"),
        (MINIMAL + "voice = 3\n", "voice"),
        (MINIMAL + "[mqtt]\nroot = '#'\n", "mqtt.root"),
        (MINIMAL + "[debug]\nhost = '0.0.0.0'\n", "debug.host"),
        ('profile = "toaster"\ndevice_id = "x"\n', "toaster"),
        ('device_id = "x\n', "TOML"),
        ("device_id = " + "[" * 5000, "TOML"),
        ("device_id = " + "1" * 5000, "TOML"),
        (MINIMAL.replace("kitchen", "../kitchen"), "device_id: use 1 to 64 lower-case letters, digits"),
    ],
)
def test_each_mistake_is_one_sentence_that_names_the_field(tmp_path: Path, text: str, names: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(write(tmp_path, text))
    assert names in str(caught.value)
    assert "\n" not in caught.value.for_person()
    assert caught.value.next_step


def test_a_missing_file_is_told_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nothing\.toml"):
        load_settings(tmp_path / "nothing.toml")


def test_every_shipped_profile_loads_and_its_hooks_exist() -> None:
    profiles = sorted(path.stem for path in shipped("device_profiles").glob("*.toml"))
    assert {"virtual-tv", "virtual-speaker", "virtual-fridge"} <= set(profiles)
    for name in profiles:
        profile = load_profile(name)
        assert profile.name == name
        for hook in profile.hooks.values():
            assert (shipped("firmware_hooks") / profile.hooks_directory / hook).is_file()
