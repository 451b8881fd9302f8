"""The device's own do-not-disturb switch is obeyed, whatever else is set here."""

from typing import Final

from edge_agent.model.wording import Said, Wording
from edge_agent.moments.question import Question

_ON: Final = Wording("do_not_disturb", "Do not disturb is on.")


def refuse(question: Question) -> Said | None:
    """Refuse while the device is in do-not-disturb."""
    return _ON() if question.surroundings.device.do_not_disturb else None
