"""Which mirrors may be asked now, and what was wrong with the others. Pure but for the log: times are arguments."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from edge_agent.model.errors import MirrorError
from edge_agent.model.wording import Said
from edge_agent.packs.pauses import backoff
from edge_agent.troubles import Troubles

FIRST_PAUSE: Final = timedelta(seconds=10)
LONGEST_PAUSE: Final = timedelta(hours=1)
"""A mirror that fails is asked again after 10 s, then ever more rarely, at last once an hour, give or take a half."""

_SUBJECT: Final = "mirror "


@dataclass(slots=True)
class Mirror:
    """One mirror. `until_s` (of a clock that never jumps) is until when it is left alone, `problem` why.

    `bytes` came from it, and of the assets that it was asked for last it did not have so many.
    """

    url: str
    failures: int = 0
    until_s: float = 0.0
    problem: Said | None = None
    bytes: int = 0
    lacks: int = 0


@dataclass(frozen=True, slots=True)
class AssetSource:
    """Where assets come from, for a person: a mirror's address, or "" for the broker; what came since the start.

    `problem` is one sentence while a mirror does not do as it should, None otherwise. `lacks` is how many of the
    assets that were asked for last it did not have.
    """

    url: str
    bytes: int
    problem: Said | None = None
    lacks: int = 0


class Mirrors:
    """The mirrors of the configuration, in order. A trouble is told of once when it begins and once when it ends."""

    def __init__(self, urls: tuple[str, ...], troubles: Troubles) -> None:
        self._mirrors = {url: Mirror(url) for url in urls}
        self._troubles = troubles

    def __len__(self) -> int:
        return len(self._mirrors)

    def forget_others(self) -> None:
        """Drop the troubles of mirrors that an earlier configuration named."""
        mine = {f"{_SUBJECT}{url}" for url in self._mirrors}
        for subject in [name for name in self._troubles.lasting if name.startswith(_SUBJECT)]:
            if subject not in mine:
                self._troubles.forget(subject)

    def usable(self, at_s: float) -> list[Mirror]:
        """Return those that may be asked now, in order."""
        return [mirror for mirror in self._mirrors.values() if mirror.until_s <= at_s]

    def went_wrong(self, error: MirrorError, at_s: float, draw: float, wished_s: float = 0.0) -> None:
        """Leave a mirror alone for a while: longer each time, or as long as it wishes, up to the longest pause."""
        mirror = self._mirrors[error.mirror]
        mirror.failures += 1
        pause = backoff(mirror.failures, draw, FIRST_PAUSE, LONGEST_PAUSE) or FIRST_PAUSE
        mirror.until_s = at_s + max(pause.total_seconds(), min(wished_s, LONGEST_PAUSE.total_seconds()))
        mirror.problem = error.said()
        self._troubles.begin(f"{_SUBJECT}{mirror.url}", error)

    def went_well(self, mirror: Mirror) -> None:
        """Note that all that was asked of a mirror was answered as it should be."""
        mirror.failures, mirror.problem = 0, None
        self._troubles.end(f"{_SUBJECT}{mirror.url}")

    def sources(self) -> tuple[AssetSource, ...]:
        """Return the mirrors for a person."""
        found = self._mirrors.values()
        return tuple(AssetSource(mirror.url, mirror.bytes, mirror.problem, mirror.lacks) for mirror in found)
