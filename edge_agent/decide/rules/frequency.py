"""Frequency caps of the line item, each over a rolling window, counting what it says: creative … advertiser."""

from datetime import timedelta

from edge_agent.decide.question import Question
from edge_agent.decide.tally import at_cap
from edge_agent.model.catalog import Candidate


def reject(candidate: Candidate, question: Question) -> str | None:
    """Reject at the cap. One more that the resident asked for is not a repetition."""
    if question.asked_for:
        return None
    for cap in candidate.line_item.caps:
        if at_cap(question.history, cap, candidate, question.now):
            scope = cap.scope.replace("_", " ")
            return f"The limit of {cap.count} in {_length(cap.per)} for this {scope} is reached."
    return None


def _length(window: timedelta) -> str:
    """Write a window in the largest unit that divides it."""
    for unit, name in ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute")):
        if window % unit == timedelta(0):
            count = window // unit
            return f"one {name}" if count == 1 else f"{count} {name}s"
    return f"{window.total_seconds():g} seconds"
