"""From the vocabulary's types to the JSON of `shapes` (pure). Every refusal comes out as a sentence."""

from typing import Final, assert_never

from edge_agent.debug.said import said_view
from edge_agent.debug.shapes import (
    ChosenView,
    ConsentView,
    DecisionView,
    MomentView,
    OutcomeName,
    PackView,
    PlayEventView,
    PlayingView,
    PlayView,
    ProblemView,
    RejectionView,
    RoomView,
)
from edge_agent.model.catalog import Candidate, ShelvedPack
from edge_agent.model.decision import Decision, NoFill, Refusal, Rejection, Selected
from edge_agent.model.device import Consent
from edge_agent.model.moment import Moment
from edge_agent.model.play import Play, PlayEvent, ProofOfPlay
from edge_agent.model.shelf_room import RoomPlace
from edge_agent.model.wording import Said, Wording
from edge_agent.troubles import Trouble

_CHOSEN: Final = Wording("selected", "{campaign} was chosen.")
_NO_CANDIDATES: Final = Wording("no_candidates", "Nothing on the shelf is of this format.")


def problem_view(subject: str, trouble: Trouble) -> ProblemView:
    """Return something that does not work now."""
    return ProblemView(
        subject=subject,
        what=trouble.what,
        since=trouble.since.isoformat(),
        next_step=trouble.next_step,
        said=said_view(trouble.said),
    )


def consent_view(consent: Consent) -> ConsentView:
    """Return what the resident agreed to."""
    at = None if consent.at is None else consent.at.isoformat()
    return ConsentView(placements=consent.placements, reports=consent.reports, at=at)


def pack_view(pack: ShelvedPack, reason: Said | None = None, place: RoomPlace | None = None) -> PackView:
    """Return one pack of the shelf; its flight is from the first line item's start to the last one's end.

    `reason` says why its newest version is not (yet) used, `place` when it goes for want of room.
    """
    campaign = pack.campaign
    return PackView(
        name=pack.name,
        version=pack.version,
        advertiser=campaign.advertiser,
        campaign=campaign.id,
        campaign_name=campaign.name,
        complete=pack.complete,
        assets=len(pack.assets),
        assets_present=len(pack.paths),
        size_bytes=sum(asset.length for asset in pack.assets.values()),
        formats=sorted({creative.format.value for creative in campaign.creatives}),
        flight_start=min(item.flight.start for item in campaign.line_items).isoformat(),
        flight_end=max(item.flight.end for item in campaign.line_items).isoformat(),
        revoked={crid: str(why) for crid, why in pack.revoked.items()},
        revoked_said={crid: said_view(why) for crid, why in pack.revoked.items()},
        reason="" if reason is None else str(reason),
        reason_said=None if reason is None else said_view(reason),
        room=None if place is None else _room_view(place),
    )


def _room_view(place: RoomPlace) -> RoomView:
    return RoomView(
        place=place.place,
        fate=place.fate.value,
        reason=place.reason.value,
        at=place.at.isoformat(),
        frees_bytes=place.frees_bytes,
        why=str(place.why),
        said=said_view(place.why),
    )


def playing_view(play: Play) -> PlayingView:
    """Return what is being rendered."""
    creative, campaign = play.candidate.creative, play.candidate.campaign
    turn = next((turn for turn in creative.turns if turn.id == play.turn), None)
    return PlayingView(
        play_id=play.id,
        format=creative.format.value,
        crid=creative.crid,
        campaign=campaign.id,
        campaign_name=campaign.name,
        advertiser=campaign.advertiser,
        transcript=creative.transcript if turn is None else turn.transcript,
        turn=play.turn,
        started_at=play.started_at.isoformat(),
        dur_s=creative.dur.total_seconds(),
    )


def moment_view(moment: Moment) -> MomentView:
    """Return what happened on the device."""
    return MomentView(kind=moment.kind.value, topic=moment.topic, at=moment.at.isoformat())


def decision_view(decision: Decision) -> DecisionView:
    """Return what came of one moment.

    For a NoFill, `rule` and `detail` are those of the candidate that got furthest through the rules, or
    `no_candidates` when the shelf had nothing of that format.
    """
    outcome: OutcomeName
    fmt: str | None = None
    rule: str | None = None
    chosen: ChosenView | None = None
    rejections: tuple[Rejection, ...] = ()
    match decision.outcome:
        case Selected() as filled:
            outcome, fmt, rejections = "selected", filled.slot.format.value, filled.rejections
            chosen = _chosen(filled.candidate)
            said = _CHOSEN(campaign=filled.candidate.campaign.name)
        case NoFill() as empty:
            outcome, fmt, rejections = "no_fill", empty.slot.format.value, empty.rejections
            rule, said = _telling(empty.rejections)
        case Refusal() as refusal:
            outcome, rule, said = "refused", refusal.rule.value, refusal.why
        case _ as never:
            assert_never(never)
    return DecisionView(
        id=decision.id,
        at=decision.at.isoformat(),
        moment=moment_view(decision.moment),
        outcome=outcome,
        format=fmt,
        rule=rule,
        detail=str(said),
        said=said_view(said),
        chosen=chosen,
        rejections=[_rejection(rejection) for rejection in rejections],
    )


def play_view(proof: ProofOfPlay) -> PlayView:
    """Return the exact record of one rendering."""
    return PlayView(
        play_id=proof.play_id,
        crid=proof.crid,
        line_item=proof.line_item,
        campaign=proof.campaign,
        advertiser=proof.advertiser,
        format=proof.format,
        moment=proof.moment,
        started_at=proof.started_at.isoformat(),
        ended_at=None if proof.ended_at is None else proof.ended_at.isoformat(),
        rendered=proof.was_rendered,
        close_cause=None if proof.close_cause is None else proof.close_cause.value,
        events=[_event(event) for event in proof.events],
    )


def _event(event: PlayEvent) -> PlayEventView:
    return PlayEventView(kind=event.kind.value, at=event.at.isoformat(), t_ms=event.t_ms, detail=event.detail)


def _chosen(candidate: Candidate) -> ChosenView:
    creative, campaign = candidate.creative, candidate.campaign
    return ChosenView(
        crid=creative.crid,
        line_item=candidate.line_item.id,
        campaign=campaign.id,
        campaign_name=campaign.name,
        advertiser=campaign.advertiser,
        format=creative.format.value,
        transcript=creative.transcript,
    )


def _rejection(rejection: Rejection) -> RejectionView:
    return RejectionView(
        crid=rejection.crid,
        line_item=rejection.line_item,
        campaign=rejection.campaign,
        rule=rejection.rule.value,
        detail=rejection.detail,
        said=said_view(rejection.why),
    )


def _telling(rejections: tuple[Rejection, ...]) -> tuple[str, Said]:
    """Return the rule and sentence that best explain an empty slot: the last rule in order that anything reached."""
    if not rejections:
        return "no_candidates", _NO_CANDIDATES()
    order = {rule: place for place, rule in enumerate(type(rejections[0].rule))}
    nearest = max(rejections, key=lambda rejection: order[rejection.rule])
    return nearest.rule.value, nearest.why
