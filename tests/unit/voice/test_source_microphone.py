"""A microphone that is there and silent, and sound servers that are not, behind libpulse-simple and PortAudio."""

import ctypes
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from queue import SimpleQueue
from types import ModuleType
from typing import Any

import pytest

from edge_agent.model.device import Microphone
from edge_agent.model.errors import MicrophoneError
from edge_agent.model.events import Event, MicrophoneChanged, PhraseHeard
from edge_agent.voice import source_pulse
from edge_agent.voice.models import Model
from edge_agent.voice.recogniser import Recogniser, Wishes
from edge_agent.voice.source_microphone import MicrophoneSource

REFUSED, NO_SUCH_SOURCE = 6, 5
"""PA_ERR_CONNECTIONREFUSED and PA_ERR_NOENTITY of pulse/def.h."""
SOUND = b"\1\2" * 800


def recordings() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "microphone"]


class SoundServer:
    """libpulse-simple (pulse/simple.h) before a server whose microphone gives what is put into `sounds`.

    It hangs until it `answers`, and refuses everybody while it has a `reason`.
    """

    def __init__(self) -> None:
        self.sounds: SimpleQueue[bytes] = SimpleQueue()
        self.answers = threading.Event()
        self.answers.set()
        self.reason = 0
        self.asked = self.opened = self.freed = 0

    def pa_simple_new(self, *arguments: Any) -> int | None:
        self.asked += 1
        self.answers.wait()
        if self.reason:
            arguments[-1]._obj.value = self.reason
            return None
        self.opened += 1
        return self.opened

    def pa_simple_read(self, _handle: ctypes.c_void_p, block: Any, length: int, _error: Any) -> int:
        ctypes.memmove(block, self.sounds.get(), length)
        return 0

    def pa_simple_free(self, _handle: ctypes.c_void_p) -> None:
        self.freed += 1

    def let_go(self) -> None:
        """Let every recording that hangs end with a sample that nobody wants."""
        self.answers.set()
        for thread in recordings():
            while thread.is_alive():
                self.sounds.put(SOUND)
                thread.join(0.01)
        while not self.sounds.empty():
            self.sounds.get()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SoundServer]:
    server = SoundServer()
    monkeypatch.setattr(source_pulse, "_library", lambda: server)
    monkeypatch.setattr(source_pulse, "_words", "Its error {}".format)
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    yield server
    server.let_go()


def assert_it_records(microphone: MicrophoneSource) -> None:
    microphone.open()
    assert microphone.read() == SOUND
    microphone.close()


class OftenTried(MicrophoneSource):
    """A microphone that calls `seventh` before it is tried for the seventh time."""

    def __init__(self, seventh: Callable[[], None]) -> None:
        super().__init__()
        self._seventh = seventh
        self._tries = 0

    def open(self) -> None:
        self._tries += 1
        if self._tries == 7:
            self._seventh()
        super().open()


def test_a_microphone_that_hangs_is_lost_once_and_recorded_once_and_found_by_its_sound(
    server: SoundServer, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MicrophoneSource, "DEAF_AFTER_S", 0.0)
    left: list[int] = []

    def sounds_again() -> None:
        left.extend((server.opened, len(recordings())))
        server.let_go()
        monkeypatch.setattr(MicrophoneSource, "DEAF_AFTER_S", 60.0)
        for _ in range(100):
            server.sounds.put(SOUND)

    wishes, reported = Wishes(("stop",)), list[Event]()

    def report(event: MicrophoneChanged | PhraseHeard, _mutes: int) -> None:
        reported.append(event)
        if len(reported) == 2:
            wishes.stop()

    soon = timedelta(milliseconds=1)
    source = OftenTried(sounds_again)
    Recogniser(source, model, wishes, report, sensitivity=0.5, retry_min=soon, retry_max=soon).run()
    assert left == [1, 1], "of six tries"
    states = (Microphone.LOST, Microphone.LISTENING, Microphone.OFF)
    assert reported == [MicrophoneChanged(state) for state in states]


class PortAudio(ModuleType):
    """The module sounddevice with one microphone, which gives a block as soon as it starts where it `sounds`."""

    PortAudioError = RuntimeError
    sounds = False

    def __init__(self) -> None:
        super().__init__("sounddevice")
        self.open = 0

    def query_devices(self, *_: Any) -> dict[str, Any]:
        return {"index": 0, "default_samplerate": 48_000.0, "max_input_channels": 2}

    def RawInputStream(self, *, callback: Callable[..., None], **_: Any) -> "PortAudioStream":  # noqa: N802  its name
        self.open += 1
        return PortAudioStream(self, callback)

    def _terminate(self) -> None: ...

    def _initialize(self) -> None: ...


class PortAudioStream:
    """An open microphone."""

    active = True

    def __init__(self, module: PortAudio, callback: Callable[..., None]) -> None:
        self._module = module
        self._callback = callback

    def start(self) -> None:
        if self._module.sounds:
            for _ in range(2):
                self._callback(SOUND, 800, None, None)

    def close(self) -> None:
        self._module.open -= 1


def test_a_device_that_is_there_and_silent_is_found_by_its_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    portaudio = PortAudio()
    monkeypatch.setitem(sys.modules, "sounddevice", portaudio)
    monkeypatch.setattr(source_pulse, "_library", lambda: None)
    monkeypatch.setattr(MicrophoneSource, "DEAF_AFTER_S", 0.0)
    microphone = MicrophoneSource()
    microphone.open()
    with pytest.raises(MicrophoneError, match="gives no audio"):
        microphone.read()
    for _ in range(3):
        with pytest.raises(MicrophoneError, match="gives no audio"):
            microphone.open()
        assert portaudio.open == 0
    portaudio.sounds = True
    assert_it_records(microphone)
    portaudio.sounds = False
    microphone.open()  # as after a mute: it was not silent when it was closed
    microphone.close()


@pytest.mark.parametrize("reason", [REFUSED, NO_SUCH_SOURCE])
def test_a_sound_server_that_starts_later_is_waited_for_where_nothing_else_could_record(
    server: SoundServer, reason: int
) -> None:
    microphone = MicrophoneSource()
    server.reason = reason
    for _ in range(3):
        with pytest.raises(MicrophoneError, match=f"cannot be opened: Its error {reason}.") as caught:
            microphone.open()
        assert "sound server runs" in caught.value.for_person()
        microphone.close()
    assert recordings() == []
    server.reason = 0
    server.sounds.put(SOUND)
    assert_it_records(microphone)


def test_a_sound_server_that_refuses_is_passed_by_where_portaudio_is(
    server: SoundServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    portaudio = PortAudio()
    portaudio.sounds = True
    monkeypatch.setitem(sys.modules, "sounddevice", portaudio)
    server.reason = REFUSED
    microphone = MicrophoneSource()
    assert_it_records(microphone)


@pytest.mark.parametrize("portaudio", [None, PortAudio()], ids=["alone", "beside PortAudio"])
def test_a_sound_server_that_hangs_is_asked_once_and_keeps_nobody_waiting(
    server: SoundServer, monkeypatch: pytest.MonkeyPatch, portaudio: PortAudio | None
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", portaudio)
    monkeypatch.setattr(source_pulse, "ANSWERS_WITHIN_S", 0.01)
    server.answers.clear()
    microphone = MicrophoneSource()
    for words in ("does not answer", "gives no audio", "gives no audio"):
        with pytest.raises(MicrophoneError, match=words):
            microphone.open()
        microphone.close()
    (asking,) = recordings()
    server.answers.set()
    asking.join()
    assert (server.asked, server.opened, server.freed) == (1, 1, 1), "what it gives late is freed at once"
    monkeypatch.setattr(source_pulse, "ANSWERS_WITHIN_S", 60.0)
    server.sounds.put(SOUND)
    assert_it_records(microphone)


def test_the_librarys_own_server_that_hangs_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if source_pulse._library() is None:
        pytest.skip("libpulse-simple is not installed")
    monkeypatch.setattr(source_pulse, "ANSWERS_WITHIN_S", 0.01)
    monkeypatch.setenv("PULSE_SERVER", f"unix:{tmp_path}/native")
    microphone = MicrophoneSource()
    with socket.socket(socket.AF_UNIX) as hanging:
        hanging.bind(f"{tmp_path}/native")
        hanging.listen()
        with pytest.raises(MicrophoneError, match="does not answer"):
            microphone.open()
    for asking in recordings():
        asking.join()
    microphone.close()
