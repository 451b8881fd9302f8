"""A microphone of this machine, through PortAudio (shell: native code, and its thread). Needs the extra `mic`.

PortAudio asks ALSA, and ALSA's plugins the sound server (PulseAudio, PipeWire). Those convert to 16 kHz mono by
themselves; a raw device that refuses is opened as it is and converted here.
"""

import errno
import os
from typing import Any, Final

from edge_agent.model.errors import MicrophoneError, VoiceError
from edge_agent.voice.backlog import Backlog
from edge_agent.voice.conversion import Converter
from edge_agent.voice.libvosk import RATE
from edge_agent.voice.sources import WAIT_S

_BLOCKS_A_SECOND: Final = 20
_INVALID_CHANNELS: Final = -9998
_INVALID_RATE: Final = -9997
"""paInvalidChannelCount and paInvalidSampleRate of portaudio.h."""

_SERVERS: Final = ("pulse", "pipewire")
"""What ALSA calls the sound servers."""


class MicrophoneSource:
    """The microphone with this in its name, or the default one.

    A name that ALSA does not know is given to the sound server, as the name of one of its sources.
    """

    DEAF_AFTER_S: Final = 3.0

    def __init__(self, name: str = "") -> None:
        self._name = name
        self._stream: Any = None
        self._backlog = Backlog()
        self._converter = Converter(RATE)
        self._silent_s = 0.0
        self._look_again = False

    @property
    def is_over(self) -> bool:
        """Return False: a microphone never ends."""
        return False

    def open(self) -> None:
        """Open the microphone."""
        sounddevice = _sounddevice()
        self.close()
        self._backlog = Backlog()
        self._silent_s = 0.0
        try:
            if self._look_again:
                # PortAudio looks for devices only when it starts: without this, one that was unplugged stays lost.
                sounddevice._terminate()  # noqa: SLF001  its maintainers' advice; there is no public name
                sounddevice._initialize()  # noqa: SLF001
            self._look_again = True
            self._start(sounddevice, self._device(sounddevice))
        except (sounddevice.PortAudioError, ValueError) as error:
            self.close()
            raise MicrophoneError(
                f"The microphone {self._name or '(default)'} cannot be opened: {error}.",
                "Check that it is plugged in and that no other program uses it.",
            ) from error

    def read(self) -> bytes:
        """Return the oldest audio that was recorded. A microphone that gives nothing for seconds is lost."""
        block = self._backlog.take(WAIT_S)
        if block:
            self._silent_s = 0.0
            return block
        self._silent_s += WAIT_S
        if self._stream is None or not self._stream.active or self._silent_s > self.DEAF_AFTER_S:
            raise MicrophoneError(
                f"The microphone {self._name or '(default)'} gives no more audio.", "Check that it is plugged in."
            )
        return b""

    def close(self) -> None:
        """Stop recording and let go of the device."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def _device(self, sounddevice: Any) -> dict[str, Any]:
        """Return PortAudio's description of the device; raise ValueError when there is none."""
        os.environ.pop("PULSE_SOURCE", None)
        try:
            found: dict[str, Any] = sounddevice.query_devices(self._name or None, "input")
        except ValueError:
            servers = [each for each in sounddevice.query_devices() if each["name"] in _SERVERS]
            if not servers:
                raise
            os.environ["PULSE_SOURCE"] = self._name  # read by libpulse when it connects (pulse-client.conf(5))
            found = servers[0]
        return found

    def _start(self, sounddevice: Any, device: dict[str, Any]) -> None:
        try:
            self._record(sounddevice, device["index"], RATE, 1)
        except sounddevice.PortAudioError as error:
            if len(error.args) < 2 or error.args[1] not in {_INVALID_CHANNELS, _INVALID_RATE}:  # noqa: PLR2004
                raise
            self._record(
                sounddevice, device["index"], int(device["default_samplerate"]), device["max_input_channels"]
            )

    def _record(self, sounddevice: Any, index: int, rate: int, channels: int) -> None:
        self._converter = Converter(rate, channels)
        self._stream = sounddevice.RawInputStream(
            samplerate=rate,
            blocksize=rate // _BLOCKS_A_SECOND,
            device=index,
            channels=channels,
            dtype="int16",
            callback=self._take,
        )
        self._stream.start()

    def _take(self, recorded: Any, _frames: int, _time: Any, _status: Any) -> None:
        """Keep a block; called by PortAudio's thread, which must never wait."""
        self._backlog.add(self._converter.convert(bytes(recorded)))


def _sounddevice() -> Any:
    try:
        import sounddevice  # noqa: PLC0415  an optional extra, and PortAudio opens sound devices when loaded
    except ImportError as error:
        raise VoiceError(
            "Listening to a microphone needs the package sounddevice.", "Run: pip install 'edge-agent[mic]'."
        ) from error
    except OSError as error:
        code = errno.errorcode.get(error.errno or 0, str(error))
        raise VoiceError(
            f"The PortAudio library is missing or broken: {code}.", "Run: apt-get install libportaudio2."
        ) from error
    return sounddevice
