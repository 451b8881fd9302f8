"""A placement needs a moment that the device's profile offers, in a format that the device renders."""

from typing import Final

from edge_agent.model.wording import Said, Term, Wording
from edge_agent.moments.question import Question

_NO_MOMENT: Final = Wording(
    "moment_not_offered.moment", 'This device\'s profile has no placement for the moment "{moment}".'
)
_NO_TOPIC: Final = Wording(
    "moment_not_offered.topic",
    'This device\'s profile has no placement for the moment "{moment}" about "{topic}".',
)
_NO_FORMAT: Final = Wording("moment_not_offered.format", 'This device cannot render the format "{format}".')


def refuse(question: Question) -> Said | None:
    """Refuse a moment without a format, and a format that the device cannot render."""
    if question.format is None:
        moment, topic = Term("moment", question.moment.kind), question.moment.topic
        return _NO_TOPIC(moment=moment, topic=Term("topic", topic)) if topic else _NO_MOMENT(moment=moment)
    if question.limit is None:
        return _NO_FORMAT(format=Term("format", question.format))
    return None
