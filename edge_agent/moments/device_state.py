"""What the device says about itself, applied; and what of it closes a placement. Pure."""

from dataclasses import replace
from typing import assert_never

from edge_agent.model.device import DeviceState
from edge_agent.model.events import DeviceChanged, MicrophoneChanged
from edge_agent.model.formats import Format
from edge_agent.model.play import CloseCause

_FILLS_IDLE_TIME = frozenset({Format.IDLE_POSTER, Format.STANDBY_SCREEN, Format.PAUSE_SCREEN})


def updated(state: DeviceState, event: DeviceChanged | MicrophoneChanged) -> DeviceState:
    """Return the state after the event. What the event leaves None stays as it was."""
    match event:
        case MicrophoneChanged(microphone):
            return replace(state, microphone=microphone)
        case DeviceChanged(powered, do_not_disturb, call_in_progress, media_playing):
            return replace(
                state,
                powered=state.powered if powered is None else powered,
                do_not_disturb=state.do_not_disturb if do_not_disturb is None else do_not_disturb,
                call_in_progress=state.call_in_progress if call_in_progress is None else call_in_progress,
                media_playing=state.media_playing if media_playing is None else media_playing,
            )
        case _:
            assert_never(event)


def closes(before: DeviceState, after: DeviceState, *, showing: Format | None = None) -> CloseCause | None:
    """Say whether the change closes what is playing: a call came in, do-not-disturb went on, or the power went off.

    Only the change counts, so that a placement that the resident asked for is not closed by a state that was
    already there. With `showing`, media that starts also closes what only fills idle time on the same screen.
    """
    came_on = (
        (after.call_in_progress and not before.call_in_progress)
        or (after.do_not_disturb and not before.do_not_disturb)
        or (before.powered and not after.powered)
    )
    media_started = after.media_playing and not before.media_playing
    if came_on or (media_started and showing in _FILLS_IDLE_TIME):
        return CloseCause.DEVICE
    return None
