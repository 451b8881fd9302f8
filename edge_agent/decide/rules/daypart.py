"""A line item with dayparts runs only in these hours of the device's wall clock."""

from edge_agent.decide.question import Question
from edge_agent.model.catalog import Candidate


def reject(candidate: Candidate, question: Question) -> str | None:
    """Reject outside every daypart; without dayparts any hour is right, as it is when the resident asked."""
    dayparts = candidate.line_item.dayparts
    if not dayparts or question.asked_for or any(part.covers(question.local) for part in dayparts):
        return None
    hours = ", ".join(f"{part.start:%H:%M}-{part.end:%H:%M}" for part in dayparts)
    return f"It was not booked for {question.local:%A %H:%M} (only for {hours})."
