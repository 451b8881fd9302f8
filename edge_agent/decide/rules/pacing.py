"""An evenly paced line item waits until its next impression is due (see `plan`)."""

from edge_agent.decide.plan import is_ahead
from edge_agent.decide.question import Question
from edge_agent.model.catalog import Candidate


def reject(candidate: Candidate, question: Question) -> str | None:
    """Reject what is ahead of its plan; a follow-up that was asked for is outside of any plan."""
    if question.asked_for or not is_ahead(candidate, question):
        return None
    return f"It is ahead of its plan of {candidate.line_item.goal} over its flight."
