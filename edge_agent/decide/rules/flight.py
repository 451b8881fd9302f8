"""A line item runs from the start of its flight up to, not including, its end."""

from typing import Final

from edge_agent.decide.question import Question
from edge_agent.model.catalog import Candidate
from edge_agent.model.wording import Said, Wording

_STARTS: Final = Wording("outside_flight.before", "Its flight starts on {start}.")
_ENDED: Final = Wording("outside_flight.after", "Its flight ended on {end}.")


def reject(candidate: Candidate, question: Question) -> Said | None:
    """Reject before the start and from the end on."""
    flight = candidate.line_item.flight
    if question.now < flight.start:
        return _STARTS(start=question.clock(flight.start))
    if question.now >= flight.end:
        return _ENDED(end=question.clock(flight.end))
    return None
