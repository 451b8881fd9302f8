"""Nothing is placed before the resident has agreed to placements, or after that was taken back."""

from edge_agent.moments.question import Question


def refuse(question: Question) -> str | None:
    """Refuse without consent."""
    if question.surroundings.consent.placements:
        return None
    return "The resident has not agreed to placements."
