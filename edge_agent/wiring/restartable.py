"""A room that can be put in another's place while the agent runs (shell: tasks)."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Generic, Protocol, TypeVar


class Room(Protocol):
    """Anything that runs until it is cancelled."""

    def run(self) -> Coroutine[Any, Any, None]:
        """Run until cancelled; an exception is a bug and ends the agent."""
        ...


RoomType = TypeVar("RoomType", bound=Room)


class Restartable(Generic[RoomType]):
    """Runs `room`, and after each `replace` the new one instead. The old one has ended before the new one begins."""

    def __init__(self, room: RoomType) -> None:
        self.room = room
        self._replaced = asyncio.Event()

    def replace(self, room: RoomType) -> None:
        """Use `room` from now on."""
        self.room = room
        self._replaced.set()

    async def run(self) -> None:
        """Run the present room until cancelled. A room that ends by itself has nothing to do until it is replaced."""
        while True:
            self._replaced.clear()
            running = asyncio.create_task(self.room.run())
            replaced = asyncio.create_task(self._replaced.wait())
            try:
                await asyncio.wait({running, replaced}, return_when=asyncio.FIRST_COMPLETED)
                if running.done():
                    running.result()
                    await replaced
            finally:
                running.cancel()
                replaced.cancel()
                await asyncio.gather(running, replaced, return_exceptions=True)
