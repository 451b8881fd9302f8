"""A device that is off shows nothing to nobody: plays counted while a TV was off are what others apologise for."""

from edge_agent.moments.question import Question


def refuse(question: Question) -> str | None:
    """Refuse while the device is off."""
    return None if question.surroundings.device.powered else "The device is switched off."
