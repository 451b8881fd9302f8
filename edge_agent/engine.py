"""The engine (pure): one event in, a new state and effects out. It routes; the rooms decide.

`step` is the whole interface. What affects transitions lives in this file; permission lives in `moments`, choice in
`decide`, the meaning of a phrase in `voice.dialogue`. Time and the random draw are arguments, so that a simulated
year is a unit test.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, assert_never

from edge_agent.model import effects as fx
from edge_agent.model import events as ev
from edge_agent.model.catalog import Catalog
from edge_agent.model.cue import Cue
from edge_agent.model.decision import Refusal, Selected
from edge_agent.model.device import DeviceState, History
from edge_agent.model.formats import Format
from edge_agent.model.identity import DecisionId
from edge_agent.model.moment import Moment, MomentKind
from edge_agent.model.play import CloseCause, Play, PlayEventKind
from edge_agent.moments.device_state import closes, updated
from edge_agent.moments.permission import may_sound, permit
from edge_agent.placing import answered, honest, outcome_of, placed
from edge_agent.plays import (
    FOLLOW_UP_TIMER,
    INLINE_TIMER,
    QUIET_TIMER,
    Effects,
    EngineState,
    begun,
    closed,
    counted,
    dismissed,
    ended,
    forgotten,
    given_up,
    hushed,
    is_kept_away,
    is_welcome,
    reason_against,
    reason_for,
    reopened,
    spoken_about,
    surrounded,
    turned,
)
from edge_agent.voice import dialogue

_STAGING_DRAW: Final = 0.0
"""The same among equals each time, so that the staged file is not written again at every event."""

STAGING_TIMER: Final = "staging"
STAGING_LOOK: Final = timedelta(minutes=5)
"""How often is looked whether what is staged may still be shown: quiet hours and flights begin without an event."""


def step(state: EngineState, event: ev.Event, now: datetime, draw: float) -> tuple[EngineState, Effects]:
    """Return the state after `event` and what must be done, in order.

    `now` is aware; `draw` is uniform in [0, 1) and only breaks ties between equals.
    """
    after, effects = _routed(state, event, now, draw)
    rang = event.name if isinstance(event, ev.TimerRang) else ""
    if rang == QUIET_TIMER or _may_be_quiet_now(state, after):
        after, hushing = hushed(after, now)
        effects += hushing
    is_time = rang == STAGING_TIMER
    if is_time or _looks_different(state, after):
        after, staging = _restaged(after, now)
        effects += staging
    if (is_time or state.catalog is not after.catalog) and _stages(after):
        effects += (fx.SetTimer(STAGING_TIMER, now + STAGING_LOOK),)
    phrases = _phrases(after)
    if phrases != after.phrases:
        after = replace(after, phrases=phrases)
        effects += (fx.ListenFor(phrases),)
    return after, effects


def _routed(  # noqa: C901, PLR0911  one line a kind of event
    state: EngineState, event: ev.Event, now: datetime, draw: float
) -> tuple[EngineState, Effects]:
    match event:
        case ev.MomentArose():
            return placed(state, honest(state, event.moment), now, draw)
        case ev.SlotRequested():
            return answered(state, replace(event, moment=honest(state, event.moment)), now, draw)
        case ev.DeviceChanged() | ev.MicrophoneChanged():
            return _device_changed(state, updated(state.surroundings.device, event), now)
        case ev.PhraseHeard():
            return _phrase_heard(state, event, now, draw)
        case ev.CloseRequested():
            return _told_to_close(state, event.cause, now)
        case ev.PlayProgressed():
            return _progressed(state, event, now)
        case ev.CatalogChanged():
            return _catalog_changed(state, event.catalog, now)
        case ev.PolicyChanged():
            return replace(surrounded(state, policy=event.policy), wake_phrases=event.wake_phrases), ()
        case ev.ResidentDecided():
            return _resident_decided(state, event, now)
        case ev.TimerRang():
            return _timer_rang(state, event.name, now)
        case ev.ClockJudged():
            return surrounded(state, trusted_time=event.trusted), ()
        case _:
            assert_never(event)


# --- closing and following up ------------------------------------------------------------------------------------


def _phrase_heard(  # noqa: PLR0911  one line an intent
    state: EngineState, event: ev.PhraseHeard, now: datetime, draw: float
) -> tuple[EngineState, Effects]:
    about = spoken_about(state, now - event.began_ago)
    creative = None if about is None else about.candidate.creative
    lang, turn = state.surroundings.lang, "" if about is None else about.turn
    asks = not state.was_closed
    intent = dialogue.intent_of(event.phrase, lang, creative, turn, wake_phrases=state.wake_phrases, asks=asks)
    match intent:
        case dialogue.Stop():
            return _told_to_close(replace(state, recent=None), CloseCause.WORD, now)
        case dialogue.NotInterested():
            return _told_to_close(state, CloseCause.NOT_INTERESTED, now)
        case dialogue.More() if creative is not None and creative.follow_up is not None and about is not None:
            return _asked_for(state, about, creative.follow_up, now, draw)
        case dialogue.SendToPhone() if creative is not None and creative.companion is not None and about is not None:
            return _asked_for(state, about, creative.companion, now, draw, Format.COMPANION_PAGE)
        case dialogue.Why() if about is not None:
            return state, (fx.ExplainPlay(about.id, reason_for(about)),)
        case dialogue.Answer() if about is not None:
            return _answered_question(state, about, intent, now)
        case dialogue.Wake():
            return _woken(state, Moment(MomentKind.PHRASE_HEARD, now, topic=event.phrase), now, draw)
        case _:
            return state, ()


def _told_to_close(state: EngineState, cause: CloseCause, now: datetime) -> tuple[EngineState, Effects]:
    """Close what plays. Where it has just ended by itself, that is what a press or a word still means."""
    if state.playing is None and cause is CloseCause.NOT_INTERESTED and state.recent is not None:
        return dismissed(state, state.recent.candidate)
    return closed(replace(state, was_closed=True), cause, now)


def _asked_for(
    state: EngineState, about: Play, crid: str, now: datetime, draw: float, fmt: Format | None = None
) -> tuple[EngineState, Effects]:
    """Place what the resident asked for, or say why not: whoever asked is owed an answer."""
    attributes = {"crid": crid, "campaign": about.candidate.campaign.id}
    state, effects = placed(state, Moment(MomentKind.FOLLOW_UP, now, attributes=attributes), now, draw, fmt)
    for effect in effects:
        if isinstance(effect, fx.RecordDecision) and not isinstance(effect.decision.outcome, Selected):
            reason = reason_against(about, crid, effect.decision.outcome)
            return state, (*effects, fx.ExplainPlay(about.id, reason))
    return state, effects


def _answered_question(
    state: EngineState, about: Play, answer: dialogue.Answer, now: datetime
) -> tuple[EngineState, Effects]:
    """Go on with a dialogue that still asks, where a placement that the resident asks for may play; else say why not.

    One that was closed asks nothing any more, and neither does one that was answered to its end.
    """
    if answer.ends:
        return closed(replace(state, was_closed=True), CloseCause.WORD, now)
    moment = Moment(MomentKind.FOLLOW_UP, now, attributes={"crid": about.candidate.creative.crid})
    permission = permit(moment, state.surroundings, now, fmt=about.slot.format)
    if isinstance(permission, Refusal):
        return state, (fx.ExplainPlay(about.id, permission.why),)
    if not is_welcome(state, about, now):
        return state, ()
    return turned(state, about, answer.next_turn, now)


def _woken(state: EngineState, moment: Moment, now: datetime, draw: float) -> tuple[EngineState, Effects]:
    """Answer a wake phrase: with a placement, or by listening once more for words about the last one."""
    state, effects = placed(state, moment, now, draw)
    if any(isinstance(effect, fx.StartPlay) for effect in effects):
        return state, effects
    state, opening = reopened(state, now)
    cue = (fx.PlayCue(Cue.LISTENING),) if opening and may_sound(state.surroundings, now) else ()
    return state, (*effects, *opening, *cue)


# --- what rooms report -------------------------------------------------------------------------------------------


def _progressed(state: EngineState, event: ev.PlayProgressed, now: datetime) -> tuple[EngineState, Effects]:
    effects: Effects = (fx.RecordPlayEvent(event.event),)
    play_id = event.event.play_id
    if event.event.kind is PlayEventKind.IMPRESSION and state.playing is not None and play_id == state.playing.id:
        state = counted(state, state.playing, event.event.at)
    if event.event.kind.is_final:
        state, ending = ended(state, play_id, now)
        effects += ending
    return state, effects


def _device_changed(state: EngineState, device: DeviceState, now: datetime) -> tuple[EngineState, Effects]:
    showing = None if state.playing is None else state.playing.slot.format
    cause = closes(state.surroundings.device, device, showing=showing)
    state = surrounded(state, device=device)
    return (state, ()) if cause is None else closed(state, cause, now)


def _catalog_changed(state: EngineState, catalog: Catalog, now: datetime) -> tuple[EngineState, Effects]:
    state = replace(state, catalog=catalog)
    if state.past is not None and not catalog.lets_play(state.past.candidate):
        state = forgotten(state)
    if state.playing is not None and not catalog.lets_play(state.playing.candidate):
        return closed(state, CloseCause.REVOKED, now)
    return state, ()


def _resident_decided(state: EngineState, event: ev.ResidentDecided, now: datetime) -> tuple[EngineState, Effects]:
    state = surrounded(state, consent=event.consent, limits=event.limits)
    effects: Effects = ()
    if not event.consent.placements:
        state, effects = closed(forgotten(state), CloseCause.CONSENT_WITHDRAWN, now)
    elif state.playing is not None and is_kept_away(state, state.playing, now):
        state, effects = closed(forgotten(state), CloseCause.BLOCKED, now)
    elif state.past is not None and is_kept_away(state, state.past, now):
        state = forgotten(state)
    return state, (*effects, fx.RememberResident(event.consent, event.limits))


def _timer_rang(state: EngineState, name: str, now: datetime) -> tuple[EngineState, Effects]:
    if name == FOLLOW_UP_TIMER:
        return replace(state, recent=None), ()
    if name == INLINE_TIMER:
        return given_up(state, now)
    return state, ()


# --- standing orders ---------------------------------------------------------------------------------------------


def _may_be_quiet_now(before: EngineState, after: EngineState) -> bool:
    """Whether another play began, or the hours changed; what begins with the time has its timer."""
    old, new = before.surroundings, after.surroundings
    return after.playing is not before.playing or old.policy is not new.policy or old.limits is not new.limits


def _looks_different(before: EngineState, after: EngineState) -> bool:
    """Whether anything changed that the choice of a boot creative looks at. Most events of a play change nothing."""
    old, new = before.surroundings, after.surroundings
    return (
        before.catalog is not after.catalog
        or old.policy is not new.policy
        or old.consent is not new.consent
        or old.limits is not new.limits
        or old.history is not new.history
        or old.trusted_time is not new.trusted_time
    )


def _stages(state: EngineState) -> bool:
    return any(rule.kind is MomentKind.POWER_ON for rule in state.surroundings.moments)


def _restaged(state: EngineState, now: datetime) -> tuple[EngineState, Effects]:
    """Keep the boot creative ready that a power-on right now would show, since a boot waits for nothing."""
    if not _stages(state):
        return state, ()
    # What is true only for the moment (a film, a call, the last placement) says nothing about the next power-on.
    quiet = replace(state.surroundings, device=DeviceState(), history=History(), playing=None, erased_at=None)
    permission = permit(Moment(MomentKind.POWER_ON, now), quiet, now)
    outcome = outcome_of(state, permission, now, _STAGING_DRAW)
    wanted = (
        f"{outcome.candidate.pack.name}@{outcome.candidate.pack.version}/{outcome.candidate.creative.crid}"
        if isinstance(outcome, Selected)
        else ""
    )
    if wanted == state.staged:
        return state, ()
    staged_state = replace(state, staged=wanted)
    if not isinstance(outcome, Selected):
        return staged_state, (fx.StageBoot(None),)
    _, play = begun(state, DecisionId(f"{state.run}-staged"), outcome.slot, outcome.candidate, now)
    return staged_state, (fx.StageBoot(play),)


def _phrases(state: EngineState) -> tuple[str, ...]:
    about = state.playing or state.recent
    creative = None if about is None else about.candidate.creative
    return dialogue.phrases_for(
        state.wake_phrases,
        state.surroundings.lang,
        creative,
        "" if about is None else about.turn,
        speaking=state.playing is not None and state.playing.candidate.creative.format.is_spoken,
    )
