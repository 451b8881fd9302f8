"""Pure: how long to wait before a hook that died is started again."""

from datetime import timedelta
from typing import Final

_STEADY: Final = timedelta(minutes=1)


def restart_delay(previous: timedelta | None, lived: timedelta, least: timedelta, most: timedelta) -> timedelta:
    """Return the wait: `least` at first and after a life of a minute, otherwise twice the last one, up to `most`.

    `previous` is the last wait, None where there was none.
    """
    if previous is None or lived >= _STEADY:
        return least
    return min(previous * 2, most)
