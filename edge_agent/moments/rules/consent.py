"""Nothing is placed before the resident has agreed to placements, or after that was taken back."""

from typing import Final

from edge_agent.model.wording import Said, Wording
from edge_agent.moments.question import Question

_NOT_AGREED: Final = Wording("no_consent", "The resident has not agreed to placements.")


def refuse(question: Question) -> Said | None:
    """Refuse without consent."""
    if question.surroundings.consent.placements:
        return None
    return _NOT_AGREED()
