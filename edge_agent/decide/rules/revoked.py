"""What the operator revoked plays no more, however complete it is."""

from edge_agent.decide.question import Question
from edge_agent.model.catalog import Candidate
from edge_agent.model.wording import Said


def reject(candidate: Candidate, question: Question) -> Said | None:
    """Reject what the signed deny list names, with the sentence that it gives."""
    del question
    return candidate.pack.revoked.get(candidate.creative.crid)
