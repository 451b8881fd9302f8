"""Cues: the short sounds by which the device says something without words."""

from enum import StrEnum


class Cue(StrEnum):
    """What a cue says."""

    LISTENING = "listening"
    """I heard you and am listening for what you say next."""
