"""How long to wait before something is tried again. Pure."""

from datetime import timedelta


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
