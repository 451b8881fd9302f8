"""Media is not interrupted, except by formats that the operator's policy names (a pause screen, by nature).

A follow-up is allowed: a TV starts a channel right after its boot screen, just when the resident asks for more.
"""

from typing import Final

from edge_agent.model.wording import Said, Wording
from edge_agent.moments.question import Question

_MEDIA: Final = Wording("media_playing", "Media is playing.")


def refuse(question: Question) -> Said | None:
    """Refuse while media plays, unless this format may open then or the resident asked for it."""
    surroundings = question.surroundings
    if not surroundings.device.media_playing or question.asked_for or question.format in surroundings.policy.media_ok:
        return None
    return _MEDIA()
