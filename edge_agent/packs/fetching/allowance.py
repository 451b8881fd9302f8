"""How much of the home's line assets may take, and when. Pure: times are arguments, and it keeps its own account.

Revocations, configuration, metadata and voice packs are small or wanted at once; none of this is about them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final

from edge_agent.model.wording import Hours, Said, Size, Wall, WallStyle, Wording
from edge_agent.settings.rooms import PacksSettings

_BURST_S: Final = 2.0
"""So much of the average may come at once, after a while in which nothing did."""

_DAYS_AHEAD: Final = 8

_HOURS: Final = Wording("pack.hours", "Assets are fetched within {hours}; it waits until {until}.")
_SPENT: Final = Wording("pack.spent", "The {size} of a day are used up; it waits until midnight.")

_STEPS_A_DAY: Final = 32
_LEAST_STEP_BYTES: Final = 128 * 1024


@dataclass(frozen=True, slots=True)
class Hold:
    """Assets wait `until` then; `why` is one sentence for a person."""

    until: datetime
    why: Said


class Meter:
    """Counts what assets took, by the device's own days, and says when to wait.

    `day` (ISO) and `spent_bytes` are what an earlier meter had counted. `now` is aware; `at_s` are seconds of a clock
    that never jumps. Whether the clock is believed is what `hold` was told last, and it is asked before assets come
    and after each part of them: what comes while it is not believed counts to the day that stands, whatever day the
    clock shows. A device that wakes up in 1970 would begin its day's budget anew at each start otherwise.

    What has to outlast a power cut is `booked_bytes`: a step more than came, so that the count is written down a few
    times a day and not with each chunk. After a cut at most one step that never came counts, and nothing that came,
    but for what was on its way, is forgotten.
    """

    def __init__(self, settings: PacksSettings, zone: tzinfo, *, day: str = "", spent_bytes: int = 0) -> None:
        self._bandwidth, self._daily_bytes, self._hours = settings.bandwidth, settings.daily_bytes, settings.hours
        self._zone = zone
        self.day, self.spent_bytes, self.booked_bytes = day, spent_bytes, spent_bytes
        self._step_bytes = max(_LEAST_STEP_BYTES, (settings.daily_bytes or 0) // _STEPS_A_DAY)
        self._credit_bytes = _BURST_S * (settings.bandwidth or 0)
        self._credited_at_s: float | None = None
        self._clock_trusted = True

    @property
    def is_limited(self) -> bool:
        """Whether there is anything to keep to; otherwise nothing needs to be counted."""
        return self._bandwidth is not None or self._daily_bytes is not None or bool(self._hours)

    def spend(self, length: int, now: datetime, at_s: float) -> float:
        """Count bytes that came; return for how many seconds nothing more should come, to keep the average."""
        today = now.astimezone(self._zone).date().isoformat()
        if today != self.day and self._clock_trusted:
            self.day, self.spent_bytes, self.booked_bytes = today, 0, 0
        self.spent_bytes += length
        if self._bandwidth is None:
            return 0.0
        passed_s = 0.0 if self._credited_at_s is None else at_s - self._credited_at_s
        most = _BURST_S * self._bandwidth
        self._credit_bytes = min(most, self._credit_bytes + passed_s * self._bandwidth) - length
        self._credited_at_s = at_s
        return max(0.0, -self._credit_bytes / self._bandwidth)

    def book(self) -> bool:
        """Count a step ahead where less than half of one is left; return whether that has to be written down now."""
        if self._daily_bytes is None or self.booked_bytes - self.spent_bytes >= self._step_bytes // 2:
            return False
        self.booked_bytes = self.spent_bytes + self._step_bytes
        return True

    def settle(self) -> None:
        """Count what came and no more: nothing else is on its way."""
        self.booked_bytes = self.spent_bytes

    def window(self, longest: int, chunk_bytes: int) -> int:
        """Return how many chunks may be asked for at a time: no more than come within a burst, one at least."""
        if self._bandwidth is None:
            return longest
        return max(1, min(longest, int(_BURST_S * self._bandwidth / chunk_bytes)))

    def hold(self, now: datetime, *, clock_trusted: bool = True) -> Hold | None:
        """Return why assets have to wait and until when; None when they may come.

        A clock that is wrong knows neither hours nor days; then the average alone is kept.
        """
        self._clock_trusted = clock_trusted
        if not clock_trusted:
            return None
        local = now.astimezone(self._zone)
        if self._hours and not any(part.covers(local) for part in self._hours):
            until = self._opening(local)
            return Hold(until, _HOURS(hours=Hours.of(self._hours), until=Wall(until, WallStyle.DATE_TIME)))
        spent_bytes = self.spent_bytes if self.day == local.date().isoformat() else 0
        if self._daily_bytes is not None and spent_bytes >= self._daily_bytes:
            midnight = datetime.combine(local.date() + timedelta(days=1), datetime.min.time(), self._zone)
            return Hold(midnight, _SPENT(size=Size(self._daily_bytes)))
        return None

    def _opening(self, local: datetime) -> datetime:
        days = [local.date() + timedelta(days=ahead) for ahead in range(_DAYS_AHEAD)]
        starts = [
            datetime.combine(day, part.start, self._zone)
            for day in days
            for part in self._hours
            if day.isoweekday() in part.weekdays
        ]
        later = [start for start in starts if start > local]
        return min(later, default=local + timedelta(days=_DAYS_AHEAD))
