"""What Wyoming clients need to know of a mute. Pure."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mute:
    """Whether the device is muted, how often it was turned, and when last (monotonic seconds).

    One that is over before anybody looks counts as well, and so does its end: what comes soon after may be of before.
    """

    on: bool = False
    turns: int = 0
    turned_at_s: float = -math.inf

    def turned(self, at_s: float, *, on: bool) -> "Mute":
        """Return what holds once it is muted, or unmuted."""
        return self if on == self.on else Mute(on, self.turns + 1, at_s)
