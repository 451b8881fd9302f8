"""Which version of MQTT to speak to a broker. Pure.

With `auto`, 5.0 is tried first: it says why something is refused, and how large a packet may be. A broker that does
not take it says so in its CONNACK (reason code 0x84, or return code 1 as 3.1.1 has it), or hangs up, or says nothing.

    1. Nothing is known yet: after any of the three, the other version is tried at once.
    2. One of them has worked: it is kept for this process's life. A broker that was busy and hung up is not asked
       twice from then on, and nobody who cuts connections changes the version of a device that runs.
    3. But a broker that names the version as its reason is believed at any time: it may have been replaced.

Speaking 3.1.1 to a broker that would have taken 5.0 costs clearer errors and nothing else: no protection rests on it.
Source: MQTT 3.1.1, section 3.1.2.2; MQTT 5.0, sections 3.1.2.2 and 3.2.2.2.
"""

from enum import StrEnum
from typing import Literal


class Version(StrEnum):
    """A version of MQTT, as settings and people write it."""

    V5 = "5.0"
    V311 = "3.1.1"


_OTHER = {Version.V5: Version.V311, Version.V311: Version.V5}


class VersionChoice:
    """What is known of one broker's versions; lives as long as the process that talks to it."""

    def __init__(self, setting: Literal["auto", "5.0", "3.1.1"]) -> None:
        self._pinned = None if setting == "auto" else Version(setting)
        self._known = self._pinned

    @property
    def first(self) -> Version:
        """The version to begin an attempt to connect with."""
        return self._known or Version.V5

    def after(self, refused: Version, *, named: bool) -> Version | None:
        """Return what to try at once in the same attempt, or None. `named`: the broker said why, and it was that."""
        if self._pinned is not None or refused is not self.first:
            return None
        return _OTHER[refused] if named or self._known is None else None

    def worked(self, version: Version) -> bool:
        """Keep to `version`; return whether that is news and not what was tried first."""
        fell_back = version is not self.first
        self._known = version
        return fell_back
