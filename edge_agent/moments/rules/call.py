"""Nothing is said or shown during a call."""

from edge_agent.moments.question import Question


def refuse(question: Question) -> str | None:
    """Refuse while a call is in progress."""
    return "A call is in progress." if question.surroundings.device.call_in_progress else None
