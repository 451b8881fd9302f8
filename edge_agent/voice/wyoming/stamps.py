"""The timestamps of a peer's audio, so that it can be told in its own time when a phrase ended. Pure."""

from collections import deque
from typing import Final

from edge_agent.voice.spotting import REMEMBER_S

_MOST: Final = 1024
_REACH_S: Final = 2 * REMEMBER_S


class Stamps:
    """The timestamps of the newest audio of one stream."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, float]] = deque(maxlen=_MOST)

    def mark(self, until_s: float, stamp: float) -> None:
        """Remember that the audio up to that place in the stream has this timestamp."""
        self._marks.append((until_s, stamp))
        while self._marks[0][0] < until_s - _REACH_S:
            self._marks.popleft()

    def of(self, end_s: float) -> int:
        """Return the timestamp of the audio that a phrase ended in; of streams without any, milliseconds."""
        stamps = (stamp for until_s, stamp in self._marks if until_s >= end_s)
        return round(next(stamps, end_s * 1000))
