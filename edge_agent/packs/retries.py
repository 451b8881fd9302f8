"""What was asked for in vain, and when it is asked for again. Pure: times are arguments.

Whatever is absent or wrong on the broker costs traffic each time that it is asked for. So it is left alone for a
pause that grows, whoever wakes the supply meanwhile: only a newly signed repository, or other room, makes it worth
another try. A restart goes on with the pause, so that no device hammers its broker because something else makes it
start again and again; but with a short one, since somebody may have started it for that very reason.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from edge_agent.model.errors import EdgeAgentError, IncompleteError, NotAllowedError, StorageError
from edge_agent.packs.pauses import backoff, is_about_the_link, spread

FIRST_PAUSE: Final = timedelta(seconds=5)
LONGEST_AT_START: Final = timedelta(minutes=5)

LATER: Final = IncompleteError("Not all of it was there when it was last asked for.", "It is tried again by itself.")


class Retries:
    """`spoilt` names by target name the manifests of which something did not come, `failures` the rounds in a row.

    Both are what an earlier process wrote down. What the link or the disk alone was to blame for is in neither.
    `at_s` are seconds of a clock that never jumps, `draw` is in [0, 1).
    """

    def __init__(self, spoilt: Mapping[str, str] | None = None, failures: int = 0) -> None:
        self.spoilt = dict(spoilt or {})
        self._failures = failures
        self._is_start = bool(self.spoilt)
        self._until_s = 0.0
        self._has_failed = self._is_stopped = self._is_refused = False

    @property
    def failures(self) -> int:
        """How many rounds in a row something did not come, for the next process."""
        return self._failures if self.spoilt else 0

    def forgive(self) -> None:
        """Try everything again in the next round: it may be there now."""
        self.spoilt.clear()
        self._is_start = self._is_stopped = False

    def begin(self, at_s: float, draw: float) -> None:
        """Begin a round: what was left alone for long enough is tried again."""
        if self._is_start:
            pause = backoff(self._failures, draw, FIRST_PAUSE, LONGEST_AT_START) or FIRST_PAUSE
            self._until_s, self._is_start = at_s + pause.total_seconds(), False
        self._has_failed = self._is_refused = False
        if at_s >= self._until_s:
            self.forgive()

    def holds_back(self, name: str, sha256: str) -> bool:
        """Whether that manifest's assets are not to be asked for in this round."""
        return self._is_stopped or self.spoilt.get(name) == sha256

    def note(self, name: str, sha256: str, wrong: EdgeAgentError | None) -> bool:
        """Note how an attempt went. Returns whether the round ends with it: the others would fare no better."""
        if wrong is None:
            return False
        self._has_failed = True
        self._is_refused = isinstance(wrong, NotAllowedError)
        self._is_stopped = isinstance(wrong, StorageError | NotAllowedError)
        if not is_about_the_link(wrong) and not isinstance(wrong, StorageError):
            self.spoilt[name] = sha256
        return self._is_stopped

    def end(self, at_s: float, draw: float, longest: timedelta) -> bool:
        """End a round: rounds that fail grow rarer up to `longest`. Returns whether it failed."""
        if self._has_failed:
            self._failures += 1
            pause = backoff(self._failures, draw, FIRST_PAUSE, longest) or longest
            if self._is_refused:  # asking more often changes no access rules
                pause = spread(longest, draw)
            self._until_s = at_s + pause.total_seconds()
        elif not self.spoilt and not self._is_stopped:
            self._failures = 0
        return self._has_failed

    def pause(self, at_s: float) -> timedelta | None:
        """Return how long to wait before the next round, or None when nothing has to be tried again."""
        return timedelta(seconds=max(0.0, self._until_s - at_s)) if self._failures else None
