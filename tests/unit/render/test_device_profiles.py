"""Every shipped profile is valid, and every hook it names is shipped."""

import tomllib
from pathlib import Path

import pytest

from edge_agent.model.formats import Format
from edge_agent.render.hook_process import hook_command
from edge_agent.render.hook_request import verb_for
from edge_agent.settings.profile import DeviceProfile
from edge_agent.shipped import shipped

PROFILES = sorted(shipped("device_profiles").glob("*.toml"))


@pytest.fixture(params=PROFILES, ids=lambda path: path.stem)
def profile(request: pytest.FixtureRequest) -> DeviceProfile:
    path: Path = request.param
    found = DeviceProfile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    assert found.name == path.stem
    return found


def test_the_four_devices_are_shipped() -> None:
    names = {path.stem for path in PROFILES}
    assert names >= {"virtual-tv", "virtual-speaker", "virtual-fridge", "raspberry-pi-hdmi"}


def test_its_hooks_are_shipped_and_can_be_run(profile: DeviceProfile) -> None:
    folder = shipped("firmware_hooks") / profile.hooks_directory
    for name in profile.hooks.values():
        assert hook_command(folder / name)


def test_it_has_a_hook_for_each_of_its_formats(profile: DeviceProfile) -> None:
    assert {verb_for(limit.format) for limit in profile.formats} <= set(profile.hooks)
    assert (Format.BOOT_SCREEN not in {limit.format for limit in profile.formats}) or "show" in profile.hooks


def test_each_moment_opens_a_format_that_it_renders(profile: DeviceProfile) -> None:
    rendered = {limit.format for limit in profile.formats}
    opened = {rule.format for rule in profile.moments}
    # A companion page opens at a word of the resident, on every device that can show one.
    assert opened == rendered - {Format.COMPANION_PAGE}, "each format has its moment, each moment its format"
    assert len({limit.format for limit in profile.formats}) == len(profile.formats)


def test_screens_have_a_size_and_voices_have_none(profile: DeviceProfile) -> None:
    for limit in profile.formats:
        assert (limit.w > 0 and limit.h > 0) != limit.format.is_spoken
        assert limit.max_dur.total_seconds() > 0


def test_only_the_virtual_devices_are_stand_ins(profile: DeviceProfile) -> None:
    assert profile.standin == profile.name.startswith("virtual-")
