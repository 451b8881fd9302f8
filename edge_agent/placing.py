"""From a moment to a placement (pure): permission, choice, and the effects that start it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from edge_agent.decide.decision import decide
from edge_agent.model import effects as fx
from edge_agent.model import events as ev
from edge_agent.model.decision import Decision, Outcome, Refusal, Selected
from edge_agent.model.formats import Format
from edge_agent.model.identity import DecisionId
from edge_agent.model.moment import Moment, MomentKind, Slot
from edge_agent.model.play import CloseCause
from edge_agent.moments.permission import permit
from edge_agent.plays import INLINE_TIMER, Effects, EngineState, begun, closing

INLINE_GRACE: Final = timedelta(seconds=30)
"""How long past its duration a play of the device's own software may stay silent before it is given up."""


def placed(
    state: EngineState, moment: Moment, now: datetime, draw: float, fmt: Format | None = None
) -> tuple[EngineState, Effects]:
    """Decide on a moment and start what was chosen, in the format that the device's profile gives it, or `fmt`."""
    outcome = outcome_of(state, permit(moment, state.surroundings, now, fmt=fmt), now, draw)
    state, decision = _decided(state, moment, outcome, now)
    effects: Effects = (fx.RecordDecision(decision),)
    if not isinstance(outcome, Selected):
        return state, effects
    making_way = _making_way(state, now)
    state, play = begun(state, decision.id, outcome.slot, outcome.candidate, now)
    return state, (*effects, *making_way, fx.RecordPlay(play), fx.StartPlay(play))


def _making_way(state: EngineState, now: datetime) -> Effects:
    """Close what plays: only a follow-up is permitted while something does, and it takes its place."""
    return () if state.playing is None else closing(state.playing, CloseCause.FOLLOWED_UP, now)


def honest(state: EngineState, moment: Moment) -> Moment:
    """Return the moment, less a follow-up that nobody can have asked for: it would slip past every cap."""
    about = state.playing or state.recent
    creative = None if about is None else about.candidate.creative
    offered = set() if creative is None else {creative.follow_up, creative.companion} - {None}
    if moment.kind is MomentKind.FOLLOW_UP and moment.attributes.get("crid") not in offered:
        return replace(moment, attributes={})
    return moment


def answered(state: EngineState, event: ev.SlotRequested, now: datetime, draw: float) -> tuple[EngineState, Effects]:
    """Answer device software that renders by itself, before anything is written."""
    max_dur = None if event.max_dur_s is None else timedelta(seconds=event.max_dur_s)
    permission = permit(event.moment, state.surroundings, now, fmt=event.format, max_dur=max_dur, inline=True)
    outcome = outcome_of(state, permission, now, draw)
    state, decision = _decided(state, event.moment, outcome, now)
    if not isinstance(outcome, Selected):
        return state, (fx.AnswerSlot(event.request_id, decision, None), fx.RecordDecision(decision))
    making_way = _making_way(state, now)
    state, play = begun(state, decision.id, outcome.slot, outcome.candidate, now)
    given_up_at = now + outcome.candidate.creative.dur + INLINE_GRACE
    return state, (
        fx.AnswerSlot(event.request_id, decision, play),
        fx.RecordDecision(decision),
        *making_way,
        fx.RecordPlay(play),
        fx.SetTimer(INLINE_TIMER, given_up_at),
    )


def outcome_of(state: EngineState, permission: Slot | Refusal, now: datetime, draw: float) -> Outcome:
    """Return what fills the slot that was permitted, if anything does."""
    if isinstance(permission, Refusal):
        return permission
    return decide(permission, state.catalog, state.surroundings, now, draw)


def _decided(state: EngineState, moment: Moment, outcome: Outcome, now: datetime) -> tuple[EngineState, Decision]:
    count = state.count + 1
    decision = Decision(DecisionId(f"{state.run}-d{count}"), now, moment, outcome)
    return replace(state, count=count), decision
