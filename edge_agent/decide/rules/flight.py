"""A line item runs from the start of its flight up to, not including, its end."""

from edge_agent.decide.question import Question
from edge_agent.model.catalog import Candidate


def reject(candidate: Candidate, question: Question) -> str | None:
    """Reject before the start and from the end on."""
    flight = candidate.line_item.flight
    if question.now < flight.start:
        return f"Its flight starts on {question.clock(flight.start)}."
    if question.now >= flight.end:
        return f"Its flight ended on {question.clock(flight.end)}."
    return None
