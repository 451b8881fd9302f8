"""What plays when quiet hours begin: it ends, unless the resident asked for it."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from edge_agent import engine
from edge_agent.model import effects as fx
from edge_agent.model import events as ev
from edge_agent.model.campaign import Daypart
from edge_agent.model.catalog import Catalog
from edge_agent.model.decision import Selected
from edge_agent.model.device import Consent, MomentRule, PlacementPolicy, ResidentLimits
from edge_agent.model.formats import Format
from edge_agent.model.moment import Moment, MomentKind
from edge_agent.model.play import CloseCause, Play, PlayEvent, PlayEventKind
from edge_agent.plays import QUIET_TIMER, EngineState
from tests import samples

NIGHT = Daypart(start=time(22), end=time(7))
EVENING = datetime(2026, 11, 21, 21, 52, tzinfo=UTC)
YES = Consent(placements=True, at=EVENING)


class Evening:
    """A home whose timers ring when they are due, as the time goes on."""

    def __init__(self, limits: ResidentLimits, policy: PlacementPolicy | None = None) -> None:
        self.now = EVENING
        self.effects: list[fx.Effect] = []
        self._timers: dict[str, datetime] = {}
        around = samples.surroundings(limits=limits, policy=policy or PlacementPolicy())
        self.state = EngineState(around, "t", samples.catalog(), wake_phrases=("hey device",))

    def tell(self, event: ev.Event) -> None:
        self.state, effects = engine.step(self.state, event, self.now, 0.5)
        self.effects += effects
        for effect in effects:
            if isinstance(effect, fx.SetTimer):
                self._timers.pop(effect.name, None)
                if effect.at is not None:
                    assert effect.at > self.now, "a timer for now would ring without end"
                    self._timers[effect.name] = effect.at

    def until(self, when: datetime) -> None:
        while due := [name for name, at in self._timers.items() if at <= when]:
            name = min(due, key=self._timers.__getitem__)
            self.now = self._timers.pop(name)
            self.tell(ev.TimerRang(name))
        self.now = when

    def mention(self) -> Play:
        self.tell(ev.MomentArose(Moment(MomentKind.ASSISTANT_ANSWERED, self.now, "weather")))
        assert self.state.playing is not None
        self.progress(PlayEventKind.IMPRESSION)
        return self.state.playing

    def progress(self, kind: PlayEventKind) -> None:
        assert self.state.playing is not None
        self.tell(ev.PlayProgressed(PlayEvent(self.state.playing.id, kind, self.now, 10)))

    def closed(self) -> list[tuple[str, CloseCause]]:
        return [(close.play_id, close.cause) for close in self.effects if isinstance(close, fx.ClosePlay)]


@pytest.mark.parametrize("whose", ["resident", "operator"])
def test_what_plays_is_closed_on_the_stroke_of_the_first_quiet_hour(whose: str) -> None:
    home = (
        Evening(ResidentLimits(quiet_hours=(NIGHT,)))
        if whose == "resident"
        else Evening(ResidentLimits(), PlacementPolicy(quiet_hours=(NIGHT,)))
    )
    play = home.mention()
    home.until(EVENING.replace(hour=21, minute=59, second=59))
    assert home.closed() == []
    home.until(EVENING.replace(hour=22, minute=0))
    assert home.closed() == [(play.id, CloseCause.QUIET_HOURS)]
    assert fx.RecordClose(play.id, CloseCause.QUIET_HOURS) in home.effects
    home.progress(PlayEventKind.CLOSE)
    assert home.state.playing is None


def test_what_the_devices_own_software_shows_is_over_at_once() -> None:
    home = Evening(ResidentLimits(quiet_hours=(NIGHT,)))
    home.until(EVENING.replace(hour=21, minute=59, second=59))
    asked = Moment(MomentKind.ASSISTANT_ANSWERED, home.now, "weather")
    home.tell(ev.SlotRequested("r", asked, Format.VOICE_MENTION))
    assert home.state.playing is not None
    play_id = home.state.playing.id
    home.until(EVENING.replace(hour=22, minute=0))
    assert home.closed() == [(play_id, CloseCause.QUIET_HOURS)]
    assert home.state.playing is None


@pytest.mark.parametrize("whose", ["resident", "operator"])
def test_hours_that_are_made_quiet_now_close_what_plays(whose: str) -> None:
    home = Evening(ResidentLimits())
    play = home.mention()
    now = Daypart(start=time(21), end=time(7))
    if whose == "resident":
        home.tell(ev.ResidentDecided(YES, ResidentLimits(quiet_hours=(now,))))
    else:
        home.tell(ev.PolicyChanged(PlacementPolicy(quiet_hours=(now,)), ("hey device",)))
    assert home.closed() == [(play.id, CloseCause.QUIET_HOURS)]


def test_hours_that_were_set_while_it_plays_count_when_they_begin() -> None:
    home = Evening(ResidentLimits())
    home.mention()
    home.tell(ev.ResidentDecided(YES, ResidentLimits(quiet_hours=(NIGHT,))))
    home.until(EVENING.replace(hour=22, minute=0))
    assert [cause for _, cause in home.closed()] == [CloseCause.QUIET_HOURS]


def test_hours_that_are_taken_back_close_nothing() -> None:
    home = Evening(ResidentLimits(quiet_hours=(NIGHT,)))
    home.mention()
    home.tell(ev.ResidentDecided(YES, ResidentLimits()))
    home.until(EVENING.replace(hour=23))
    assert home.closed() == []


def test_a_follow_up_that_was_asked_for_goes_on_as_one_asked_for_at_night_does() -> None:
    home = Evening(ResidentLimits(quiet_hours=(NIGHT,)))
    home.mention()
    home.progress(PlayEventKind.COMPLETE)
    home.tell(ev.PhraseHeard("tell me more", 1.0, 1.5, 0.9))
    home.until(EVENING.replace(hour=22, minute=30))
    assert home.closed() == []
    assert home.state.playing is not None


@pytest.mark.parametrize("answered", [True, False])
def test_a_dialogue_that_the_resident_answered_goes_on_and_one_that_nobody_did_does_not(answered: bool) -> None:
    tapped = MomentRule(kind=MomentKind.TAP, format=Format.VOICE_DIALOGUE)
    booked = {"id": "l", "crids": ["more"], "flight": samples.FLIGHT, "targeting": {"moments": ["tap"]}}
    home = Evening(ResidentLimits(quiet_hours=(NIGHT,)))
    around = replace(home.state.surroundings, moments=(tapped,))
    home.state = replace(home.state, surroundings=around, catalog=Catalog((samples.pack(line_items=[booked]),)))
    home.tell(ev.MomentArose(Moment(MomentKind.TAP, EVENING)))
    assert home.state.playing is not None
    if answered:
        home.tell(ev.PhraseHeard("yes", 1.0, 1.5, 0.9))
    before = len(home.closed())
    home.until(EVENING.replace(hour=22, minute=30))
    assert [cause for _, cause in home.closed()[before:]] == ([] if answered else [CloseCause.QUIET_HOURS])


def test_what_is_being_closed_keeps_its_cause_and_is_not_closed_again() -> None:
    home = Evening(ResidentLimits(quiet_hours=(NIGHT,)))
    play = home.mention()
    home.until(EVENING.replace(hour=21, minute=59, second=59))
    home.tell(ev.CloseRequested(CloseCause.PRESS))
    home.until(EVENING.replace(hour=22, minute=0))
    assert home.closed() == [(play.id, CloseCause.PRESS)]


def test_a_clock_that_was_set_back_has_it_looked_at_again() -> None:
    home = Evening(ResidentLimits(quiet_hours=(NIGHT,)))
    home.mention()
    home.now -= timedelta(hours=1)
    home.tell(ev.TimerRang(QUIET_TIMER))
    assert home.closed() == []
    home.until(EVENING.replace(hour=22, minute=0))
    assert [cause for _, cause in home.closed()] == [CloseCause.QUIET_HOURS]


def test_it_is_why_the_journal_says_it_ended_early() -> None:
    home = Evening(ResidentLimits(quiet_hours=(NIGHT,)))
    home.mention()
    home.until(EVENING.replace(hour=22, minute=0))
    home.progress(PlayEventKind.CLOSE)
    home.tell(ev.MomentArose(Moment(MomentKind.ASSISTANT_ANSWERED, home.now, "weather")))
    decided = [effect.decision.outcome for effect in home.effects if isinstance(effect, fx.RecordDecision)]
    assert isinstance(decided[0], Selected)
    assert str(getattr(decided[1], "why", "")) == "Quiet hours until 07:00."
