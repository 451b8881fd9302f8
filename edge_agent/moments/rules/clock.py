"""Nothing is placed while the clock is known to be wrong: flights, quiet hours and caps would mean nothing."""

from edge_agent.moments.question import Question


def refuse(question: Question) -> str | None:
    """Refuse while the time is not to be trusted."""
    if question.surroundings.trusted_time:
        return None
    return f"The device's clock cannot be right: it says {question.local:%Y-%m-%d %H:%M}."
