"""What fills the slot, and why not the others? The door of the room; pure."""

from datetime import datetime

from edge_agent.model.catalog import Catalog
from edge_agent.model.decision import EligibilityRule, NoFill, Rejection, Selected
from edge_agent.model.device import Surroundings
from edge_agent.model.moment import Slot


def decide(slot: Slot, catalog: Catalog, surroundings: Surroundings, now: datetime, draw: float) -> Selected | NoFill:
    """Return the chosen candidate, or NoFill; either with every other candidate's first failing rule."""
    del surroundings, now, draw
    chosen = None
    rejections = []
    for candidate in catalog.candidates(slot.format):
        ids = (candidate.creative.crid, candidate.line_item.id, candidate.campaign.id)
        if not candidate.pack.complete:
            rejections.append(Rejection(*ids, EligibilityRule.PACK_INCOMPLETE, "Its pack has not arrived yet."))
        elif chosen is not None:
            rejections.append(Rejection(*ids, EligibilityRule.OUTRANKED, "Another was chosen."))
        else:
            chosen = candidate
    return NoFill(slot, tuple(rejections)) if chosen is None else Selected(slot, chosen, tuple(rejections))
