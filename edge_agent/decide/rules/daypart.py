"""A line item with dayparts runs only in these hours of the device's wall clock."""

from typing import Final

from edge_agent.decide.question import Question
from edge_agent.model.catalog import Candidate
from edge_agent.model.wording import Hours, Said, Wall, WallStyle, Wording

_OTHER_HOURS: Final = Wording("outside_daypart", "It was not booked for {now} (only for {hours}).")


def reject(candidate: Candidate, question: Question) -> Said | None:
    """Reject outside every daypart; without dayparts any hour is right, as it is when the resident asked."""
    dayparts = candidate.line_item.dayparts
    if not dayparts or question.asked_for or any(part.covers(question.local) for part in dayparts):
        return None
    return _OTHER_HOURS(now=Wall(question.local, WallStyle.DAY_TIME), hours=Hours.of(dayparts))
