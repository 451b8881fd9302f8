"""The resident may switch single formats off."""

from edge_agent.moments.question import Question


def refuse(question: Question) -> str | None:
    """Refuse a format that the resident switched off."""
    if question.format is None or question.format not in question.surroundings.limits.formats_off:
        return None
    return f'The resident has switched off the format "{question.format.replace("_", " ")}".'
