"""What becomes of one play (pure): begun, closed, followed up, counted, ended. The engine routes events to these.

Each function takes the state and returns the next one, with the effects that carry the change out.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from edge_agent.decide.decision import is_unwanted
from edge_agent.model import effects as fx
from edge_agent.model.campaign import HISTORY_KEPT
from edge_agent.model.catalog import Candidate, Catalog
from edge_agent.model.decision import NoFill, Refusal
from edge_agent.model.device import History, Impression, Surroundings
from edge_agent.model.formats import Format
from edge_agent.model.identity import DecisionId, PlayId
from edge_agent.model.moment import MomentKind, Slot
from edge_agent.model.play import CloseCause, Play, PlayEvent, PlayEventKind
from edge_agent.model.wording import Said, Term, Wording
from edge_agent.moments.permission import is_quiet, look_for_quiet
from edge_agent.voice.dialogue import ANSWER_WINDOW, SAID_WITHIN

FOLLOW_UP_TIMER: Final = "follow-up"
INLINE_TIMER: Final = "inline"
QUIET_TIMER: Final = "quiet hours"
PAST_MEANT: Final = timedelta(minutes=5)
"""How long after a placement has ended a wake phrase opens its window again."""
_STEADY: Final = timedelta(days=1)
_SILENT: Final = "The device's software never said how it ended."
_NEVER: Final = datetime.min.replace(tzinfo=UTC)

_CHOSEN: Final = Wording(
    "why.chosen",
    "{campaign} by {advertiser}: booked for the moment {moment}, "
    "chosen on this device, and nothing about you was used.",
)
_CHOSEN_TOPIC: Final = Wording(
    "why.chosen_topic",
    "{campaign} by {advertiser}: booked for the moment {moment} about {topic}, "
    "chosen on this device, and nothing about you was used.",
)
_NOT_HERE: Final = Wording("why.not_here", "It is not on this device.")
_WITH_PAGE: Final = Wording("why.with_page", "{reason} The page is {link}.")

Effects = tuple[fx.Effect, ...]
"""What must be done, in order."""


@dataclass(frozen=True, slots=True)
class EngineState:
    """Everything that the engine remembers. `run` names this start of the agent in play and decision ids.

    `recent` is what ended last, while "tell me more" may still mean it: what is begun before `recent_until`, and said
    to its end soon after. `past` is the same until `past_until`, for a wake phrase to bring back. `was_closed` says
    that whoever is in charge closed what plays or played last, so that nobody is asked anything any more. `staged`
    names the boot creative that is kept ready, "" where there is none; None while only an earlier run knows.
    `phrases` is what the recogniser was told.
    """

    surroundings: Surroundings
    run: str
    catalog: Catalog = field(default_factory=Catalog)
    wake_phrases: tuple[str, ...] = ()
    playing: Play | None = None
    recent: Play | None = None
    recent_until: datetime = _NEVER
    past: Play | None = None
    past_until: datetime = _NEVER
    was_closed: bool = False
    staged: str | None = None
    phrases: tuple[str, ...] = ()
    count: int = 0


def surrounded(state: EngineState, **changes: Any) -> EngineState:
    """Return the state with some of its surroundings changed."""
    return replace(state, surroundings=replace(state.surroundings, **changes))


def begun(
    state: EngineState, decision_id: DecisionId, slot: Slot, candidate: Candidate, now: datetime, *, turn: str = ""
) -> tuple[EngineState, Play]:
    """Begin a play of `candidate`: it is what plays now, and nothing is recent any more."""
    count = state.count + 1
    creative = candidate.creative
    if creative.format is Format.VOICE_DIALOGUE and not turn:
        turn = creative.turns[0].id
    play = Play(
        id=PlayId(f"{state.run}-p{count}"),
        decision_id=decision_id,
        slot=slot,
        candidate=candidate,
        started_at=now,
        paths={name: candidate.pack.paths[name] for name in creative.asset_names() if name in candidate.pack.paths},
        turn=turn,
    )
    state = replace(forgotten(state), count=count, playing=play, was_closed=False)
    return surrounded(state, playing=play.id), play


def forgotten(state: EngineState) -> EngineState:
    """Return the state in which nothing that was said means a placement that has ended."""
    return replace(state, recent=None, past=None)


def reopened(state: EngineState, now: datetime) -> tuple[EngineState, Effects]:
    """Listen once more for what may be said about what ended last, if that was not long ago."""
    past = state.past if now < state.past_until else None
    if state.playing is not None or past is None:
        return state, ()
    return _opened(replace(state, recent=past), now)


def _opened(state: EngineState, now: datetime) -> tuple[EngineState, Effects]:
    """Let what is recent be spoken about for a while from now on."""
    until = now + ANSWER_WINDOW
    return replace(state, recent_until=until), (fx.SetTimer(FOLLOW_UP_TIMER, until + SAID_WITHIN),)


def spoken_about(state: EngineState, began: datetime) -> Play | None:
    """Return what somebody means who began to speak then: what plays, or what had ended shortly before."""
    return state.playing or (state.recent if began < state.recent_until else None)


def closing(play: Play, cause: CloseCause, now: datetime) -> Effects:
    """Return the effects that close `play`, which waits for no disk; it ends when its renderer says so.

    The device's own software is not waited for: nothing more of its play is taken, so this is its last event.
    """
    last = (_last_event(play, PlayEventKind.CLOSE, now),) if play.slot.inline else ()
    return (fx.ClosePlay(play.id, cause), *last, fx.RecordClose(play.id, cause))


def given_up(state: EngineState, now: datetime) -> tuple[EngineState, Effects]:
    """End what the device's own software plays and says nothing more of."""
    play = state.playing
    if play is None or not play.slot.inline:
        return state, ()
    state, ending = ended(state, play.id, now)
    return state, (_last_event(play, PlayEventKind.ERROR, now, _SILENT), *ending)


def _last_event(play: Play, kind: PlayEventKind, now: datetime, detail: str = "") -> fx.RecordPlayEvent:
    t_ms = max(0, (now - play.started_at) // timedelta(milliseconds=1))
    return fx.RecordPlayEvent(PlayEvent(play.id, kind, now, t_ms, detail))


def closed(state: EngineState, cause: CloseCause, now: datetime) -> tuple[EngineState, Effects]:
    """Ask the renderer to close; the play ends when its hook says so. Software that renders by itself is told too."""
    play = state.playing
    if play is None:
        return state, ()
    effects = closing(play, cause, now)
    state = replace(state, was_closed=True)
    if cause is CloseCause.NOT_INTERESTED:
        state, remembered = dismissed(state, play.candidate)
        effects += remembered
    if play.slot.inline:
        state, ending = ended(state, play.id, now)
        effects += ending
    return state, effects


def hushed(state: EngineState, now: datetime) -> tuple[EngineState, Effects]:
    """Close what plays in quiet hours, unless the resident asked for it; before them, look when they may begin."""
    play = state.playing
    if play is None or state.was_closed or play.slot.moment.kind is MomentKind.FOLLOW_UP or _is_later_turn(play):
        return state, ()
    if is_quiet(state.surroundings, now):
        return closed(state, CloseCause.QUIET_HOURS, now)
    look = look_for_quiet(state.surroundings, now)
    return state, () if look is None else (fx.SetTimer(QUIET_TIMER, look),)


def is_welcome(state: EngineState, play: Play, now: datetime) -> bool:
    """Whether what plays or played may still be spoken of: agreed to, not kept away, and signed as before."""
    return (
        state.surroundings.consent.placements
        and not is_kept_away(state, play, now)
        and state.catalog.lets_play(play.candidate)
    )


def is_kept_away(state: EngineState, play: Play, now: datetime) -> bool:
    """Whether the resident wants nothing of the kind: its format, campaign, advertiser or category."""
    limits = state.surroundings.limits
    return play.slot.format in limits.formats_off or is_unwanted(play.slot, play.candidate, state.surroundings, now)


def dismissed(state: EngineState, candidate: Candidate) -> tuple[EngineState, Effects]:
    """Keep the candidate's campaign away from now on."""
    limits = state.surroundings.limits
    limits = limits.model_copy(update={"dismissed_campaigns": limits.dismissed_campaigns | {candidate.campaign.id}})
    state = surrounded(forgotten(state), limits=limits)
    return state, (fx.RememberResident(state.surroundings.consent, limits),)


def turned(state: EngineState, play: Play, next_turn: str, now: datetime) -> tuple[EngineState, Effects]:
    """Go to the next turn of a dialogue: the same creative, said on, by a hook whoever rendered the turn before."""
    effects = closing(play, CloseCause.FOLLOWED_UP, now) if state.playing is not None else ()
    if play.slot.inline:
        effects += (fx.SetTimer(INLINE_TIMER, None),)
    slot = replace(play.slot, inline=False)
    state, following = begun(state, play.decision_id, slot, play.candidate, now, turn=next_turn)
    return state, (*effects, fx.RecordPlay(following), fx.StartPlay(following))


def reason_for(play: Play) -> Said:
    """Say in one plain sentence why this placement was chosen."""
    campaign, moment = play.candidate.campaign, play.slot.moment
    name, advertiser, kind = campaign.name, campaign.adomain[0], Term("moment", moment.kind)
    if not moment.topic:
        return _CHOSEN(campaign=name, advertiser=advertiser, moment=kind)
    return _CHOSEN_TOPIC(campaign=name, advertiser=advertiser, moment=kind, topic=Term("topic", moment.topic))


def reason_against(play: Play, crid: str, outcome: Refusal | NoFill) -> Said:
    """Say why what was asked for about `play` does not come; the address of a page is told all the same."""
    asked = play.candidate.campaign.creative(crid)
    match outcome:
        case Refusal():
            why = outcome.why
        case NoFill():
            own = (seen.why for seen in outcome.rejections if seen.crid == crid)
            why = next(own, _NOT_HERE())
    return why if asked.link is None else _WITH_PAGE(reason=why, link=asked.link)


def counted(state: EngineState, play: Play, at: datetime) -> EngineState:
    """Count an impression. A dialogue's later turns belong to the impression of its first."""
    kept = state.surroundings.history.impressions
    if any(seen.play_id == play.id for seen in kept) or _is_later_turn(play):
        return state
    campaign = play.candidate.campaign
    impression = Impression(
        play_id=play.id,
        at=at,
        ended_at=None,
        crid=play.candidate.creative.crid,
        line_item=play.candidate.line_item.id,
        campaign=campaign.id,
        advertiser=campaign.advertiser,
    )
    # A clock that jumps ahead must first show a day more, or what today's limits count would seem too old for them.
    confirmed = max((seen.at for seen in kept if seen.at <= at - _STEADY), default=at)
    recent = tuple(seen for seen in kept if seen.at > confirmed - HISTORY_KEPT)
    return surrounded(state, history=History((*recent, impression)))


def _is_later_turn(play: Play) -> bool:
    """Whether it goes on with a dialogue, whose first turn is the impression."""
    turns = play.candidate.creative.turns
    return bool(turns) and play.turn not in ("", turns[0].id)


def ended(state: EngineState, play_id: PlayId, now: datetime) -> tuple[EngineState, Effects]:
    """End the play of that id: spacing counts from `now`, and "tell me more" still means it for a while."""
    state = surrounded(state, history=_over(state, play_id, now))
    if state.playing is None or state.playing.id != play_id:
        return state, ()
    finished = state.playing
    recent = finished if is_welcome(state, finished, now) else None
    state = replace(state, playing=None, recent=recent, past=recent, past_until=now + PAST_MEANT)
    state = surrounded(state, playing=None)
    timers: Effects = (fx.SetTimer(INLINE_TIMER, None),) if finished.slot.inline else ()
    state, opening = _opened(state, now)
    return state, (*timers, *opening)


def _over(state: EngineState, play_id: PlayId, now: datetime) -> History:
    """Return the history in which the impression of that play ended now: a dialogue's, with its last turn."""
    kept, play = list(state.surroundings.history.impressions), state.playing
    if play is not None and play.id == play_id and _is_later_turn(play):
        crid = play.candidate.creative.crid
        places = [place for place, seen in enumerate(kept) if seen.crid == crid][-1:]
    else:
        places = [place for place, seen in enumerate(kept) if seen.play_id == play_id and seen.ended_at is None]
    for place in places:
        kept[place] = replace(kept[place], ended_at=now)
    return History(tuple(kept))
