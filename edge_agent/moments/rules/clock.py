"""Nothing is placed while the clock is known to be wrong: flights, quiet hours and caps would mean nothing."""

from typing import Final

from edge_agent.model.wording import Said, Wall, WallStyle, Wording
from edge_agent.moments.question import Question

_WRONG: Final = Wording("clock_not_set", "The device's clock cannot be right: it says {now}.")


def refuse(question: Question) -> Said | None:
    """Refuse while the time is not to be trusted."""
    if question.surroundings.trusted_time:
        return None
    return _WRONG(now=Wall(question.local, WallStyle.DATE_TIME))
