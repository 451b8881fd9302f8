"""What does this device play itself, so that its ear can tell it from people? (shell: reads the monotonic clock)"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from edge_agent.model.errors import RenderError
from edge_agent.model.play import Play, PlayEvent, PlayEventKind
from edge_agent.render.hook_request import rendering_asset
from edge_agent.voice.dialogue import phrases_for
from edge_agent.voice.own_voice import OwnSound

_OVERTIME: Final = timedelta(seconds=5)
"""How much longer than its slot a hook may sound, at the very most, before it is stopped."""


class OwnSounds:
    """Tells the ear of each recording: when it will be played, from when on it can be heard, and when it is over.

    What the device's own software renders has no recording here; for that its transcript serves.
    """

    def __init__(self, tell: Callable[[OwnSound | None], None], wake_phrases: Callable[[], tuple[str, ...]]) -> None:
        self._tell = tell
        self._wake_phrases = wake_phrases
        self._playing: tuple[str, OwnSound] | None = None

    def starts(self, play: Play) -> None:
        """Note that a hook is about to render a play."""
        try:
            asset = rendering_asset(play) if play.slot.format.is_spoken else None
        except RenderError:
            return  # the renderer tells of it
        if asset is not None:
            creative, lang = play.candidate.creative, play.slot.lang
            phrases = phrases_for(self._wake_phrases(), lang, creative, play.turn)
            most_s = (play.slot.max_dur + _OVERTIME).total_seconds()
            self._playing = (play.id, OwnSound(asset, phrases=phrases, most_s=most_s))
            self._tell(self._playing[1])

    def progressed(self, event: PlayEvent) -> None:
        """Note what a hook has reported."""
        if self._playing is None or self._playing[0] != event.play_id:
            return
        if event.kind is PlayEventKind.IMPRESSION:
            self._tell(replace(self._playing[1], began_s=time.monotonic()))
        elif event.kind.is_final:
            self._playing = None
            self._tell(None)
