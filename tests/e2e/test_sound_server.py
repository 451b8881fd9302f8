"""A microphone of a real sound server: every rate, unplugged, seized, restarted; each time it is heard again.

A PulseAudio daemon of the test's own, in a folder of its own, with a null sink: what is played into it is heard at
its monitor, as in a room.
"""

import asyncio
import logging
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from edge_agent.model.device import Microphone
from edge_agent.model.events import Event, MicrophoneChanged, PhraseHeard
from edge_agent.settings.rooms import VoiceSettings
from edge_agent.voice.ear import Ear

SPEECH = Path(__file__).parents[1] / "speech"
LISTENING = MicrophoneChanged(Microphone.LISTENING)
MUTED = MicrophoneChanged(Microphone.MUTED)
LOST = MicrophoneChanged(Microphone.LOST)
QUICK = timedelta(milliseconds=200)

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

for program in ("pulseaudio", "pactl", "paplay"):
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed", allow_module_level=True)


class SoundServer:
    """A daemon that listens at a socket in `folder`, and nowhere else."""

    def __init__(self, folder: Path) -> None:
        self.address = f"unix:{folder / 'native'}"
        self.environment = {
            "HOME": str(folder),
            "PATH": os.environ["PATH"],
            "PULSE_RUNTIME_PATH": str(folder / "runtime"),
            "PULSE_STATE_PATH": str(folder / "state"),
            "PULSE_SERVER": self.address,
            "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere",
            "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nowhere",
        }
        self._log = folder / "log"
        self._daemon: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Return when it answers."""
        daemon = self._spawn()
        while not self._answers():
            if daemon.poll() is not None:
                pytest.skip(f"pulseaudio does not run here: {self._log.read_text(errors='replace')[-300:]}")
            await asyncio.sleep(0.05)

    def _spawn(self) -> subprocess.Popen[bytes]:
        listen = f"module-native-protocol-unix socket={self.address.removeprefix('unix:')} auth-anonymous=1"
        with self._log.open("ab") as log:
            self._daemon = subprocess.Popen(
                ["pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "-L", listen],
                env={**self.environment, "PULSE_SERVER": ""},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self._daemon

    def _answers(self) -> bool:
        asked = subprocess.run(["pactl", "info"], env=self.environment, capture_output=True, check=False)
        return asked.returncode == 0

    def kill(self) -> None:
        if self._daemon is not None:
            self._daemon.kill()
            self._daemon.wait()

    def tell(self, *words: str) -> str:
        done = subprocess.run(["pactl", *words], env=self.environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def plug_in(self, rate: int, channels: int = 2) -> str:
        """Return the module's number, to unplug it by."""
        return self.tell("load-module", "module-null-sink", "sink_name=desk", f"rate={rate}", f"channels={channels}")

    async def say(self, name: str) -> None:
        """Play a recording into the room."""
        player = await asyncio.create_subprocess_exec(
            "paplay", "--device=desk", str(SPEECH / f"{name}.wav"), env=self.environment
        )
        assert await player.wait() == 0


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SoundServer]:
    server = SoundServer(tmp_path)
    await server.start()
    monkeypatch.setenv("PULSE_SERVER", server.address)
    monkeypatch.setenv("HOME", str(tmp_path))
    try:
        yield server
    finally:
        server.kill()


class Home:
    """An ear that listens to a microphone of the server, and what it emitted."""

    def __init__(self, source: str) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.ear = Ear(
            VoiceSettings(source=source), self.events.put_nowait, phrases=("hey kitchen",), retry_min=QUICK
        )

    async def next(self) -> Event:
        return await asyncio.wait_for(self.events.get(), 90)  # a retry may be half a minute away

    async def listens(self, server: SoundServer) -> None:
        """Wait until it says that it listens, and see that it does."""
        assert await self.next() == LISTENING
        await server.say("hey-kitchen-rms")
        event = await self.next()
        assert isinstance(event, PhraseHeard), event
        assert event.phrase == "hey kitchen"


@asynccontextmanager
async def listening(source: str) -> AsyncIterator[Home]:
    home = Home(source)
    running = asyncio.create_task(home.ear.run())
    try:
        yield home
    finally:
        running.cancel()
        await asyncio.wait([running])


@pytest.mark.parametrize("rate", [44_100, 48_000])
async def test_a_phrase_is_heard_from_a_source_of_the_sound_server_by_its_name(
    server: SoundServer, rate: int
) -> None:
    server.plug_in(rate)
    async with listening("mic:desk.monitor") as home:
        await home.listens(server)


async def test_one_that_is_unplugged_is_lost_once_and_heard_again_at_another_rate(
    server: SoundServer, caplog: pytest.LogCaptureFixture
) -> None:
    module = server.plug_in(48_000)
    async with listening("mic:desk.monitor") as home:
        assert await home.next() == LISTENING
        server.tell("unload-module", module)
        assert await home.next() == LOST
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(home.events.get(), 1)  # tries that must stay silent
        server.plug_in(44_100, channels=1)
        await home.listens(server)
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 2, warnings


async def test_one_that_is_not_there_yet_is_lost_and_heard_when_it_comes(server: SoundServer) -> None:
    async with listening("mic:desk.monitor") as home:
        assert await home.next() == LOST
        server.plug_in(48_000)
        await home.listens(server)


async def test_when_the_sound_server_dies_and_starts_again_the_default_microphone_is_heard_again(
    server: SoundServer,
) -> None:
    server.plug_in(48_000)
    async with listening("mic") as home:
        await home.listens(server)
        server.kill()
        assert await home.next() == LOST
        await server.start()
        server.plug_in(44_100)
        await home.listens(server)


async def test_while_muted_nothing_records_from_the_sound_server(server: SoundServer) -> None:
    server.plug_in(48_000)
    async with listening("mic:desk.monitor") as home:
        assert await home.next() == LISTENING
        assert server.tell("list", "short", "source-outputs")
        home.ear.mute(on=True)
        assert await home.next() == MUTED
        await server.say("hey-kitchen-rms")
        assert server.tell("list", "short", "source-outputs") == ""
        home.ear.mute(on=False)
        await home.listens(server)
        assert home.events.empty()
