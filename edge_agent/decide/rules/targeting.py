"""A line item names the moments it is for, and perhaps their topics; a follow-up goes to exactly what was asked for.

A creative that is only somebody's follow-up is not booked for any other moment.
"""

from typing import Final

from edge_agent.decide.question import Question
from edge_agent.model.catalog import Candidate
from edge_agent.model.moment import Moment
from edge_agent.model.wording import Said, Term, Wording

_OTHER_WISH: Final = Wording("not_targeted.follow_up", "The resident asked for something else.")
_OTHER_MOMENT: Final = Wording("not_targeted.moment", 'It was not booked for the moment "{moment}".')
_OTHER_TOPIC: Final = Wording("not_targeted.topic", 'It was not booked for the topic "{topic}".')
_NEEDS_TOPIC: Final = Wording("not_targeted.any_topic", "It was booked for a topic.")
_ONLY_ASKED: Final = Wording("not_targeted.asked_only", "It is only for a resident who asks for more.")


def reject(candidate: Candidate, question: Question) -> Said | None:
    """Reject what was not booked for this moment and topic, or is not what the resident asked for."""
    moment = question.slot.moment
    if question.asked_for:
        return None if _is_wanted(candidate, moment) else _OTHER_WISH()
    item = candidate.line_item
    if moment.kind not in item.targeting.moments:
        return _OTHER_MOMENT(moment=Term("moment", moment.kind))
    if item.targeting.topics and moment.topic not in item.targeting.topics:
        return _OTHER_TOPIC(topic=Term("topic", moment.topic)) if moment.topic else _NEEDS_TOPIC()
    if candidate.creative.crid not in item.crids:
        return _ONLY_ASKED()
    return None


def _is_wanted(candidate: Candidate, moment: Moment) -> bool:
    """Whether the moment names this creative, and its campaign and line item where it names these too."""
    wanted = moment.attributes
    return (
        wanted.get("crid") == candidate.creative.crid
        and wanted.get("campaign", candidate.campaign.id) == candidate.campaign.id
        and wanted.get("line_item", candidate.line_item.id) == candidate.line_item.id
    )
