"""Nothing waits for the network: what is not wholly on disk and verified is not eligible."""

from edge_agent.decide.question import Question
from edge_agent.model.catalog import Candidate


def reject(candidate: Candidate, question: Question) -> str | None:
    """Reject what has parts still on the way."""
    del question
    return None if candidate.pack.complete else f'Parts of the pack "{candidate.pack.name}" have not arrived yet.'
