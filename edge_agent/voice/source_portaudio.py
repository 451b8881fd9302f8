"""A recording from ALSA by PortAudio, the extra `mic` (shell: native code and its thread).

For machines without a sound server. A device that refuses our format is opened in its own and converted here.
"""

import errno
import sys
from typing import Any, Final

from edge_agent.model.errors import VoiceError
from edge_agent.voice.backlog import Backlog
from edge_agent.voice.conversion import Converter
from edge_agent.voice.libvosk import RATE

_BLOCKS_A_SECOND: Final = 20
_INVALID_CHANNELS: Final = -9998
_INVALID_RATE: Final = -9997
"""paInvalidChannelCount and paInvalidSampleRate of portaudio.h."""


class PortAudioError(Exception):
    """There is no such device, or it cannot be opened; PortAudio's own words."""


class PortAudioMissingError(VoiceError):
    """PortAudio is not installed, or broken."""


class PortAudioRecording:
    """What one device records from now on, into a backlog: the one of this part of a name, or the default one.

    Raise PortAudioError where it cannot be opened, PortAudioMissingError without PortAudio.
    """

    def __init__(self, name: str, backlog: Backlog) -> None:
        has_looked = "sounddevice" in sys.modules
        library = _sounddevice()
        self._backlog = backlog
        self._converter = Converter(RATE)
        self._stream: Any = None
        try:
            if has_looked:
                # PortAudio looks for devices only when it starts: without this, one that was unplugged stays lost.
                library._terminate()  # noqa: SLF001  its maintainers' advice; there is no public name
                library._initialize()  # noqa: SLF001
            self._start(library, library.query_devices(name or None, "input"))
        except (library.PortAudioError, ValueError) as error:
            self.close()
            raise PortAudioError(str(error)) from error

    @property
    def ended(self) -> bool:
        """Whether there will be no more audio."""
        return not self._stream.active

    def close(self) -> bool:
        """End the recording; return True: it has ended."""
        if self._stream is not None:
            self._stream.close()
        return True

    def _start(self, library: Any, device: dict[str, Any]) -> None:
        try:
            self._record(library, device["index"], RATE, 1)
        except library.PortAudioError as error:
            if len(error.args) < 2 or error.args[1] not in {_INVALID_CHANNELS, _INVALID_RATE}:  # noqa: PLR2004
                raise
            self._record(library, device["index"], int(device["default_samplerate"]), device["max_input_channels"])

    def _record(self, library: Any, index: int, rate: int, channels: int) -> None:
        self._converter = Converter(rate, channels)
        self._stream = library.RawInputStream(
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
        raise PortAudioMissingError(
            "Listening to a microphone needs the package sounddevice.", "Run: pip install 'edge-agent[mic]'."
        ) from error
    except OSError as error:
        code = errno.errorcode.get(error.errno or 0, str(error))
        raise PortAudioMissingError(
            f"The PortAudio library is missing or broken: {code}.", "Run: apt-get install libportaudio2."
        ) from error
    return sounddevice
