"""What the device says is applied, and what of it closes a placement."""

import pytest

from edge_agent.model.device import DeviceState, Microphone
from edge_agent.model.events import DeviceChanged, MicrophoneChanged
from edge_agent.model.formats import Format
from edge_agent.model.play import CloseCause
from edge_agent.moments.device_state import closes, updated


def test_none_leaves_a_field_as_it_is() -> None:
    before = DeviceState(do_not_disturb=True, media_playing=True, microphone=Microphone.LISTENING)
    assert updated(before, DeviceChanged()) == before
    assert updated(before, DeviceChanged(media_playing=False)) == DeviceState(
        do_not_disturb=True, microphone=Microphone.LISTENING
    )


@pytest.mark.parametrize("name", ["powered", "do_not_disturb", "call_in_progress", "media_playing"])
@pytest.mark.parametrize("value", [True, False])
def test_each_field_is_set(name: str, value: bool) -> None:
    assert getattr(updated(DeviceState(), DeviceChanged(**{name: value})), name) is value


def test_the_microphone_is_reported_apart() -> None:
    before = DeviceState(media_playing=True)
    after = updated(before, MicrophoneChanged(Microphone.LOST))
    assert after == DeviceState(media_playing=True, microphone=Microphone.LOST)
    assert closes(before, after) is None


@pytest.mark.parametrize(
    "change", [DeviceChanged(call_in_progress=True), DeviceChanged(do_not_disturb=True), DeviceChanged(powered=False)]
)
def test_a_call_do_not_disturb_and_power_off_close_what_plays(change: DeviceChanged) -> None:
    before = DeviceState()
    after = updated(before, change)
    assert closes(before, after) is CloseCause.DEVICE
    assert closes(after, after) is None
    assert closes(after, before) is None


@pytest.mark.parametrize("fmt", [Format.IDLE_POSTER, Format.STANDBY_SCREEN, Format.PAUSE_SCREEN])
def test_media_that_starts_closes_what_only_fills_idle_time(fmt: Format) -> None:
    idle, playing = DeviceState(), DeviceState(media_playing=True)
    assert closes(idle, playing, showing=fmt) is CloseCause.DEVICE
    assert closes(playing, idle, showing=fmt) is None


@pytest.mark.parametrize("fmt", [None, Format.BOOT_SCREEN, Format.VOICE_MENTION, Format.VOICE_DIALOGUE])
def test_media_that_starts_closes_nothing_else(fmt: Format | None) -> None:
    assert closes(DeviceState(), DeviceState(media_playing=True), showing=fmt) is None
