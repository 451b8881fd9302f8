"""A device that is off shows nothing to nobody: plays counted while a TV was off are what others apologise for."""

from typing import Final

from edge_agent.model.wording import Said, Wording
from edge_agent.moments.question import Question

_OFF: Final = Wording("powered_off", "The device is switched off.")


def refuse(question: Question) -> Said | None:
    """Refuse while the device is off."""
    return None if question.surroundings.device.powered else _OFF()
