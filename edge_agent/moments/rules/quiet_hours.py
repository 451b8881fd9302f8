"""Quiet hours, the operator's and the resident's, on the device's own wall clock.

They keep placements from disturbing; a follow-up that the resident just asked for disturbs nobody and is allowed.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from edge_agent.model.campaign import Daypart
from edge_agent.model.device import Surroundings
from edge_agent.model.wording import Said, Wall, WallStyle, Wording
from edge_agent.moments.question import Question

_HORIZON: Final = timedelta(days=8)
"""Quiet hours repeat weekly: what is quiet this long is quiet always."""
_QUARTER: Final = timedelta(minutes=15)
"""Clocks are put forward and back on a quarter of an hour, if at all, whatever the zone."""
_ALWAYS: Final = Wording("quiet_hours.always", "Quiet hours are all day, every day.")
_UNTIL: Final = Wording("quiet_hours.until", "Quiet hours until {until}.")
_UNTIL_DAY: Final = Wording("quiet_hours.until_day", "Quiet until {until}.")


def refuse(question: Question) -> Said | None:
    """Refuse inside any quiet hours."""
    if question.asked_for:
        return None
    surroundings = question.surroundings
    hours = surroundings.policy.quiet_hours + surroundings.limits.quiet_hours
    local = question.local.replace(tzinfo=None)
    ends = _quiet_until(local, hours)
    if ends == local:
        return None
    if ends - local > _HORIZON:
        return _ALWAYS()
    if ends - local <= timedelta(days=1):
        return _UNTIL(until=Wall(ends, WallStyle.TIME))
    return _UNTIL_DAY(until=Wall(ends, WallStyle.DAY_TIME))


def look_again(surroundings: Surroundings, now: datetime) -> datetime | None:
    """Return when quiet hours may begin next, at most a quarter of an hour from `now`; None without any.

    Whether they do is looked at then: it may be another weekday's start, or nothing but a quarter of an hour, on
    which a clock that is put forward or back may begin them, too.
    """
    hours = surroundings.policy.quiet_hours + surroundings.limits.quiet_hours
    if not hours:
        return None
    now = now.astimezone(UTC)
    latest = now + _QUARTER - (now - datetime.min.replace(tzinfo=UTC)) % _QUARTER
    days = {at.astimezone(surroundings.zone).date() for at in (now, latest)}
    starts = (
        datetime.combine(day, part.start, surroundings.zone).replace(fold=fold).astimezone(UTC)
        for part in hours
        for day in days
        for fold in (0, 1)
    )
    return min((start for start in starts if now < start < latest), default=latest)


def _quiet_until(local: datetime, hours: tuple[Daypart, ...]) -> datetime:
    """Return the first wall-clock time from `local` on that no quiet hours cover; gives up past the horizon."""
    at = local
    while at - local <= _HORIZON:
        covering = [part for part in hours if part.covers(at)]
        if not covering:
            break
        at = max(_end(at, part) for part in covering)
    return at


def _end(at: datetime, part: Daypart) -> datetime:
    """Return when `part`, which covers `at`, ends."""
    end = datetime.combine(at.date(), part.end)
    return end if end > at else end + timedelta(days=1)
