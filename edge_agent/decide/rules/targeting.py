"""A line item names the moments it is for, and perhaps their topics; a follow-up goes to exactly what was asked for.

A creative that is only somebody's follow-up is not booked for any other moment.
"""

from edge_agent.decide.question import Question
from edge_agent.model.catalog import Candidate
from edge_agent.model.moment import Moment


def reject(candidate: Candidate, question: Question) -> str | None:
    """Reject what was not booked for this moment and topic, or is not what the resident asked for."""
    moment = question.slot.moment
    if question.asked_for:
        return None if _is_wanted(candidate, moment) else "The resident asked for something else."
    item = candidate.line_item
    if moment.kind not in item.targeting.moments:
        return f'It was not booked for the moment "{moment.kind.replace("_", " ")}".'
    if item.targeting.topics and moment.topic not in item.targeting.topics:
        return f'It was not booked for the topic "{moment.topic}".' if moment.topic else "It was booked for a topic."
    if candidate.creative.crid not in item.crids:
        return "It is only for a resident who asks for more."
    return None


def _is_wanted(candidate: Candidate, moment: Moment) -> bool:
    """Whether the moment names this creative, and its campaign and line item where it names these too."""
    wanted = moment.attributes
    return (
        wanted.get("crid") == candidate.creative.crid
        and wanted.get("campaign", candidate.campaign.id) == candidate.campaign.id
        and wanted.get("line_item", candidate.line_item.id) == candidate.line_item.id
    )
