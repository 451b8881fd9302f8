"""One placement at a time. Only a follow-up that the resident asked for takes the place of what plays."""

from edge_agent.moments.question import Question


def refuse(question: Question) -> str | None:
    """Refuse while another placement plays, unless the resident asked for more about it."""
    if question.surroundings.playing is None or question.asked_for:
        return None
    return "Another placement is playing."
