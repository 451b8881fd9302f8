"""A resident who is not interested sees nothing more of the whole campaign, in whatever pack it comes next."""

from typing import Final

from edge_agent.decide.question import Question
from edge_agent.model.catalog import Candidate
from edge_agent.model.wording import Said, Wording

_DISMISSED: Final = Wording("dismissed", "The resident is not interested in this campaign.")


def reject(candidate: Candidate, question: Question) -> Said | None:
    """Reject a campaign that the resident dismissed."""
    if candidate.pack.campaign.id in question.limits.dismissed_campaigns:
        return _DISMISSED()
    return None
