"""The formats of placements, and what a device can render of each."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from edge_agent.model.durations import Seconds


class Format(StrEnum):
    """How a placement appears. Names are ours; sizes and durations use AdCOM's `w`, `h`, `dur`, `mime`."""

    BOOT_SCREEN = "boot_screen"
    STANDBY_SCREEN = "standby_screen"
    IDLE_POSTER = "idle_poster"
    PAUSE_SCREEN = "pause_screen"
    VOICE_MENTION = "voice_mention"
    VOICE_DIALOGUE = "voice_dialogue"
    COMPANION_PAGE = "companion_page"

    @property
    def is_spoken(self) -> bool:
        """Whether the placement is heard rather than seen."""
        return self in {Format.VOICE_MENTION, Format.VOICE_DIALOGUE}


class FormatLimit(BaseModel):
    """What one device can render of one format; part of the device profile.

    `w` and `h` are pixels of the slot (0 for spoken formats). `max_dur` is the longest duration.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Format
    mime: tuple[str, ...]
    max_dur: Seconds
    w: int = Field(default=0, ge=0, le=16384)
    h: int = Field(default=0, ge=0, le=16384)
