"""At most so many placements a day; the tighter of the operator's and the resident's numbers.

A day is what a person calls one: from midnight to midnight in the device's time zone, 23 or 25 hours now and then.
Where today's placements were erased, nobody knows how many there were, and the limit counts as reached: erasing must
not let more placements through. It does so for 24 hours at least, which covers the shorter limits too.
"""

from datetime import UTC, datetime, time, timedelta
from typing import Final

from edge_agent.model.wording import Said, Wording
from edge_agent.moments.question import Question
from edge_agent.moments.recent import between

_DAY: Final = timedelta(days=1)
_NONE: Final = Wording("daily_cap.none", "No placements are allowed: the limit per day is 0.")
_ERASED: Final = Wording("daily_cap.erased", "What was placed today was erased, so today's limit counts as reached.")
_REACHED: Final = Wording("daily_cap.reached", "The limit of {most} a day is reached; the next may come tomorrow.")


def refuse(question: Question) -> Said | None:
    """Refuse when today has had its placements; a follow-up that was asked for is one more."""
    own = question.surroundings.limits.max_per_day
    most = question.surroundings.policy.max_per_day
    most = most if own is None else min(most, own)
    if question.asked_for:
        return None
    if most == 0:
        return _NONE()
    today, zone = question.local.date(), question.surroundings.zone
    begins, ends = (datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC) for day in (today, today + _DAY))
    erased_at = question.surroundings.erased_at
    if erased_at is not None and (begins <= erased_at < ends or abs(question.now - erased_at) < _DAY):
        return _ERASED()
    if len(between(question.surroundings.history, begins, ends)) < most:
        return None
    return _REACHED(most=most)
