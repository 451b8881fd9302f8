"""One placement at a time. Only a follow-up that the resident asked for takes the place of what plays."""

from typing import Final

from edge_agent.model.wording import Said, Wording
from edge_agent.moments.question import Question

_ANOTHER: Final = Wording("already_playing", "Another placement is playing.")


def refuse(question: Question) -> Said | None:
    """Refuse while another placement plays, unless the resident asked for more about it."""
    if question.surroundings.playing is None or question.asked_for:
        return None
    return _ANOTHER()
