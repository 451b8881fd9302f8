"""When the samples of a live stream were heard, by the clock of this machine. Pure."""

from __future__ import annotations

import math
from collections import deque
from typing import Final

from edge_agent.voice.sources import LATE_S

REMEMBERS_S: Final = 60.0
"""How long audio counts that came with less delay than all after it. Where all of it waits for us for longer, it
seems to be the present. What was lost on its way to us, and samples that come slower than the clock says, make what
is remembered wrong."""


class StreamClock:
    """Follows one stream, which was opened at `now_s` of a clock that never goes back (time.monotonic()).

    Audio seems late whenever it had to wait for somebody, and never early: so what came with the least delay tells
    when the stream began.
    """

    def __init__(self, now_s: float) -> None:
        self.heard_s = 0.0
        """How much audio came so far: the newest sample's place in the stream."""
        self._came_at_s = -math.inf
        """Before the first audio there is none that could be late."""
        self._least = deque([(now_s, now_s)])
        """When audio came, and when the stream began if that had no delay; each with less delay than all after it."""
        self._gaps: deque[tuple[float, float]] = deque()
        """Where audio is missing, and how much."""

    @property
    def began_s(self) -> float:
        """When the first sample was heard; what was dropped since makes it later."""
        return self._least[0][1]

    @property
    def newest_s(self) -> float:
        """When the newest sample was heard."""
        return self.began_s + self.heard_s

    def heard_at_s(self, place_s: float) -> float:
        """Return when the sample at that place in the stream was heard."""
        return self.began_s + place_s - sum(gap_s for at_s, gap_s in self._gaps if at_s >= place_s)

    def miss(self, gap_s: float) -> None:
        """Take note of so much audio that was dropped, and will not come."""
        self._least = deque((at_s, since_s + gap_s) for at_s, since_s in self._least)
        self._gaps.append((self.heard_s, gap_s))

    def take(self, audio_s: float, now_s: float) -> None:
        """Take note of so much audio, whose last sample came in at `now_s`; of none where nothing waits."""
        if audio_s:
            self._came_at_s = now_s
        elif now_s < self._came_at_s + LATE_S:  # what comes next may have been heard already
            return
        self.heard_s += audio_s
        since_s = now_s - self.heard_s
        if not audio_s:  # nothing waits: this is the present
            self._least.clear()
        while self._least and self._least[-1][1] >= since_s:
            self._least.pop()
        self._least.append((now_s, since_s))
        while self._least[0][0] < now_s - REMEMBERS_S:
            self._least.popleft()
        while self._gaps and self._gaps[0][0] < self.heard_s - REMEMBERS_S:
            self._gaps.popleft()
