"""A rest between the end of one placement and the next, whatever formats and moments the two have."""

from typing import Final

from edge_agent.model.wording import Said, Wording
from edge_agent.moments.question import Question

_TOO_SOON: Final = Wording("min_spacing", "The last placement ended a short while ago; the next may come at {free}.")


def refuse(question: Question) -> Said | None:
    """Refuse within the operator's spacing after the last placement's end; a follow-up is not kept waiting."""
    spacing = question.surroundings.policy.min_spacing
    if question.asked_for:
        return None
    for impression in reversed(question.surroundings.history.impressions):
        # Without a known end (the power went) its start is the best that is known.
        since = question.now - (impression.ended_at or impression.at)
        # One dated ahead of now by more than the spacing was written by a clock that was wrong.
        if -spacing < since < spacing:
            return _TOO_SOON(free=question.clock(question.now + spacing - since))
        if impression.at <= question.now:
            break
    return None
