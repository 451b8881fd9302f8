"""Writes that wait for an answer to leave: in order, and never lost."""

import asyncio

from edge_agent.wiring.writes import Writes


def test_a_write_happens_at_once() -> None:
    done: list[int] = []
    Writes().add(lambda: done.append(1))
    assert done == [1]


async def test_a_held_write_comes_by_itself_after_the_answer() -> None:
    writes, written = Writes(), asyncio.Event()
    writes.hold()
    writes.add(written.set)
    writes.release()
    assert not written.is_set()
    await asyncio.wait_for(written.wait(), 10)


async def test_a_later_write_brings_the_held_ones_before_it() -> None:
    writes, done = Writes(), list[int]()
    writes.hold()
    writes.add(lambda: done.append(1))
    writes.add(lambda: done.append(2))
    writes.release()
    writes.add(lambda: done.append(3))
    assert done == [1, 2, 3]


async def test_now_leaves_nothing_behind() -> None:
    writes, done = Writes(), list[int]()
    writes.hold()
    writes.add(lambda: done.append(1))
    writes.now()
    assert done == [1]
    writes.now()
    assert done == [1]
