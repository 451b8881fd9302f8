"""A placement needs a moment that the device's profile offers, in a format that the device renders."""

from edge_agent.moments.question import Question


def refuse(question: Question) -> str | None:
    """Refuse a moment without a format, and a format that the device cannot render."""
    if question.format is None:
        about = f' about "{question.moment.topic}"' if question.moment.topic else ""
        return f"This device's profile has no placement for the moment {_words(question.moment.kind)}{about}."
    if question.limit is None:
        return f"This device cannot render the format {_words(question.format)}."
    return None


def _words(name: str) -> str:
    return f'"{name.replace("_", " ")}"'
