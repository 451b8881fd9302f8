"""A microphone of this machine: of the sound server, else of ALSA by PortAudio (shell: native code and its threads).

The sound server, PulseAudio or PipeWire, converts to 16 kHz mono itself. Where there is none, PortAudio (the extra
`mic`) opens the device; one that refuses our format is opened in its own and converted here.
"""

import errno
from typing import Any, Final

from edge_agent.model.errors import MicrophoneError, VoiceError
from edge_agent.voice.backlog import Backlog
from edge_agent.voice.conversion import Converter
from edge_agent.voice.libvosk import RATE
from edge_agent.voice.source_pulse import PulseError, PulseMissingError, PulseRecording
from edge_agent.voice.sources import WAIT_S

_BLOCKS_A_SECOND: Final = 20
_INVALID_CHANNELS: Final = -9998
_INVALID_RATE: Final = -9997
"""paInvalidChannelCount and paInvalidSampleRate of portaudio.h."""


class MicrophoneSource:
    """The microphone of this name, or the default one. PortAudio takes a part of a name, the sound server all of it.

    One that was the sound server's is not looked for elsewhere while the server is gone: taking its device from it
    would keep it from coming back.

    One that is there and gives nothing is not opened again while its recording hangs: each try would leave a thread
    and a connection behind, until the server refuses every program. It is found again by its sound alone.
    """

    DEAF_AFTER_S: Final = 3.0

    def __init__(self, name: str = "") -> None:
        self._name = name
        self._stream: Any = None
        self._recording: PulseRecording | None = None
        self._is_the_servers = False
        self._backlog = Backlog()
        self._converter = Converter(RATE)
        self._silent_s = 0.0
        self._was_silent = False
        self._look_again = False

    @property
    def is_over(self) -> bool:
        """Return False: a microphone never ends."""
        return False

    def open(self) -> None:
        """Open the microphone, and hear it first where it was silent when it was lost."""
        self.close()
        if self._recording is not None:
            raise self._silent()
        self._backlog = Backlog()
        self._silent_s = 0.0
        try:
            self._recording = PulseRecording(self._name, self._backlog)
            self._recording.wait()
            self._is_the_servers = True
        except PulseError as error:
            self.close()
            self._open_without_the_server(error)
        if self._was_silent:
            if not self._backlog.take(self.DEAF_AFTER_S):  # what is taken here is too short to be missed
                self.close()
                raise self._silent()
            self._was_silent = False

    def _open_without_the_server(self, why: PulseError) -> None:
        if self._is_the_servers or self._recording is not None:  # a server that hangs may well keep ALSA's devices
            raise self._unserved(why) from why
        try:
            sounddevice = _sounddevice()
        except VoiceError:
            if isinstance(why, PulseMissingError):
                raise
            # Nobody else could have it: the server may start yet, and the microphone be plugged in.
            raise self._unserved(why) from why
        self._open_by_portaudio(sounddevice)

    def _open_by_portaudio(self, sounddevice: Any) -> None:
        try:
            if self._look_again:
                # PortAudio looks for devices only when it starts: without this, one that was unplugged stays lost.
                sounddevice._terminate()  # noqa: SLF001  its maintainers' advice; there is no public name
                sounddevice._initialize()  # noqa: SLF001
            self._look_again = True
            self._start(sounddevice, sounddevice.query_devices(self._name or None, "input"))
        except (sounddevice.PortAudioError, ValueError) as error:
            self.close()
            raise self._unopened(error) from error

    def _unserved(self, why: PulseError) -> MicrophoneError:
        return self._unopened(why, "Check that the sound server runs and knows it (pactl list short sources).")

    def _unopened(
        self, error: Exception, advice: str = "Check that it is plugged in and that no other program uses it."
    ) -> MicrophoneError:
        return MicrophoneError(f"The microphone {self._name or '(default)'} cannot be opened: {error}.", advice)

    def read(self, gather_s: float = 0.0) -> bytes:
        """Return the oldest audio that was recorded. A microphone that gives nothing for seconds is lost."""
        block = self._backlog.take(WAIT_S + gather_s, gather_s)
        if block:
            self._silent_s = 0.0
            return block
        self._silent_s += WAIT_S + gather_s
        if self._silent_s > self.DEAF_AFTER_S or not self._is_running():
            self._was_silent = self._is_running()
            self.close()  # at once, not when it is tried again
            raise self._silent()
        return b""

    def _silent(self) -> MicrophoneError:
        return MicrophoneError(
            f"The microphone {self._name or '(default)'} gives no audio.",
            "Check that it is plugged in and not suspended.",
        )

    def close(self) -> None:
        """Stop recording and let go of the device, or of one that hangs as soon as it can be."""
        if self._recording is not None and self._recording.close():
            self._recording = None
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def _is_running(self) -> bool:
        if self._recording is not None:
            return not self._recording.ended
        return self._stream is not None and self._stream.active

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
