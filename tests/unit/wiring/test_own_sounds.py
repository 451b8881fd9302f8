"""What the ear is told of a recording that the device plays."""

from edge_agent import engine
from edge_agent.model import effects as fx
from edge_agent.model import events as ev
from edge_agent.model.moment import Moment, MomentKind
from edge_agent.model.play import Play, PlayEvent, PlayEventKind
from edge_agent.plays import EngineState
from edge_agent.voice.own_voice import OwnSound
from edge_agent.wiring.own_sounds import OwnSounds
from tests import samples
from tests.samples import NOON

WEATHER = ev.MomentArose(Moment(MomentKind.ASSISTANT_ANSWERED, NOON, "weather"))


def started(state: EngineState, event: ev.Event) -> tuple[EngineState, Play]:
    state, effects = engine.step(state, event, NOON, 0.5)
    (start,) = (effect for effect in effects if isinstance(effect, fx.StartPlay))
    return state, start.play


def test_the_ear_learns_what_a_recording_may_be_taken_for_once_it_is_over() -> None:
    """Its own words, too, which are not listened for while it says them."""
    state = EngineState(samples.surroundings(), "t", samples.catalog(), wake_phrases=("dry boots",))
    state, play = started(state, WEATHER)
    told: list[OwnSound | None] = []
    OwnSounds(told.append, lambda: state.wake_phrases).starts(play)
    (sound,) = told
    assert sound is not None
    assert "dry boots" not in state.phrases, "the mention says it"
    assert {"dry boots", *state.phrases} == set(sound.phrases)
    assert 0 < sound.most_s - play.slot.max_dur.total_seconds() < 10, "the rest of it is never heard"


def test_the_end_of_what_a_follow_up_replaced_is_not_the_end_of_the_follow_up() -> None:
    told: list[OwnSound | None] = []
    sounds = OwnSounds(told.append, tuple)
    state, mention = started(EngineState(samples.surroundings(), "t", samples.catalog()), WEATHER)
    _, follow_up = started(state, ev.PhraseHeard("tell me more", 1.0, 1.5, 0.9))
    sounds.starts(mention)
    sounds.starts(follow_up)
    before = len(told)
    sounds.progressed(PlayEvent(mention.id, PlayEventKind.CLOSE, NOON, 10))
    assert len(told) == before
    sounds.progressed(PlayEvent(follow_up.id, PlayEventKind.IMPRESSION, NOON, 10))
    sounding = told[-1]
    assert sounding is not None
    assert sounding.began_s is not None
    sounds.progressed(PlayEvent(follow_up.id, PlayEventKind.COMPLETE, NOON, 10))
    assert told[-1] is None
    sounds.progressed(PlayEvent(follow_up.id, PlayEventKind.IMPRESSION, NOON, 10))
    assert told[-1] is None, "it is over"
