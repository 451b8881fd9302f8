"""An evenly paced line item waits until its next impression is due (see `plan`)."""

from typing import Final

from edge_agent.decide.plan import is_ahead
from edge_agent.decide.question import Question
from edge_agent.model.catalog import Candidate
from edge_agent.model.wording import Said, Wording

_AHEAD: Final = Wording("paced", "It is ahead of its plan of {goal} over its flight.")


def reject(candidate: Candidate, question: Question) -> Said | None:
    """Reject what is ahead of its plan; a follow-up that was asked for is outside of any plan."""
    goal = candidate.line_item.goal
    if question.asked_for or goal is None or not is_ahead(candidate, question):
        return None
    return _AHEAD(goal=goal)
