"""Nothing is said or shown during a call."""

from typing import Final

from edge_agent.model.wording import Said, Wording
from edge_agent.moments.question import Question

_CALL: Final = Wording("call_in_progress", "A call is in progress.")


def refuse(question: Question) -> Said | None:
    """Refuse while a call is in progress."""
    return _CALL() if question.surroundings.device.call_in_progress else None
