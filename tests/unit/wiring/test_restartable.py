"""A room that is put in another's place: never two at once, and none lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from edge_agent.wiring.restartable import Restartable


class Room:
    """A room that says when it begins and ends; `do` is what it does in between."""

    def __init__(self, name: str, said: "asyncio.Queue[str]", do: Callable[[], None] | None = None) -> None:
        self.name = name
        self.said = said
        self.do = do

    async def run(self) -> None:
        self.said.put_nowait(f"{self.name} begins")
        try:
            if self.do is None:
                await asyncio.Event().wait()
            else:
                self.do()
        finally:
            for _ in range(5):  # a room may need a while to end
                await asyncio.sleep(0)
            self.said.put_nowait(f"{self.name} ends")


@pytest.fixture
def said() -> "asyncio.Queue[str]":
    return asyncio.Queue()


@asynccontextmanager
async def running(restartable: Restartable[Room]) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(restartable.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def take(said: "asyncio.Queue[str]", count: int) -> list[str]:
    return [await asyncio.wait_for(said.get(), 20) for _ in range(count)]


async def test_the_old_room_has_ended_before_the_new_one_begins(said: "asyncio.Queue[str]") -> None:
    rooms = Restartable(Room("old", said))
    async with running(rooms):
        assert await take(said, 1) == ["old begins"]
        rooms.replace(Room("new", said))
        assert rooms.room.name == "new", "whoever calls it from now on reaches the new one"
        assert await take(said, 2) == ["old ends", "new begins"]
    assert await take(said, 1) == ["new ends"]


async def test_a_room_that_is_replaced_before_the_start_never_begins(said: "asyncio.Queue[str]") -> None:
    rooms = Restartable(Room("old", said))
    rooms.replace(Room("new", said))
    async with running(rooms):
        assert await take(said, 1) == ["new begins"]


async def test_of_many_replacements_the_last_one_runs(said: "asyncio.Queue[str]") -> None:
    rooms = Restartable(Room("0", said))
    async with running(rooms):
        assert await take(said, 1) == ["0 begins"]
        for number in range(1, 5):
            rooms.replace(Room(str(number), said))
        assert await take(said, 2) == ["0 ends", "4 begins"]


async def test_a_room_that_has_nothing_to_do_waits_for_its_replacement(said: "asyncio.Queue[str]") -> None:
    rooms = Restartable(Room("off", said, do=lambda: None))
    async with running(rooms) as task:
        assert await take(said, 2) == ["off begins", "off ends"]
        assert not task.done()
        rooms.replace(Room("on", said))
        assert await take(said, 1) == ["on begins"]


async def test_a_bug_in_a_room_is_not_swallowed(said: "asyncio.Queue[str]") -> None:
    def bug() -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        await asyncio.wait_for(Restartable(Room("broken", said, do=bug)).run(), 20)


async def test_cancelling_waits_until_the_room_has_ended(said: "asyncio.Queue[str]") -> None:
    async with running(Restartable(Room("only", said))) as task:
        assert await take(said, 1) == ["only begins"]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert said.get_nowait() == "only ends"
