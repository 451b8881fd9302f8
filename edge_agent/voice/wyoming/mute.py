"""What Wyoming clients need to know of a mute. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mute:
    """Whether the device is muted, and how often it was: one that is over before anybody looks counts as well."""

    on: bool = False
    times: int = 0

    def turned(self, *, on: bool) -> "Mute":
        """Return what holds once it is muted, or unmuted."""
        return Mute(on, self.times + on)
