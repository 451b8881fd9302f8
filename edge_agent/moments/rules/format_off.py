"""The resident may switch single formats off."""

from typing import Final

from edge_agent.model.wording import Said, Term, Wording
from edge_agent.moments.question import Question

_OFF: Final = Wording("format_off", 'The resident has switched off the format "{format}".')


def refuse(question: Question) -> Said | None:
    """Refuse a format that the resident switched off."""
    if question.format is None or question.format not in question.surroundings.limits.formats_off:
        return None
    return _OFF(format=Term("format", question.format))
