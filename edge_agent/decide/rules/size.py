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
from edge_agent.model.wording import Said, Wording

SCALABLE: Final = frozenset({"image/svg+xml", "text/html"})
LARGEST_SCALE: Final = 2

_UNKNOWN: Final = Wording("size.unknown", "It does not say how large it is.")
_SHAPE: Final = Wording("size.shape", "It is {w} by {h}, and the place for it {slot_w} by {slot_h}: another shape.")
_TOO_LARGE: Final = Wording(
    "size.too_large", "It is {w} by {h}, and the place for it {slot_w} by {slot_h}: too large."
)
_TOO_SMALL: Final = Wording(
    "size.too_small", "It is {w} by {h}, and the place for it {slot_w} by {slot_h}: too small."
)


def reject(candidate: Candidate, question: Question) -> Said | None:
    """Reject what would be distorted, or scaled too far. A slot without a size takes any."""
    slot, asset = question.slot, candidate.asset
    if asset is None or slot.w == 0 or slot.h == 0 or (asset.w, asset.h) == (slot.w, slot.h):
        return None
    if asset.w == 0 or asset.h == 0:
        return None if asset.mime in SCALABLE or slot.format.is_spoken else _UNKNOWN()
    if candidate.creative.link is not None:
        trouble = _TOO_LARGE if asset.w > slot.w or asset.h > slot.h else None
    else:
        trouble = _trouble(asset, slot)
    if trouble is None:
        return None
    return trouble(w=asset.w, h=asset.h, slot_w=slot.w, slot_h=slot.h)


def _trouble(asset: Asset, slot: Slot) -> Wording | None:
    wide, tall = asset.w * slot.h, asset.h * slot.w
    if abs(wide - tall) * 100 > tall:
        return _SHAPE
    if asset.mime in SCALABLE:
        return None
    if asset.w > slot.w * LARGEST_SCALE or asset.h > slot.h * LARGEST_SCALE:
        return _TOO_LARGE
    if asset.w * LARGEST_SCALE < slot.w or asset.h * LARGEST_SCALE < slot.h:
        return _TOO_SMALL
    return None
