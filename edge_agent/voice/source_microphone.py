"""A microphone of this machine: the sound server's (`source_pulse`), else one of ALSA (`source_portaudio`)."""

from typing import Final

from edge_agent.model.errors import MicrophoneError
from edge_agent.voice.backlog import Backlog
from edge_agent.voice.source_portaudio import PortAudioError, PortAudioMissingError, PortAudioRecording
from edge_agent.voice.source_pulse import PulseError, PulseMissingError, PulseRecording
from edge_agent.voice.sources import WAIT_S


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
        self._recording: PulseRecording | PortAudioRecording | None = None
        self._is_the_servers = False
        self._backlog = Backlog()
        self._silent_s = 0.0
        self._was_silent = False

    @property
    def is_over(self) -> bool:
        """Return False: a microphone never ends."""
        return False

    @property
    def dropped_s(self) -> float:
        """How much audio was dropped since it was opened."""
        return self._backlog.dropped_s

    def open(self) -> None:
        """Open the microphone, and hear it first where it was silent when it was lost."""
        self.close()
        if self._recording is not None:
            raise self._silent()
        self._backlog = Backlog()
        self._silent_s = 0.0
        try:
            asked = self._recording = PulseRecording(self._name, self._backlog)
            asked.wait()
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
            self._recording = PortAudioRecording(self._name, self._backlog)
        except PortAudioError as error:
            raise self._unopened(error) from error
        except PortAudioMissingError:
            if isinstance(why, PulseMissingError):
                raise
            # Nobody else could have it: the server may start yet, and the microphone be plugged in.
            raise self._unserved(why) from why

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
        is_running = self._recording is not None and not self._recording.ended
        if self._silent_s > self.DEAF_AFTER_S or not is_running:
            self._was_silent = is_running
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
