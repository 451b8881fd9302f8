"""Frequency caps of the line item, each over a rolling window, counting what it says: creative … advertiser."""

from typing import Final

from edge_agent.decide.question import Question
from edge_agent.decide.tally import at_cap
from edge_agent.model.catalog import Candidate
from edge_agent.model.wording import Said, Term, Wording

_REACHED: Final = Wording("frequency_cap", "The limit of {count} in {window} for this {scope} is reached.")


def reject(candidate: Candidate, question: Question) -> Said | None:
    """Reject at the cap. One more that the resident asked for is not a repetition."""
    if question.asked_for:
        return None
    for cap in candidate.line_item.caps:
        if at_cap(question.history, cap, candidate, question.now):
            return _REACHED(count=cap.count, window=cap.per, scope=Term("scope", cap.scope))
    return None
