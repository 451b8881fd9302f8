"""The engine's timers: by name, and by a clock that may be set."""

import asyncio
from datetime import timedelta

import pytest

from edge_agent.clock import SettableClock, SystemClock
from edge_agent.wiring.timers import Timers

MINUTE = timedelta(minutes=1)


class Room:
    """Timers with everything that rang, in order."""

    def __init__(self) -> None:
        self.clock = SettableClock(SystemClock())
        self.rung: asyncio.Queue[str] = asyncio.Queue()
        self.timers = Timers(self.clock, self.rung.put_nowait)
        self.start = self.clock.now()

    def set(self, name: str, minutes: float) -> None:
        self.timers.set(name, self.start + minutes * MINUTE)

    async def at(self, minutes: float) -> None:
        await asyncio.sleep(0)  # whoever was just set begins to wait
        self.clock.set(self.start + minutes * MINUTE)

    async def next(self) -> str:
        return await asyncio.wait_for(self.rung.get(), 20)


@pytest.fixture
async def room() -> Room:
    return Room()


async def test_timers_ring_in_the_order_of_their_times(room: Room) -> None:
    room.set("late", 20)
    room.set("early", 10)
    await room.at(10)
    assert await room.next() == "early"
    await room.at(20)
    assert await room.next() == "late"


async def test_a_timer_of_the_same_name_takes_the_others_place(room: Room) -> None:
    room.set("follow-up", 10)
    room.set("follow-up", 30)
    room.set("marker", 20)
    await room.at(20)
    assert await room.next() == "marker"
    await room.at(30)
    assert await room.next() == "follow-up"
    assert room.rung.empty()


async def test_none_cancels_and_cancelling_what_is_not_set_does_no_harm(room: Room) -> None:
    room.set("inline", 10)
    room.timers.set("inline", None)
    room.timers.set("inline", None)
    room.set("marker", 10)
    await room.at(10)
    assert await room.next() == "marker"
    assert room.rung.empty()


async def test_a_time_that_is_past_rings_soon_but_not_inside_set(room: Room) -> None:
    room.set("past", -10)
    assert room.rung.empty()
    assert await room.next() == "past"


async def test_a_clock_that_is_set_back_makes_nobody_wait_for_longer_than_was_asked_for(room: Room) -> None:
    room.timers.set("follow-up", room.clock.now() + timedelta(seconds=0.2))
    await room.at(-60)
    assert await room.next() == "follow-up"
    assert room.rung.empty()


async def test_a_clock_that_is_set_back_and_right_again_rings_once(room: Room) -> None:
    room.set("follow-up", 10)
    await room.at(-60)
    room.set("marker", -50)
    await room.at(-50)
    assert await room.next() == "marker"
    await room.at(10)
    assert await room.next() == "follow-up"


async def test_what_rings_may_set_itself_again_and_be_cancelled_then() -> None:
    room = Room()
    times = iter([10, 15])

    def ring(name: str) -> None:
        room.rung.put_nowait(name)
        if name == "often":
            room.set(name, next(times))

    room.timers = Timers(room.clock, ring)
    room.set("often", -1)
    assert await room.next() == "often"
    await room.at(10)
    assert await room.next() == "often"
    room.timers.set("often", None)
    room.set("marker", 20)
    await room.at(20)
    assert await room.next() == "marker"
    assert room.rung.empty()


async def test_after_cancel_all_nothing_rings(room: Room) -> None:
    room.set("a", 10)
    room.set("b", 10)
    room.timers.cancel_all()
    await room.at(10)
    room.set("marker", 10)
    assert await room.next() == "marker"
    assert room.rung.empty()
