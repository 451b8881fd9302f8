"""The operator and the resident may keep categories away. IAB codes nest: "7" blocks "7-1" and "7-1-3", not "70"."""

from typing import Final

from edge_agent.decide.question import Question
from edge_agent.model.catalog import Candidate
from edge_agent.model.wording import Said, Wording

_BLOCKED: Final = Wording("blocked_category", "The category {category} is blocked.")


def reject(candidate: Candidate, question: Question) -> Said | None:
    """Reject a campaign in a blocked category or below one."""
    blocked = question.blocked_cat
    if not blocked:
        return None
    for code in candidate.pack.campaign.cat:
        parent = code
        while parent:
            if parent in blocked:
                return _BLOCKED(category=parent)
            parent = parent.rpartition("-")[0]
    return None
