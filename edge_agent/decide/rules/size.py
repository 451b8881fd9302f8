"""A picture fits when it is the slot's exact size, or has its shape and is at most twice as large or as small.

The shape may differ by 1 %, which nobody sees (1366 by 768 is called 16:9). More than twice as large wastes the
memory of a small device; less than half looks poor on a large screen. Vector drawings and pages scale as they like.
The code of a companion page stands in the middle of the screen: it only has to be no larger.
"""

from typing import Final

from edge_agent.decide.question import Question
from edge_agent.model.campaign import Asset
from edge_agent.model.catalog import Candidate
from edge_agent.model.moment import Slot

SCALABLE: Final = frozenset({"image/svg+xml", "text/html"})
LARGEST_SCALE: Final = 2


def reject(candidate: Candidate, question: Question) -> str | None:
    """Reject what would be distorted, or scaled too far. A slot without a size takes any."""
    slot, asset = question.slot, candidate.asset
    if asset is None or slot.w == 0 or slot.h == 0 or (asset.w, asset.h) == (slot.w, slot.h):
        return None
    if asset.w == 0 or asset.h == 0:
        return None if asset.mime in SCALABLE or slot.format.is_spoken else "It does not say how large it is."
    if candidate.creative.link is not None:
        trouble = "too large" if asset.w > slot.w or asset.h > slot.h else None
    else:
        trouble = _trouble(asset, slot)
    if trouble is None:
        return None
    return f"It is {asset.w} by {asset.h}, and the place for it {slot.w} by {slot.h}: {trouble}."


def _trouble(asset: Asset, slot: Slot) -> str | None:
    wide, tall = asset.w * slot.h, asset.h * slot.w
    if abs(wide - tall) * 100 > tall:
        return "another shape"
    if asset.mime in SCALABLE:
        return None
    if asset.w > slot.w * LARGEST_SCALE or asset.h > slot.h * LARGEST_SCALE:
        return "too large"
    if asset.w * LARGEST_SCALE < slot.w or asset.h * LARGEST_SCALE < slot.h:
        return "too small"
    return None
