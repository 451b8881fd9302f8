"""A placement is never cut short: both its stated and its real length must fit into the slot."""

from edge_agent.decide.question import Question
from edge_agent.model.catalog import Candidate


def reject(candidate: Candidate, question: Question) -> str | None:
    """Reject what lasts longer than the slot."""
    dur, asset, most = candidate.creative.dur, candidate.asset, question.slot.max_dur
    if asset is not None and asset.dur > dur:
        dur = asset.dur
    if dur <= most:
        return None
    return f"It lasts {dur.total_seconds():g} s, and the slot {most.total_seconds():g} s."
