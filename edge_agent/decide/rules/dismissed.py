"""A resident who is not interested sees nothing more of the whole campaign, in whatever pack it comes next."""

from edge_agent.decide.question import Question
from edge_agent.model.catalog import Candidate


def reject(candidate: Candidate, question: Question) -> str | None:
    """Reject a campaign that the resident dismissed."""
    if candidate.pack.campaign.id in question.limits.dismissed_campaigns:
        return "The resident is not interested in this campaign."
    return None
