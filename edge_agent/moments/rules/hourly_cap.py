"""At most so many placements in any sixty minutes; the tighter of the operator's and the resident's numbers.

It counts impressions of the whole device: no other moment, format, app in front or restart starts a new count.
"""

from datetime import timedelta
from typing import Final

from edge_agent.model.wording import Said, Wording
from edge_agent.moments.question import Question
from edge_agent.moments.recent import around

_HOUR: Final = timedelta(hours=1)
_NONE: Final = Wording("hourly_cap.none", "No placements are allowed: the limit per hour is 0.")
_REACHED: Final = Wording(
    "hourly_cap.reached", "The limit of {most} an hour is reached; the next may come at {free}."
)


def refuse(question: Question) -> Said | None:
    """Refuse when the last hour has had its placements; a follow-up that was asked for is one more."""
    own = question.surroundings.limits.max_per_hour
    most = question.surroundings.policy.max_per_hour
    most = most if own is None else min(most, own)
    if question.asked_for:
        return None
    if most == 0:
        return _NONE()
    past = around(question.surroundings.history, question.now, _HOUR)
    if len(past) < most:
        return None
    free = question.clock(past[-most].at.astimezone(question.now.tzinfo) + _HOUR)
    return _REACHED(most=most, free=free)
