"""How far did each creative get? From exact local proofs to one true answer per creative (pure; never leaves)."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from edge_agent.measure.randomiser import ANSWERS, PublicCreative
from edge_agent.model.moment import MomentKind
from edge_agent.model.play import CloseCause, PlayEventKind, ProofOfPlay
from edge_agent.model.report import Reached


def furthest(proofs: Iterable[ProofOfPlay], since: datetime | None = None) -> Mapping[PublicCreative, Reached]:
    """Return the furthest that each creative got in `proofs`, which are in order of their start.

    Only what a hook proved to be rendered counts, and only plays that started at or after `since` (when the
    resident agreed to reports). A dialogue that the resident asked for also lifts the creative that it followed:
    the campaign's newest rendered play before it.
    """
    found: dict[PublicCreative, Reached] = {}
    invited_by: dict[str, PublicCreative] = {}

    def lift(creative: PublicCreative, reached: Reached) -> None:
        found[creative] = max(found.get(creative, Reached.NOTHING), reached, key=ANSWERS.index)

    for proof in proofs:
        if not proof.was_rendered or (since is not None and proof.started_at < since):
            continue
        creative = PublicCreative(proof.campaign, proof.crid)
        lift(creative, _of_one(proof))
        if proof.moment != MomentKind.FOLLOW_UP:
            invited_by[proof.campaign] = creative
        elif (before := invited_by.get(proof.campaign)) is not None:
            lift(before, Reached.FOLLOWED_UP)
    return found


def _of_one(proof: ProofOfPlay) -> Reached:
    if proof.close_cause is CloseCause.FOLLOWED_UP:
        return Reached.FOLLOWED_UP
    if any(event.kind is PlayEventKind.COMPLETE for event in proof.events):
        return Reached.COMPLETE
    return Reached.IMPRESSION
