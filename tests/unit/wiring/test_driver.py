"""The driver: one event after another, each with the state that all before it left."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from edge_agent.model import effects as fx
from edge_agent.model import events as ev
from edge_agent.model.device import Consent, ResidentLimits
from edge_agent.model.moment import MomentKind
from edge_agent.model.play import CloseCause
from edge_agent.plays import EngineState
from edge_agent.wiring.driver import Driver
from tests.shelf import NOON, moment, surroundings

IDLE = ev.MomentArose(moment(MomentKind.IDLE))
BUSY = ev.DeviceChanged(media_playing=True)
REFUSAL = ev.ResidentDecided(Consent(), ResidentLimits())


class Watcher:
    """A driver with everything that it carried and noticed; `on_effect` may do more."""

    def __init__(self, on_effect: Callable[[fx.Effect], None] = lambda _: None) -> None:
        self.carried: list[fx.Effect] = []
        self.noticed: list[ev.Event] = []
        self.on_effect = on_effect
        self.time = NOON
        self.draws = iter([0.25, 0.5, 0.75])
        self.driver = Driver(
            EngineState(surroundings(), "run"),
            now=lambda: self.time,
            draw=lambda: next(self.draws, 0.0),
            carry=self.carry,
            noticed=self.noticed.append,
        )

    def carry(self, effect: fx.Effect) -> None:
        self.carried.append(effect)
        self.on_effect(effect)

    def decisions(self) -> list[fx.RecordDecision]:
        return [effect for effect in self.carried if isinstance(effect, fx.RecordDecision)]


def test_an_event_is_handled_before_tell_returns() -> None:
    watcher = Watcher()
    watcher.driver.tell(BUSY)
    assert watcher.driver.state.surroundings.device.media_playing
    assert watcher.noticed == [BUSY]


def test_what_an_effect_leads_to_comes_after_the_event_that_it_belongs_to() -> None:
    watcher = Watcher()

    def refuse_at_once(effect: fx.Effect) -> None:
        if isinstance(effect, fx.RecordDecision):
            watcher.driver.tell(REFUSAL)
            assert watcher.driver.state.surroundings.consent.placements, "not yet: the moment is still being carried"

    watcher.on_effect = refuse_at_once
    watcher.driver.tell(IDLE)
    assert watcher.noticed == [IDLE, REFUSAL]
    assert not watcher.driver.state.surroundings.consent.placements


def test_every_event_has_the_time_at_which_it_is_handled_and_an_id_of_its_own() -> None:
    watcher = Watcher()
    watcher.driver.tell(IDLE)
    watcher.time = NOON + timedelta(minutes=1)
    watcher.driver.tell(IDLE)
    first, second = (effect.decision for effect in watcher.decisions())
    assert (first.at, second.at) == (NOON, NOON + timedelta(minutes=1))
    assert first.id != second.id


def test_each_event_has_a_draw_of_its_own() -> None:
    watcher = Watcher()
    watcher.driver.tell(IDLE)
    watcher.driver.tell(IDLE)
    assert next(watcher.draws) == 0.75


def test_a_bug_in_an_effect_is_raised_and_leaves_a_driver_that_goes_on() -> None:
    watcher = Watcher()

    def break_once(_: fx.Effect) -> None:
        watcher.on_effect = lambda _: None
        raise RuntimeError("a bug")

    watcher.on_effect = break_once
    with pytest.raises(RuntimeError, match="a bug"):
        watcher.driver.tell(IDLE)
    watcher.driver.tell(BUSY)
    assert watcher.driver.state.surroundings.device.media_playing


async def test_whoever_stops_the_agent_closes_what_plays() -> None:
    watcher = Watcher()
    task = asyncio.create_task(watcher.driver.run())
    await asyncio.sleep(0)
    assert watcher.noticed == []
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert watcher.noticed == [ev.CloseRequested(CloseCause.SHUTDOWN)]
