"""What Wyoming clients need to know of a mute. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mute:
    """Whether the device is muted, and how often it was turned.

    One that is over before anybody looks counts as well, and so does its end: what comes next may be of before it.
    """

    on: bool = False
    turns: int = 0

    def turned(self, *, on: bool) -> "Mute":
        """Return what holds once it is muted, or unmuted."""
        return self if on == self.on else Mute(on, self.turns + 1)
