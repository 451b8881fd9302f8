"""How long to wait before something is tried again. Pure."""

import math
from datetime import timedelta
from typing import Final

from edge_agent.model.errors import EdgeAgentError, LinkError, NotAllowedError, NotRetainedError, OversizeError

LONGEST_BREATH: Final = timedelta(seconds=10)


def backoff(failures: int, draw: float, first: timedelta, longest: timedelta) -> timedelta | None:
    """Return the pause after that many failures in a row, or None (no need to try again) after none.

    It doubles from `first` to `longest`, and `draw` in [0, 1) spreads it over 50 % to 150 %, so that a fleet whose
    broker came back does not return in step.
    """
    if failures == 0:
        return None
    doubled = min(first * (1 << min(failures - 1, 30)), longest)
    return doubled * (0.5 + draw)


def spread(period: timedelta, draw: float) -> timedelta:
    """Return `period` give or take 10 %, by `draw` in [0, 1)."""
    return period * (0.9 + 0.2 * draw)


def breath_s(times: int) -> float:
    """Return for how many seconds to rest when that many attempts in a row were for nothing: 0, 0.2, 0.4 … 10."""
    return 0.0 if times < 1 else min(0.1 * 2 ** min(times, 10), LONGEST_BREATH.total_seconds())


def is_about_the_link(error: EdgeAgentError | None) -> bool:
    """Whether something failed merely since the broker was not there, or said nothing."""
    answers = NotRetainedError | NotAllowedError | OversizeError
    return isinstance(error, LinkError) and not isinstance(error, answers)


class Breath:
    """How long to rest between looks that anybody may ask for, and that found nothing new.

    The first after a silence is followed by no rest, so that what is published next is looked at as soon as it is
    said; each further one by a longer rest, up to LONGEST_BREATH, until something was new. It is a silence when
    nobody asked for that long. Times are seconds of a clock that never jumps.
    """

    def __init__(self) -> None:
        self._in_vain = 0
        self._rested_at_s = -math.inf

    def after(self, *, began_at_s: float, ended_at_s: float, news: bool) -> float:
        """Return for how many seconds to rest after a look."""
        silence = began_at_s - self._rested_at_s >= LONGEST_BREATH.total_seconds()
        self._in_vain = 0 if news else 1 if silence else self._in_vain + 1
        rest_s = breath_s(self._in_vain - 1)
        self._rested_at_s = ended_at_s + rest_s
        return rest_s
