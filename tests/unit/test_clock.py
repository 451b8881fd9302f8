"""Clocks: waiting for a time of day that may be set while somebody waits."""

import asyncio
from datetime import UTC, datetime, timedelta

from edge_agent.clock import SettableClock, SystemClock

HOUR = timedelta(hours=1)


class Still:
    """A machine clock that stands, so that only `set` moves what runs from it."""

    def __init__(self, now: datetime) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time

    async def wait_until(self, when: datetime) -> None:
        raise AssertionError(f"nobody waits for the machine itself, until {when}")


NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


async def test_the_machines_clock_is_aware_and_waits_until_the_time_is_reached() -> None:
    clock = SystemClock()
    assert clock.now().utcoffset() == timedelta(0)
    when = clock.now() + timedelta(milliseconds=20)
    await clock.wait_until(when)
    assert clock.now() >= when
    await clock.wait_until(datetime(1970, 1, 1, tzinfo=UTC))


async def test_a_clock_that_is_set_goes_on_from_there() -> None:
    machine = Still(NOON)
    clock = SettableClock(machine)
    assert clock.now() == NOON
    clock.set(NOON - 1000 * HOUR)
    assert clock.now() == NOON - 1000 * HOUR
    machine.time += HOUR
    assert clock.now() == NOON - 999 * HOUR


async def test_setting_it_to_the_time_wakes_who_waits_and_nobody_earlier() -> None:
    clock = SettableClock(Still(NOON))
    early = asyncio.create_task(clock.wait_until(NOON + HOUR))
    late = asyncio.create_task(clock.wait_until(NOON + 2 * HOUR))
    await asyncio.sleep(0)
    clock.set(NOON + 2 * HOUR - timedelta(microseconds=1))
    await early
    assert not late.done()
    clock.set(NOON + 2 * HOUR)
    await late


async def test_setting_it_back_makes_who_waits_wait_longer() -> None:
    clock = SettableClock(Still(NOON))
    waiting = asyncio.create_task(clock.wait_until(NOON + HOUR))
    other = asyncio.create_task(clock.wait_until(NOON - HOUR))
    await other
    clock.set(NOON - 10 * HOUR)
    marker = asyncio.create_task(clock.wait_until(NOON - 9 * HOUR))
    await asyncio.sleep(0)
    clock.set(NOON - 9 * HOUR)
    await marker
    assert not waiting.done()
    clock.set(NOON + HOUR)
    await waiting


async def test_a_past_time_is_reached_at_once() -> None:
    await SettableClock(Still(NOON)).wait_until(NOON)
