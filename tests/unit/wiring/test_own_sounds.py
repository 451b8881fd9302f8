"""What the ear is told of a recording that the device plays."""

from edge_agent import engine
from edge_agent.model import effects as fx
from edge_agent.model import events as ev
from edge_agent.model.moment import Moment, MomentKind
from edge_agent.plays import EngineState
from edge_agent.voice.own_voice import OwnSound
from edge_agent.wiring.own_sounds import OwnSounds
from tests import samples
from tests.samples import NOON


def test_the_ear_learns_what_a_recording_may_be_taken_for_once_it_is_over() -> None:
    """Its own words, too, which are not listened for while it says them."""
    state = EngineState(samples.surroundings(), "t", samples.catalog(), wake_phrases=("dry boots",))
    weather = ev.MomentArose(Moment(MomentKind.ASSISTANT_ANSWERED, NOON, "weather"))
    state, effects = engine.step(state, weather, NOON, 0.5)
    (start,) = (effect for effect in effects if isinstance(effect, fx.StartPlay))
    told: list[OwnSound | None] = []
    OwnSounds(told.append, lambda: state.wake_phrases).starts(start.play)
    (sound,) = told
    assert sound is not None
    assert "dry boots" not in state.phrases, "the mention says it"
    assert {"dry boots", *state.phrases} == set(sound.phrases)
