"""Moments and slots: when a placement may be welcome, and the opening that results."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from edge_agent.model.formats import Format


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
