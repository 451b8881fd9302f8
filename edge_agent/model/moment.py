"""Moments and slots: when a placement may be welcome, and the opening that results."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from edge_agent.model.formats import Format

MOST_MOMENTS: Final = 60
MOMENTS_WITHIN_S: Final = 60.0
"""So many one source may tell of. Each is decided on and written down: a sensor that tells of one in every frame
would wear out a memory card, and push everything else out of what a resident can ask about."""


class MomentKind(StrEnum):
    """A device situation that may open a slot."""

    POWER_ON = "power_on"
    STANDBY = "standby"
    IDLE = "idle"
    PAUSE = "pause"
    ASSISTANT_ANSWERED = "assistant_answered"
    PHRASE_HEARD = "phrase_heard"
    SENSOR_READING = "sensor_reading"
    TAP = "tap"
    SCENE_TIME = "scene_time"
    FOLLOW_UP = "follow_up"
    """The resident asked for more about what was just shown or said."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Something happened on the device. `topic` narrows it (`weather`, `door`, a phrase) and may be empty."""

    kind: MomentKind
    at: datetime
    topic: str = ""
    attributes: Mapping[str, str | float] = field(default_factory=dict)


class MomentPace:
    """Keeps one source of moments to MOST_MOMENTS within MOMENTS_WITHIN_S."""

    def __init__(self) -> None:
        self._arose: deque[float] = deque(maxlen=MOST_MOMENTS)

    def wait_s(self, now_s: float) -> float:
        """Count a moment that arises now, and return 0; or return for how long none may, in seconds.

        `now_s` is of a clock that only goes forward.
        """
        if len(self._arose) == MOST_MOMENTS and now_s - self._arose[0] < MOMENTS_WITHIN_S:
            return self._arose[0] + MOMENTS_WITHIN_S - now_s
        self._arose.append(now_s)
        return 0.0


@dataclass(frozen=True, slots=True)
class Slot:
    """One timed opening: its format, size in pixels, longest duration, language, and who renders it.

    `inline` slots are answered to the device's own software, which renders by itself; the others go to a hook.
    """

    id: str
    format: Format
    moment: Moment
    opens_at: datetime
    max_dur: timedelta
    mime: tuple[str, ...]
    w: int = 0
    h: int = 0
    lang: str = "en"
    inline: bool = False
