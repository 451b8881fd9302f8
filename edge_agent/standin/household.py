"""A virtual device as a real process (shell: subprocess, sockets, pipes): started, spoken to, watched and stopped."""

import asyncio
import json
import os
import sys
import wave
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

import aiohttp

from edge_agent.model.errors import EdgeAgentError

Message = dict[str, Any]

RATE: Final = 16_000
BLOCK_S: Final = 0.1
TRAILING_SILENCE_S: Final = 1.0
AHEAD_S: Final = 0.5
"""How far what is said may be ahead in the microphone's pipe: a late block would be a hole in a word."""
START_S: Final = 30.0
EXPECT_S: Final = 20.0


class DemoError(EdgeAgentError):
    """A virtual device did not do what the day asks of it."""


@dataclass(frozen=True, slots=True)
class DeviceSpec:
    """One device of the home. `listens` gives it a microphone: a pipe that `speak` talks into."""

    name: str
    profile: str
    kind: Literal["tv", "speaker", "fridge"]
    listens: bool = False


class Device:
    """One agent process with its pipes. `messages` is everything its live feed said since it was first watched."""

    def __init__(self, spec: DeviceSpec, folder: Path) -> None:
        self.spec = spec
        self.folder = folder
        self.runtime = folder / "runtime"
        self.messages: list[Message] = []
        self._grew = asyncio.Condition()
        self._process: asyncio.subprocess.Process | None = None
        self._session: aiohttp.ClientSession | None = None
        self._watching: asyncio.Task[None] | None = None

    @property
    def socket(self) -> Path:
        """The agent's Unix socket."""
        return self.runtime / "agent.sock"

    @property
    def config(self) -> Path:
        """The agent's configuration file."""
        return self.folder / "agent.toml"

    @property
    def command(self) -> tuple[str, ...]:
        """What starts the agent."""
        return (sys.executable, "-m", "edge_agent", "run", "--config", str(self.config))

    def configure(self, *, broker_port: int, root_json: bytes, timezone: str, debug_port: int) -> None:
        """Write agent.toml, the trusted root and the microphone's pipe."""
        self.runtime.mkdir(parents=True, exist_ok=True)
        (self.folder / "root.json").write_bytes(root_json)
        microphone = self.runtime / "microphone"
        source = f"pipe:{microphone}" if self.spec.listens else "off"
        os.mkfifo(self.runtime / "bus", 0o600)  # now, so that whoever writes first waits for the hook that reads
        if self.spec.listens:
            os.mkfifo(microphone, 0o600)
        self.config.write_text(
            f'profile = "{self.spec.profile}"\n'
            f'device_id = "{self.spec.name}"\n'
            f'timezone = "{timezone}"\n'
            'runtime_directory = "runtime"\n'
            f"[mqtt]\nport = {broker_port}\nreconnect_min = 0.2\nreconnect_max = 2\n"
            '[packs]\nroot_json = "root.json"\n'
            f'[voice]\nsource = "{source}"\n'
            f'[debug]\nport = {debug_port}\ntoken_file = "token"\n'
            "[measure]\nsend_spread = 1\n",
            encoding="utf-8",
        )

    async def start(self) -> None:
        """Start the agent; return when it answers and is watched. Raises DemoError with its last words when not."""
        with (self.folder / "agent.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(*self.command, stdout=log, stderr=log)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(str(self.socket)), timeout=aiohttp.ClientTimeout(total=None)
        )
        try:
            async with asyncio.timeout(START_S):
                while not await self._answers():
                    await self._paused_unless_dead()
        except TimeoutError:
            raise DemoError(f"The agent {self.spec.name} did not start.", self._last_words()) from None
        self._watching = asyncio.create_task(self._watch(), name=f"watch {self.spec.name}")
        await self.expect("its feed", lambda message: message["type"] == "snapshot", 0)

    async def _answers(self) -> bool:
        try:
            return bool((await self.get("/health"))["status"] != "starting")
        except (aiohttp.ClientError, OSError):
            return False

    async def _paused_unless_dead(self) -> None:
        """Wait a moment for the agent to come up, or learn that it never will: no event tells of a socket's birth."""
        if self._process is None:
            raise RuntimeError("the device was not started")
        await asyncio.sleep(0.05)
        if self._process.returncode is not None:
            raise DemoError(f"The agent {self.spec.name} stopped at its start.", self._last_words())

    def _last_words(self) -> str:
        lines = (self.folder / "agent.log").read_text("utf-8", "replace").splitlines()
        return lines[-1] if lines else ""

    async def stop(self) -> None:
        """Stop the agent; SIGTERM first, as systemd does."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), 5)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()

    # --- its endpoint ------------------------------------------------------------------------------------------

    async def get(self, path: str) -> Any:
        """Return the JSON of one of its endpoint's addresses."""
        async with self._there().get(f"http://agent{path}") as response:
            return await response.json()

    async def post(self, path: str, body: Message) -> Any:
        """Act through its endpoint; DemoError when it refuses."""
        async with self._there().post(f"http://agent{path}", json=body) as response:
            answer = await response.json()
            if response.status >= 400:  # noqa: PLR2004  HTTP's own number
                raise DemoError(f"{self.spec.name} refused {path}: {answer}.")
            return answer

    def _there(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the device was not started")
        return self._session

    async def _watch(self) -> None:
        async for message in self._live():
            async with self._grew:
                self.messages.append(message)
                self._grew.notify_all()

    async def _live(self) -> AsyncIterator[Message]:
        async with self._there().get("http://agent/v1/events") as response:
            async for line in response.content:
                if line.startswith(b"data:"):
                    yield json.loads(line[5:])

    @property
    def mark(self) -> int:
        """Where the feed is now; `expect` looks from a mark on."""
        return len(self.messages)

    async def expect(self, what: str, wanted: Callable[[Message], bool], since: int) -> Message:
        """Return the first message from `since` on that is `wanted`. DemoError says that `what` did not happen."""
        async with self._grew:
            try:
                async with asyncio.timeout(EXPECT_S):
                    while True:
                        for message in self.messages[since:]:
                            if wanted(message):
                                return message
                        await self._grew.wait()
            except TimeoutError:
                next_step = "Run it again, with less else to do for this machine; otherwise its log may say why."
                raise DemoError(
                    f"{self.spec.name}: {what} did not happen within {EXPECT_S:g} s.",
                    f"{next_step} It ends: {self._last_words()}",
                ) from None

    # --- its surroundings --------------------------------------------------------------------------------------

    async def set_clock(self, now: datetime) -> None:
        """Make it that time for this device."""
        await self.post("/v1/standin/clock", {"now": now.isoformat()})

    async def bus(self, line: Message) -> None:
        """Let something happen on the device itself: its watch hook reports it."""
        await asyncio.to_thread(_write_line, self.runtime / "bus", json.dumps(line))

    async def speak(self, recording: Path) -> None:
        """Say a recording in front of its microphone, in real time, then be quiet for a second."""
        audio = _read_speech(recording) + bytes(int(TRAILING_SILENCE_S * RATE) * 2)
        size = int(BLOCK_S * RATE) * 2
        descriptor = await asyncio.to_thread(os.open, self.runtime / "microphone", os.O_WRONLY)
        try:
            begin = asyncio.get_running_loop().time()
            for number, start in enumerate(range(0, len(audio), size)):
                await asyncio.to_thread(os.write, descriptor, audio[start : start + size])
                due = begin + (number + 1) * BLOCK_S - AHEAD_S
                await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
        finally:
            os.close(descriptor)


def _write_line(path: Path, line: str) -> None:
    with path.open("w", encoding="utf-8") as bus:
        bus.write(line + "\n")


def _read_speech(path: Path) -> bytes:
    with wave.open(str(path), "rb") as sound:
        if (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) != (RATE, 1, 2):
            raise DemoError(f"{path.name} is not 16 kHz mono speech.", "Install the package again.")
        return sound.readframes(sound.getnframes())
