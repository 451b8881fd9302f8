"""The device's own do-not-disturb switch is obeyed, whatever else is set here."""

from edge_agent.moments.question import Question


def refuse(question: Question) -> str | None:
    """Refuse while the device is in do-not-disturb."""
    return "Do not disturb is on." if question.surroundings.device.do_not_disturb else None
