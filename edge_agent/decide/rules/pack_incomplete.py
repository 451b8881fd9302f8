"""Nothing waits for the network: what is not wholly on disk and verified is not eligible."""

from typing import Final

from edge_agent.decide.question import Question
from edge_agent.model.catalog import Candidate
from edge_agent.model.wording import Said, Wording

_PARTS_MISSING: Final = Wording("pack_incomplete", 'Parts of the pack "{pack}" have not arrived yet.')


def reject(candidate: Candidate, question: Question) -> Said | None:
    """Reject what has parts still on the way."""
    del question
    return None if candidate.pack.complete else _PARTS_MISSING(pack=candidate.pack.name)
