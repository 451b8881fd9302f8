"""A placement is never cut short: both its stated and its real length must fit into the slot."""

from typing import Final

from edge_agent.decide.question import Question
from edge_agent.model.catalog import Candidate
from edge_agent.model.wording import Said, Wording

_TOO_LONG: Final = Wording("duration", "It lasts {length_s} s, and the slot {slot_s} s.")


def reject(candidate: Candidate, question: Question) -> Said | None:
    """Reject what lasts longer than the slot."""
    dur, asset, most = candidate.creative.dur, candidate.asset, question.slot.max_dur
    if asset is not None and asset.dur > dur:
        dur = asset.dur
    if dur <= most:
        return None
    return _TOO_LONG(length_s=dur.total_seconds(), slot_s=most.total_seconds())
