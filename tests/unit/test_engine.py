"""The engine: events in, effects out, nothing else."""

from dataclasses import replace
from datetime import time, timedelta
from typing import Any, TypeVar, get_args

import pytest

from edge_agent import engine
from edge_agent.model import effects as fx
from edge_agent.model import events as ev
from edge_agent.model.campaign import Daypart
from edge_agent.model.catalog import Catalog
from edge_agent.model.cue import Cue
from edge_agent.model.decision import NoFill, PermissionRule, Refusal, Selected
from edge_agent.model.device import Consent, DeviceState, Microphone, PlacementPolicy, ResidentLimits
from edge_agent.model.formats import Format
from edge_agent.model.identity import PlayId
from edge_agent.model.moment import Moment, MomentKind
from edge_agent.model.play import CloseCause, Play, PlayEvent, PlayEventKind
from edge_agent.plays import FOLLOW_UP_TIMER, PAST_MEANT, EngineState, counted
from edge_agent.voice.dialogue import ANSWER_WINDOW, SAID_WITHIN
from tests import samples
from tests.samples import NOON
from tests.sentences import said

E = TypeVar("E")
WEATHER = ev.MomentArose(Moment(MomentKind.ASSISTANT_ANSWERED, NOON, "weather"))

CLOSING: dict[str, ev.Event] = {
    "call": ev.DeviceChanged(call_in_progress=True),
    "do not disturb": ev.DeviceChanged(do_not_disturb=True),
    "power off": ev.DeviceChanged(powered=False),
    "consent withdrawn": ev.ResidentDecided(Consent(), ResidentLimits()),
    "press": ev.CloseRequested(CloseCause.PRESS),
}
"""What closes whatever plays, by name."""


class Home:
    """Feeds events to the engine and keeps the state, the time and every effect."""

    def __init__(self, **surroundings: Any) -> None:
        self.now = NOON
        self.effects: tuple[fx.Effect, ...] = ()
        self.state = EngineState(
            samples.surroundings(**surroundings), "t", samples.catalog(), wake_phrases=("hey device",)
        )

    def tell(self, event: ev.Event) -> tuple[fx.Effect, ...]:
        self.state, self.effects = engine.step(self.state, event, self.now, 0.5)
        return self.effects

    def one(self, kind: type[E]) -> E:
        found = [effect for effect in self.effects if isinstance(effect, kind)]
        assert len(found) == 1, self.effects
        return found[0]

    def none(self, kind: type[object]) -> bool:
        return not any(isinstance(effect, kind) for effect in self.effects)

    def progress(self, play: Play, *kinds: PlayEventKind) -> tuple[fx.Effect, ...]:
        for kind in kinds:
            self.tell(ev.PlayProgressed(PlayEvent(play.id, kind, self.now, 10)))
        return self.effects

    def hear(self, phrase: str) -> tuple[fx.Effect, ...]:
        return self.tell(ev.PhraseHeard(phrase, 1.0, 1.5, 0.9))

    def mention(self) -> Play:
        self.tell(WEATHER)
        play = self.one(fx.StartPlay).play
        self.progress(play, PlayEventKind.LOADED, PlayEventKind.IMPRESSION)
        return play


def test_a_welcome_moment_is_decided_journaled_and_started_in_that_order() -> None:
    home = Home()
    home.tell(WEATHER)
    kinds = [type(effect) for effect in home.effects]
    assert kinds[:3] == [fx.RecordDecision, fx.RecordPlay, fx.StartPlay]
    play = home.one(fx.StartPlay).play
    assert play.candidate.creative.crid == "mention"
    assert set(play.paths) == {"mention.wav"}
    assert home.state.surroundings.playing == play.id


def test_without_consent_the_decision_says_so_and_nothing_starts() -> None:
    home = Home(consent=Consent())
    home.tell(WEATHER)
    outcome = home.one(fx.RecordDecision).decision.outcome
    assert isinstance(outcome, Refusal)
    assert outcome.rule is PermissionRule.NO_CONSENT
    assert home.none(fx.StartPlay)


def test_only_a_rendered_impression_counts_towards_spacing() -> None:
    home = Home()
    home.tell(WEATHER)
    play = home.one(fx.StartPlay).play
    home.progress(play, PlayEventKind.ERROR)
    home.tell(WEATHER)
    assert not home.none(fx.StartPlay), "a play that failed must not use up the resident's patience"
    again = home.one(fx.StartPlay).play
    home.progress(again, PlayEventKind.LOADED, PlayEventKind.IMPRESSION, PlayEventKind.COMPLETE)
    home.tell(WEATHER)
    outcome = home.one(fx.RecordDecision).decision.outcome
    assert isinstance(outcome, Refusal)
    assert outcome.rule is PermissionRule.MIN_SPACING


def test_spacing_is_counted_from_the_end_of_the_placement() -> None:
    home = Home(policy=PlacementPolicy(min_spacing=timedelta(minutes=10)))
    play = home.mention()
    home.now += timedelta(minutes=5)
    home.progress(play, PlayEventKind.COMPLETE)
    home.now += timedelta(minutes=9, seconds=59)
    home.tell(WEATHER)
    assert home.none(fx.StartPlay)
    home.now += timedelta(seconds=1)
    home.tell(WEATHER)
    assert not home.none(fx.StartPlay)


def test_stop_closes_what_plays_and_it_ends_when_its_hook_says_so() -> None:
    home = Home()
    play = home.mention()
    home.hear("stop")
    assert home.one(fx.ClosePlay) == fx.ClosePlay(play.id, CloseCause.WORD)
    assert home.state.playing == play
    home.progress(play, PlayEventKind.CLOSE)
    assert home.state.playing is None


def test_a_press_closes_and_a_second_press_harms_nothing() -> None:
    home = Home()
    play = home.mention()
    home.tell(ev.CloseRequested(CloseCause.PRESS))
    home.progress(play, PlayEventKind.CLOSE)
    assert home.tell(ev.CloseRequested(CloseCause.PRESS)) == ()


def test_tell_me_more_starts_the_follow_up_even_within_spacing() -> None:
    home = Home()
    play = home.mention()
    home.progress(play, PlayEventKind.COMPLETE)
    home.now += timedelta(seconds=3)
    home.hear("tell me more")
    follow_up = home.one(fx.StartPlay).play
    assert follow_up.candidate.creative.crid == "more"
    assert follow_up.turn == "offer"
    assert "yes" in home.one(fx.ListenFor).phrases


def test_tell_me_more_while_it_plays_takes_its_place() -> None:
    home = Home()
    play = home.mention()
    home.hear("tell me more")
    assert home.one(fx.ClosePlay) == fx.ClosePlay(play.id, CloseCause.FOLLOWED_UP)
    follow_up = home.one(fx.StartPlay).play
    home.progress(play, PlayEventKind.CLOSE)
    assert home.state.playing == follow_up


def test_a_follow_up_that_nobody_can_have_asked_for_is_not_placed() -> None:
    """Device software may claim any moment; this one is exempt from caps and must be earned by a placement."""
    home = Home()
    claimed = Moment(MomentKind.FOLLOW_UP, NOON, attributes={"crid": "more", "campaign": "rain"})
    home.tell(ev.MomentArose(claimed))
    assert home.none(fx.StartPlay)
    home.tell(ev.SlotRequested("r", claimed, Format.VOICE_DIALOGUE))
    assert home.one(fx.AnswerSlot).play is None
    home.mention()
    home.tell(ev.MomentArose(claimed))
    assert home.one(fx.StartPlay).play.candidate.creative.crid == "more"


def test_an_inline_follow_up_closes_what_it_replaces() -> None:
    home = Home()
    play = home.mention()
    claimed = Moment(MomentKind.FOLLOW_UP, NOON, attributes={"crid": "more", "campaign": "rain"})
    home.tell(ev.SlotRequested("r", claimed, Format.VOICE_DIALOGUE))
    assert home.one(fx.ClosePlay) == fx.ClosePlay(play.id, CloseCause.FOLLOWED_UP)
    assert home.one(fx.AnswerSlot).play is not None
    assert home.none(fx.RecordPlayEvent), "its hook says when it has closed"


def test_an_answer_goes_to_the_next_turn_and_the_dialogue_counts_once() -> None:
    home = Home()
    play = home.mention()
    home.progress(play, PlayEventKind.COMPLETE)
    home.hear("tell me more")
    first = home.one(fx.StartPlay).play
    home.progress(first, PlayEventKind.LOADED, PlayEventKind.IMPRESSION, PlayEventKind.COMPLETE)
    home.hear("yes")
    second = home.one(fx.StartPlay).play
    assert second.turn == "sent"
    home.progress(second, PlayEventKind.LOADED, PlayEventKind.IMPRESSION, PlayEventKind.COMPLETE)
    assert [seen.play_id for seen in home.state.surroundings.history.impressions] == [play.id, first.id]


def test_the_next_placement_waits_from_the_end_of_a_dialogue_and_not_of_its_first_turn() -> None:
    home = Home(policy=PlacementPolicy(min_spacing=timedelta(minutes=10)))
    first = dialogue(home)
    home.progress(first, PlayEventKind.COMPLETE)
    home.hear("yes")
    second = home.one(fx.StartPlay).play
    home.progress(second, PlayEventKind.LOADED, PlayEventKind.IMPRESSION)
    home.now += timedelta(minutes=9)
    home.progress(second, PlayEventKind.COMPLETE)
    home.now += timedelta(minutes=9)
    home.tell(WEATHER)
    outcome = home.one(fx.RecordDecision).decision.outcome
    assert isinstance(outcome, Refusal)
    assert outcome.rule is PermissionRule.MIN_SPACING


@pytest.mark.parametrize(
    "change",
    [*CLOSING.values(), ev.CatalogChanged(Catalog()), ev.PhraseHeard("stop", 1.0, 1.5, 0.9)],
    ids=[*CLOSING, "revoked", "stop"],
)
@pytest.mark.parametrize("hook_has_gone", [False, True], ids=["while it closes", "closed"])
def test_a_dialogue_that_was_closed_asks_nothing_any_more(change: ev.Event, hook_has_gone: bool) -> None:
    home = Home()
    talk = dialogue(home)
    home.tell(change)
    assert home.one(fx.ClosePlay).play_id == talk.id
    if hook_has_gone:
        home.progress(talk, PlayEventKind.CLOSE)
    home.now += timedelta(seconds=0.3)
    home.hear("yes")
    assert home.none(fx.StartPlay), "the yes was somebody else's"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (ev.DeviceChanged(call_in_progress=True), "call"),
        (ev.DeviceChanged(do_not_disturb=True), "disturb"),
        (ev.ClockJudged(trusted=False), "clock"),
    ],
    ids=["call", "do not disturb", "clock"],
)
def test_an_answer_is_no_way_around_permission_and_whoever_gave_it_is_told_why(change: ev.Event, rule: str) -> None:
    home = Home()
    home.progress(dialogue(home), PlayEventKind.COMPLETE)
    home.tell(change)
    home.hear("yes")
    assert home.none(fx.StartPlay)
    assert rule in str(home.one(fx.ExplainPlay).reason).lower()


KEPT_AWAY: dict[str, dict[str, Any]] = {
    "advertiser": {"blocked_advertisers": frozenset({"Puddle.Example"})},
    "category": {"blocked_cat": frozenset({"552"})},
    "campaign": {"dismissed_campaigns": frozenset({"rain"})},
    "format": {"formats_off": frozenset({Format.VOICE_DIALOGUE})},
}
"""Limits that say no to the dialogue of the samples, by what they name."""


@pytest.mark.parametrize("limits", KEPT_AWAY.values(), ids=KEPT_AWAY)
def test_what_the_resident_keeps_away_closes_while_it_plays_and_asks_nothing_any_more(limits: dict[str, Any]) -> None:
    home = Home()
    asking = dialogue(home)
    home.tell(ev.ResidentDecided(home.state.surroundings.consent, ResidentLimits(**limits)))
    assert home.one(fx.ClosePlay) == fx.ClosePlay(asking.id, CloseCause.BLOCKED)
    home.progress(asking, PlayEventKind.CLOSE)
    home.hear("yes")
    assert home.none(fx.StartPlay)


@pytest.mark.parametrize("limits", KEPT_AWAY.values(), ids=KEPT_AWAY)
def test_an_answer_to_what_the_resident_kept_away_since_plays_nothing(limits: dict[str, Any]) -> None:
    home = Home()
    home.progress(dialogue(home), PlayEventKind.COMPLETE)
    home.tell(ev.ResidentDecided(home.state.surroundings.consent, ResidentLimits(**limits)))
    home.hear("yes")
    assert home.none(fx.StartPlay)


def test_limits_that_say_nothing_of_what_plays_let_it_play() -> None:
    home = Home()
    home.mention()
    limits = ResidentLimits(formats_off=frozenset({Format.IDLE_POSTER}), max_per_day=0)
    home.tell(ev.ResidentDecided(home.state.surroundings.consent, limits))
    assert home.none(fx.ClosePlay)


def test_an_answer_to_what_software_renders_by_itself_is_rendered_by_a_hook_and_can_be_stopped() -> None:
    """The next turn is no play of that software's: its silence must not end what a hook still says."""
    home = Home()
    home.mention()
    claimed = Moment(MomentKind.FOLLOW_UP, NOON, attributes={"crid": "more", "campaign": "rain"})
    home.tell(ev.SlotRequested("r", claimed, Format.VOICE_DIALOGUE))
    timer = next(effect for effect in home.effects if isinstance(effect, fx.SetTimer) and effect.at is not None)
    home.hear("yes")
    turn = home.one(fx.StartPlay).play
    assert not turn.slot.inline
    assert fx.SetTimer(timer.name, None) in home.effects
    home.tell(ev.TimerRang(timer.name))
    assert home.state.playing == turn
    home.hear("stop")
    assert home.one(fx.ClosePlay).play_id == turn.id


@pytest.mark.parametrize("wakes", [False, True], ids=["", "and a wake phrase"])
@pytest.mark.parametrize(
    "change",
    [CLOSING["press"], *(ev.PhraseHeard(word, 1.0, 1.5, 0.9) for word in ("stop", "no"))],
    ids=["press", "stop", "no"],
)
def test_a_dialogue_that_is_closed_when_its_question_has_just_ended_asks_nothing_any_more(
    change: ev.Event, wakes: bool
) -> None:
    home = Home()
    home.progress(dialogue(home), PlayEventKind.COMPLETE)
    home.tell(change)
    if wakes:
        home.hear("hey device")
    home.hear("yes")
    assert home.none(fx.StartPlay)


def test_a_question_that_a_mention_ends_with_is_not_asked_any_more_once_it_was_stopped() -> None:
    home = Home()
    rain = samples.campaign()
    asking = rain.creatives[0].model_copy(update={"transcript": "Wet feet? Shall I tell you more?"})
    home.tell(ev.CatalogChanged(Catalog((samples.pack(creatives=[asking.model_dump(), *rain.creatives[1:]]),))))
    play = home.mention()
    home.hear("stop")
    home.progress(play, PlayEventKind.CLOSE)
    home.hear("yes")
    assert home.none(fx.StartPlay), "the yes was somebody else's"
    home.hear("tell me more")
    assert home.one(fx.StartPlay).play.candidate.creative.crid == "more"


def test_a_press_of_not_interested_that_comes_as_it_ends_keeps_the_campaign_away() -> None:
    home = Home()
    home.progress(home.mention(), PlayEventKind.COMPLETE)
    home.tell(ev.CloseRequested(CloseCause.NOT_INTERESTED))
    assert home.one(fx.RememberResident).limits.dismissed_campaigns == {"rain"}


def test_an_answer_after_the_pack_is_gone_plays_nothing() -> None:
    home = Home()
    home.progress(dialogue(home), PlayEventKind.COMPLETE)
    home.tell(ev.CatalogChanged(Catalog()))
    home.hear("yes")
    assert home.none(fx.StartPlay)


def test_a_close_waits_for_no_disk() -> None:
    home = Home()
    home.mention()
    home.tell(ev.CloseRequested(CloseCause.PRESS))
    assert isinstance(home.effects[0], fx.ClosePlay)
    home = Home()
    home.mention()
    home.tell(ev.ResidentDecided(Consent(), ResidentLimits()))
    assert isinstance(home.effects[0], fx.ClosePlay)


def test_the_words_of_a_placement_are_listened_for_only_while_they_mean_something() -> None:
    home = Home()
    home.tell(ev.ClockJudged(trusted=True))
    assert home.state.phrases == ("hey device",)
    play = home.mention()
    assert {"stop", "not interested", "tell me more", "why this"} < set(home.state.phrases)
    home.progress(play, PlayEventKind.COMPLETE)
    timer = home.one(fx.SetTimer)
    assert timer.at is not None
    assert timer.at > home.now
    home.tell(ev.TimerRang(timer.name))
    assert home.one(fx.ListenFor).phrases == ("hey device",)


def test_not_interested_closes_and_keeps_the_campaign_away() -> None:
    home = Home()
    play = home.mention()
    home.hear("not interested")
    assert home.one(fx.ClosePlay).cause is CloseCause.NOT_INTERESTED
    assert home.one(fx.RememberResident).limits.dismissed_campaigns == {"rain"}
    home.progress(play, PlayEventKind.CLOSE)
    home.now += timedelta(hours=2)
    home.tell(WEATHER)
    outcome = home.one(fx.RecordDecision).decision.outcome
    assert isinstance(outcome, NoFill)
    assert {rejection.rule for rejection in outcome.rejections} == {"dismissed"}


def test_not_interested_after_the_end_still_means_what_was_just_said() -> None:
    home = Home()
    home.progress(home.mention(), PlayEventKind.COMPLETE)
    home.hear("not interested")
    assert home.one(fx.RememberResident).limits.dismissed_campaigns == {"rain"}
    assert home.hear("tell me more") == ()


def test_why_this_is_answered_with_a_sentence() -> None:
    home = Home()
    play = home.mention()
    home.hear("why this")
    explained = home.one(fx.ExplainPlay)
    assert explained.play_id == play.id
    assert "puddle.example" in str(explained.reason)
    assert "weather" in str(explained.reason)


def dialogue(home: Home) -> Play:
    """Ask for more after a mention, up to the question of the dialogue."""
    home.progress(home.mention(), PlayEventKind.COMPLETE)
    home.hear("tell me more")
    play = home.one(fx.StartPlay).play
    home.progress(play, PlayEventKind.LOADED, PlayEventKind.IMPRESSION)
    return play


def test_send_it_to_my_phone_shows_the_page_in_place_of_what_speaks() -> None:
    home = Home()
    talk = dialogue(home)
    assert "send it to my phone" in home.state.phrases
    home.hear("send it to my phone")
    assert home.one(fx.ClosePlay) == fx.ClosePlay(talk.id, CloseCause.FOLLOWED_UP)
    page = home.one(fx.StartPlay).play
    assert page.slot.format is Format.COMPANION_PAGE
    assert page.candidate.creative.link == "https://puddle.example/boots"
    home.progress(page, PlayEventKind.LOADED, PlayEventKind.IMPRESSION)
    home.hear("stop")
    assert home.one(fx.ClosePlay) == fx.ClosePlay(page.id, CloseCause.WORD)


def test_a_device_without_a_screen_says_so_and_where_the_page_is() -> None:
    spoken = tuple(limit for limit in samples.formats() if limit.format.is_spoken)
    home = Home(formats=spoken)
    talk = dialogue(home)
    home.hear("send it to my phone")
    assert home.none(fx.StartPlay)
    assert home.none(fx.ClosePlay), "what speaks is not cut off for something that does not come"
    told = home.one(fx.ExplainPlay)
    assert told.play_id == talk.id
    assert str(told.reason).endswith("The page is https://puddle.example/boots.")
    assert isinstance(home.one(fx.RecordDecision).decision.outcome, Refusal)


def test_who_asked_for_more_is_told_why_there_is_none() -> None:
    home = Home()
    home.mention()
    home.tell(ev.ClockJudged(trusted=False))
    home.hear("tell me more")
    assert home.one(fx.ExplainPlay).reason


def test_a_page_that_was_not_offered_cannot_be_asked_for() -> None:
    home = Home()
    claimed = Moment(MomentKind.FOLLOW_UP, NOON, attributes={"crid": "page", "campaign": "rain"})
    home.mention()
    home.tell(ev.SlotRequested("r", claimed, Format.COMPANION_PAGE))
    assert home.one(fx.AnswerSlot).play is None, "the mention has no page; its follow-up does"
    dialogue(home := Home())
    home.tell(ev.SlotRequested("r", claimed, Format.COMPANION_PAGE))
    assert home.one(fx.AnswerSlot).play is not None


def closed_window() -> Home:
    """A home in which a mention is over, and so is the time to speak about it."""
    home = Home()
    home.progress(home.mention(), PlayEventKind.COMPLETE)
    home.tell(ev.TimerRang(home.one(fx.SetTimer).name))
    assert home.state.phrases == ("hey device",)
    return home


def test_a_wake_phrase_opens_the_window_of_the_last_placement_again_and_says_so() -> None:
    home = closed_window()
    home.now += timedelta(minutes=2)
    home.hear("hey device")
    assert home.one(fx.PlayCue).cue is Cue.LISTENING
    assert "tell me more" in home.one(fx.ListenFor).phrases
    timer = home.one(fx.SetTimer)
    assert timer.at == home.now + ANSWER_WINDOW + SAID_WITHIN
    home.hear("tell me more")
    assert home.one(fx.StartPlay).play.candidate.creative.crid == "more"


def just_after_the_window(home: Home, phrase: str, began_ago: timedelta) -> tuple[fx.Effect, ...]:
    """Hear a phrase a moment after the time to speak about what ended `home.now`."""
    home.now += ANSWER_WINDOW + timedelta(milliseconds=100)
    return home.tell(ev.PhraseHeard(phrase, 1.0, 2.0, 0.9, began_ago))


@pytest.mark.parametrize("wake", [False, True], ids=["after a placement", "after a wake phrase"])
def test_what_is_begun_in_time_to_speak_about_a_placement_may_be_said_to_its_end(wake: bool) -> None:
    home = Home()
    home.progress(home.mention(), PlayEventKind.COMPLETE)
    if wake:
        home = closed_window()
        home.now += timedelta(minutes=2)
        home.hear("hey device")
    just_after_the_window(home, "tell me more", timedelta(milliseconds=101))
    assert home.one(fx.StartPlay).play.candidate.creative.crid == "more"


@pytest.mark.parametrize("phrase", ["tell me more", "why this", "not interested"])
def test_what_is_begun_too_late_is_not_about_a_placement(phrase: str) -> None:
    home = Home()
    home.progress(home.mention(), PlayEventKind.COMPLETE)
    assert just_after_the_window(home, phrase, timedelta(milliseconds=100)) == ()


def test_a_wake_phrase_long_after_a_placement_is_not_about_it() -> None:
    home = closed_window()
    home.now += PAST_MEANT
    home.hear("hey device")
    assert home.none(fx.PlayCue)
    assert home.state.phrases == ("hey device",)


def test_a_wake_phrase_is_not_about_a_placement_that_was_revoked_since() -> None:
    home = closed_window()
    home.tell(ev.CatalogChanged(Catalog()))
    home.hear("hey device")
    assert home.none(fx.PlayCue)
    assert home.state.phrases == ("hey device",)


def test_in_quiet_hours_the_window_opens_without_a_sound() -> None:
    home = closed_window()
    night = Daypart(start=time(11), end=time(14))
    quiet = home.state.surroundings.limits.model_copy(update={"quiet_hours": (night,)})
    home.tell(ev.ResidentDecided(home.state.surroundings.consent, quiet))
    home.hear("hey device")
    assert home.none(fx.PlayCue)
    assert "tell me more" in home.state.phrases


def test_what_was_dismissed_is_not_brought_back_by_a_wake_phrase() -> None:
    home = Home()
    home.progress(home.mention(), PlayEventKind.COMPLETE)
    home.hear("not interested")
    home.hear("hey device")
    assert home.none(fx.PlayCue)
    assert home.state.phrases == ("hey device",)


def test_stop_after_the_end_closes_the_window() -> None:
    home = Home()
    home.progress(home.mention(), PlayEventKind.COMPLETE)
    home.hear("stop")
    assert home.state.phrases == ("hey device",)


def test_an_answer_that_comes_too_late_wakes_nothing() -> None:
    home = Home()
    for late in ("yes", "red"):
        home.hear(late)
        assert home.none(fx.RecordDecision)
        assert home.none(fx.StartPlay)


def test_withdrawing_consent_closes_at_once_and_is_remembered() -> None:
    home = Home()
    play = home.mention()
    home.tell(ev.ResidentDecided(Consent(), home.state.surroundings.limits))
    assert home.one(fx.ClosePlay) == fx.ClosePlay(play.id, CloseCause.CONSENT_WITHDRAWN)
    assert home.one(fx.RememberResident).consent == Consent()
    home.progress(play, PlayEventKind.CLOSE)
    assert home.hear("tell me more") == ()


def test_a_revoked_pack_closes_in_the_middle_of_its_play() -> None:
    home = Home()
    play = home.mention()
    home.tell(ev.CatalogChanged(Catalog()))
    assert home.one(fx.ClosePlay) == fx.ClosePlay(play.id, CloseCause.REVOKED)
    home.progress(play, PlayEventKind.CLOSE)
    assert home.state.recent is None


def test_a_revoked_creative_closes_in_the_middle_of_its_play_and_its_neighbours_play_on() -> None:
    home = Home()
    play = home.mention()
    shelved = play.candidate.pack
    home.tell(ev.CatalogChanged(Catalog((replace(shelved, version=2, revoked={"another": said("Revoked.")}),))))
    assert home.none(fx.ClosePlay)
    revoked = replace(shelved, revoked={play.candidate.creative.crid: said("The operator revoked acme.")})
    home.tell(ev.CatalogChanged(Catalog((revoked,))))
    assert home.one(fx.ClosePlay) == fx.ClosePlay(play.id, CloseCause.REVOKED)
    assert home.one(fx.RecordClose) == fx.RecordClose(play.id, CloseCause.REVOKED)
    home.progress(play, PlayEventKind.CLOSE)
    assert home.state.recent is None


def test_what_device_software_renders_ends_when_it_is_revoked() -> None:
    home = Home()
    home.tell(ev.SlotRequested("r1", WEATHER.moment, Format.VOICE_MENTION))
    play = home.state.playing
    assert play is not None
    home.tell(ev.CatalogChanged(Catalog()))
    assert home.one(fx.RecordClose) == fx.RecordClose(play.id, CloseCause.REVOKED)
    assert home.state.playing is None


def test_a_call_coming_in_closes_what_plays() -> None:
    home = Home()
    play = home.mention()
    home.tell(ev.DeviceChanged(call_in_progress=True))
    assert home.one(fx.ClosePlay) == fx.ClosePlay(play.id, CloseCause.DEVICE)


def test_software_that_renders_by_itself_gets_an_answer_and_its_silence_ends() -> None:
    home = Home()
    request = ev.SlotRequested("r1", WEATHER.moment, Format.VOICE_MENTION)
    home.tell(request)
    answer = home.one(fx.AnswerSlot)
    assert answer.play is not None
    assert answer.play.slot.inline
    assert home.none(fx.StartPlay)
    timer = home.one(fx.SetTimer)
    assert timer.at is not None
    home.now = timer.at
    home.tell(ev.TimerRang(timer.name))
    assert home.state.playing is None
    last = home.one(fx.RecordPlayEvent).event
    assert (last.play_id, last.kind) == (answer.play.id, PlayEventKind.ERROR)
    assert last.detail


@pytest.mark.parametrize("change", CLOSING.values(), ids=CLOSING)
def test_what_software_renders_by_itself_is_over_when_it_is_closed_and_its_words_too(change: ev.Event) -> None:
    """It looks whether `playing` is still its play: nobody else could close it."""
    home = Home()
    home.tell(ev.SlotRequested("r1", WEATHER.moment, Format.VOICE_MENTION))
    answer = home.one(fx.AnswerSlot)
    assert answer.play is not None
    home.tell(change)
    assert home.one(fx.ClosePlay).play_id == answer.play.id
    assert home.state.playing is None
    last = home.one(fx.RecordPlayEvent).event
    assert (last.play_id, last.kind) == (answer.play.id, PlayEventKind.CLOSE), "nothing more of it is taken"
    timers = {effect.name: effect.at for effect in home.effects if isinstance(effect, fx.SetTimer)}
    assert timers[FOLLOW_UP_TIMER] == home.now + ANSWER_WINDOW + SAID_WITHIN
    home.tell(ev.TimerRang(FOLLOW_UP_TIMER))
    assert home.state.phrases == ("hey device",)


def test_the_asker_is_answered_before_anything_is_written() -> None:
    home = Home()
    home.tell(ev.SlotRequested("r1", WEATHER.moment, Format.VOICE_MENTION))
    assert isinstance(home.effects[0], fx.AnswerSlot)
    home.tell(ev.SlotRequested("r2", WEATHER.moment, Format.VOICE_MENTION))
    assert isinstance(home.effects[0], fx.AnswerSlot)


def test_a_refused_slot_request_is_answered_with_no_play() -> None:
    home = Home(consent=Consent())
    home.tell(ev.SlotRequested("r1", WEATHER.moment, Format.VOICE_MENTION))
    assert home.one(fx.AnswerSlot).play is None


def test_the_boot_creative_is_staged_ahead_and_unstaged_when_consent_goes() -> None:
    home = Home()
    home.tell(ev.CatalogChanged(samples.catalog()))
    staged = home.one(fx.StageBoot).play
    assert staged is not None
    assert staged.candidate.creative.crid == "boot"
    assert home.state.playing is None
    home.tell(ev.CatalogChanged(samples.catalog()))
    assert home.none(fx.StageBoot), "nothing changed, nothing is written again"
    home.tell(ev.ResidentDecided(Consent(), home.state.surroundings.limits))
    assert home.one(fx.StageBoot).play is None


def test_what_an_earlier_run_staged_is_taken_away_where_nothing_may_be_staged_now() -> None:
    home = Home(consent=Consent())
    home.tell(ev.CatalogChanged(samples.catalog()))
    assert home.one(fx.StageBoot).play is None
    home.tell(ev.CatalogChanged(samples.catalog()))
    assert home.none(fx.StageBoot)


def test_a_clock_that_jumps_ahead_and_back_leaves_limits_reached() -> None:
    home = Home(policy=PlacementPolicy(min_spacing=timedelta(0), max_per_day=1))
    shown = home.mention()
    home.progress(shown, PlayEventKind.COMPLETE)
    home.state = counted(home.state, replace(shown, id=PlayId("ahead")), NOON + timedelta(days=800))
    home.now = NOON + timedelta(hours=1)
    home.tell(WEATHER)
    outcome = home.one(fx.RecordDecision).decision.outcome
    assert isinstance(outcome, Refusal)
    assert outcome.rule is PermissionRule.DAILY_CAP


def test_what_is_staged_keeps_to_quiet_hours_that_begin_and_end_without_an_event() -> None:
    home = Home(limits=ResidentLimits(quiet_hours=(Daypart(start=time(22), end=time(7)),)))
    home.tell(ev.CatalogChanged(samples.catalog()))
    assert home.one(fx.StageBoot).play is not None
    changes: list[tuple[int, bool]] = []
    for _ in range(24 * 60 // 5):
        timer = home.one(fx.SetTimer)
        assert timer.at is not None
        assert timer.at > home.now
        home.now = timer.at
        home.tell(ev.TimerRang(timer.name))
        changes += [
            (home.now.astimezone(home.state.surroundings.zone).hour, effect.play is not None)
            for effect in home.effects
            if isinstance(effect, fx.StageBoot)
        ]
    assert changes == [(22, False), (7, True)]


@pytest.mark.parametrize(
    "change",
    [ev.ClockJudged(trusted=False), ev.PolicyChanged(PlacementPolicy(max_per_day=0), ("hey device",))],
    ids=["clock", "policy"],
)
def test_what_may_not_be_placed_from_now_on_is_unstaged_at_once(change: ev.Event) -> None:
    home = Home()
    home.tell(ev.CatalogChanged(samples.catalog()))
    home.tell(change)
    assert home.one(fx.StageBoot).play is None


@pytest.mark.parametrize(
    "passing", [{"device": DeviceState(powered=False)}, {"erased_at": NOON}], ids=["off", "erased"]
)
def test_what_is_so_only_for_now_says_nothing_of_the_next_power_on(passing: dict[str, Any]) -> None:
    home = Home(**passing)
    home.tell(ev.CatalogChanged(samples.catalog()))
    assert home.one(fx.StageBoot).play is not None


def test_a_campaign_that_was_dismissed_after_its_end_is_unstaged_at_once() -> None:
    home = Home()
    home.tell(ev.CatalogChanged(samples.catalog()))
    assert home.one(fx.StageBoot).play is not None
    home.progress(home.mention(), PlayEventKind.COMPLETE)
    home.hear("not interested")
    assert home.one(fx.StageBoot).play is None


def test_a_clock_that_cannot_be_believed_refuses_everything_until_it_can() -> None:
    home = Home()
    home.tell(ev.ClockJudged(trusted=False))
    home.tell(WEATHER)
    outcome = home.one(fx.RecordDecision).decision.outcome
    assert isinstance(outcome, Refusal)
    assert outcome.rule is PermissionRule.CLOCK_NOT_SET
    home.tell(ev.ClockJudged(trusted=True))
    home.tell(WEATHER)
    assert isinstance(home.one(fx.RecordDecision).decision.outcome, Selected)


def test_ids_are_unique_within_and_across_starts() -> None:
    home = Home()
    seen: set[str] = set()
    for _ in range(3):
        home.tell(WEATHER)
        home.now += timedelta(hours=1)
        decision = home.one(fx.RecordDecision).decision.id
        assert decision not in seen
        seen.add(decision)
    home.state = replace(home.state, run="u", count=0)
    home.tell(WEATHER)
    assert home.one(fx.RecordDecision).decision.id not in seen


def test_every_kind_of_event_is_routed() -> None:
    """A new event class without a sample here fails, so that none is forgotten."""
    limits = samples.surroundings().limits
    sample: dict[type, ev.Event] = {
        ev.MomentArose: WEATHER,
        ev.SlotRequested: ev.SlotRequested("r", WEATHER.moment, Format.VOICE_MENTION, 3.0),
        ev.DeviceChanged: ev.DeviceChanged(media_playing=True),
        ev.MicrophoneChanged: ev.MicrophoneChanged(Microphone.MUTED),
        ev.PhraseHeard: ev.PhraseHeard("hey device", 0.0, 1.0, 1.0),
        ev.CloseRequested: ev.CloseRequested(CloseCause.PRESS),
        ev.PlayProgressed: ev.PlayProgressed(PlayEvent(PlayId("t-p1"), PlayEventKind.COMPLETE, NOON, 1)),
        ev.CatalogChanged: ev.CatalogChanged(Catalog()),
        ev.PolicyChanged: ev.PolicyChanged(PlacementPolicy()),
        ev.ResidentDecided: ev.ResidentDecided(Consent(), limits),
        ev.TimerRang: ev.TimerRang("unknown"),
        ev.ClockJudged: ev.ClockJudged(trusted=True),
    }
    assert set(sample) == set(get_args(ev.Event))
    for event in sample.values():
        Home().tell(event)
