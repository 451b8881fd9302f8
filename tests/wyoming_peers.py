"""The other side of our Wyoming tests: the protocol's own package, on real sockets."""

import asyncio
import wave
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from wyoming.audio import AudioChunk, AudioStart, AudioStop, wav_to_chunks
from wyoming.client import AsyncClient
from wyoming.event import Event
from wyoming.server import AsyncEventHandler, AsyncServer

SPEECH = Path(__file__).parent / "speech"
PATIENCE_S = 20.0


def spoken(name: str, *, timestamp: int = 0) -> list[Event]:
    """Return a file as the messages of one who says it: audio-start, chunks with timestamps, audio-stop."""
    with wave.open(str(SPEECH / f"{name}.wav"), "rb") as file:
        said = wav_to_chunks(file, 1024, timestamp, start_event=True, stop_event=True)
        return [each.event() for each in said]


def chunks(pcm: bytes, *, rate: int = 16_000, width: int = 2, channels: int = 1) -> Iterable[Event]:
    """Yield audio as chunks of a tenth of a second."""
    size = rate // 10 * width * channels
    for start in range(0, len(pcm), size):
        yield AudioChunk(rate=rate, width=width, channels=channels, audio=pcm[start : start + size]).event()


START = AudioStart(rate=16_000, width=2, channels=1).event()
STOP = AudioStop().event()


async def tell(client: AsyncClient, *events: Event) -> None:
    """Send all of these."""
    for event in events:
        await client.write_event(event)


async def answer(client: AsyncClient) -> Event:
    """Return the next message from the other side."""
    event = await asyncio.wait_for(client.read_event(), PATIENCE_S)
    assert event is not None, "the other side has left"
    return event


async def answers_to_the_end(client: AsyncClient) -> list[Event]:
    """Return all messages until the other side leaves."""
    events = []
    while (event := await asyncio.wait_for(client.read_event(), PATIENCE_S)) is not None:
        events.append(event)
    return events


class Microphone:
    """A microphone service or a satellite, made of the package's own server: it sends `sends` when it should."""

    def __init__(self, path: Path, introduction: Event | None, *, waits_to_run: bool) -> None:
        self.uri = f"unix://{path}"
        self.introduction = introduction
        self.waits_to_run = waits_to_run
        self.told: list[Event] = []
        self.came: asyncio.Queue[AsyncEventHandler] = asyncio.Queue()
        self.left: asyncio.Queue[AsyncEventHandler] = asyncio.Queue()
        self._server = AsyncServer.from_uri(self.uri)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve for as long as the context lasts."""
        microphone = self

        class Handler(AsyncEventHandler):
            def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                super().__init__(reader, writer)
                if not microphone.waits_to_run:
                    microphone.came.put_nowait(self)

            async def handle_event(self, event: Event) -> bool:
                microphone.told.append(event)
                if event.type == "describe" and microphone.introduction is not None:
                    await self.write_event(microphone.introduction)
                if event.type == "run-satellite" and microphone.waits_to_run:
                    microphone.came.put_nowait(self)
                return True

            async def disconnect(self) -> None:
                microphone.left.put_nowait(self)

        await self._server.start(Handler)
        try:
            yield
        finally:
            await self._server.stop()
