"""Media is not interrupted, except by formats that the operator's policy names (a pause screen, by nature).

A follow-up is allowed: a TV starts a channel right after its boot screen, just when the resident asks for more.
"""

from edge_agent.moments.question import Question


def refuse(question: Question) -> str | None:
    """Refuse while media plays, unless this format may open then or the resident asked for it."""
    surroundings = question.surroundings
    if not surroundings.device.media_playing or question.asked_for or question.format in surroundings.policy.media_ok:
        return None
    return "Media is playing."
