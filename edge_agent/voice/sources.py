"""Where audio comes from (shell: files, a FIFO, PortAudio). Every source gives 16 kHz mono s16le.

A source is used by one thread: `open`, then `read` again and again, then `close`. `read` waits for at most about
`WAIT_S`, so that whoever reads can also be told to stop. A source that fails raises MicrophoneError and may be
opened again. Where audio comes in faster than it is taken, a file and a FIFO wait; a microphone cannot, and drops
its oldest audio instead.
"""

import errno
import logging
import os
import queue
import select
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol

from edge_agent.model.errors import MicrophoneError, SettingsError, VoiceError
from edge_agent.voice.libvosk import RATE
from edge_agent.voice.wav import read_wav

WAIT_S: Final = 0.1
BLOCK_BYTES: Final = RATE // 20 * 2
SILENCE: Final = bytes(round(RATE * WAIT_S) * 2)

_log = logging.getLogger(__name__)


class AudioSource(Protocol):
    """One place that audio comes from. `is_over` tells a source that has ended for good from one that is idle."""

    @property
    def is_over(self) -> bool:
        """Whether nothing will ever come again."""
        ...

    def open(self) -> None:
        """Begin. Raise MicrophoneError when that is impossible now, VoiceError when it always will be."""
        ...

    def read(self) -> bytes:
        """Return the next audio, or nothing when none came within `WAIT_S`. Raise MicrophoneError when lost."""
        ...

    def close(self) -> None:
        """Let go of the device. Closing twice does no harm."""
        ...


def source_from(text: str) -> AudioSource | None:
    """Return the source that a setting names, or None for `off`. Raise SettingsError for anything else."""
    kind, _, rest = text.partition(":")
    match kind:
        case "off" if not rest:
            return None
        case "mic":
            return MicrophoneSource(rest)
        case "wav" if rest:
            return WavSource(Path(rest))
        case "pipe" if rest:
            return PipeSource(Path(rest))
        case "wyoming" | "wyoming-in" if rest:
            # These are built on this module, and devices without them need not load them.
            from edge_agent.voice.wyoming import Address  # noqa: PLC0415
            from edge_agent.voice.wyoming_source import WyomingDoor, WyomingSource  # noqa: PLC0415

            return (WyomingSource if kind == "wyoming" else WyomingDoor)(Address.parse(rest))
    raise SettingsError(
        f'"{text}" is no audio source.',
        "Use off, mic, mic:NAME, wav:PATH, pipe:PATH, wyoming:HOST:PORT or wyoming-in:HOST:PORT as voice.source.",
    )


class WavSource:
    """A WAV file, played once at the pace of a microphone and followed by a second of silence."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._audio = b""
        self._position = 0
        self._due_s = 0.0

    @property
    def is_over(self) -> bool:
        """Whether the file has been played."""
        return self._position >= len(self._audio)

    def open(self) -> None:
        """Read the file."""
        self._audio = read_wav(self._path) + bytes(2 * RATE)
        self._position = 0
        self._due_s = time.monotonic()

    def read(self) -> bytes:
        """Return the next twentieth of a second, when it is due."""
        block = self._audio[self._position : self._position + BLOCK_BYTES]
        self._position += len(block)
        self._due_s += len(block) / (2 * RATE)
        time.sleep(max(0.0, self._due_s - time.monotonic()))
        return block

    def close(self) -> None:
        """Forget the audio."""
        self._audio = b""


class PipeSource:
    """A FIFO that others write raw s16le mono 16 kHz into; it is made when missing. Writers come and go.

    A writer that stops counts as silence for `HUSH_S`, so that the end of what it said is recognised; after that
    the source is idle and costs nothing.
    """

    HUSH_S: Final = 2.0

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._odd = b""
        self._hush_left_s = 0.0

    @property
    def is_over(self) -> bool:
        """Return False: another writer may come."""
        return False

    def open(self) -> None:
        """Open the FIFO for reading and writing, so that it does not end when a writer leaves."""
        try:
            if not self._path.exists():
                os.mkfifo(self._path, 0o600)
            if not stat.S_ISFIFO(self._path.stat().st_mode):
                raise MicrophoneError(f"{self._path} is not a FIFO.", "Remove it, or name another path.")
            self._file = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise MicrophoneError(
                f"The FIFO {self._path} cannot be opened: {error.strerror}.", "Check its folder and permissions."
            ) from error
        self._odd = b""
        self._hush_left_s = 0.0

    def read(self) -> bytes:
        """Return what was written, silence for a while after it, or nothing."""
        if self._file is None:
            raise MicrophoneError(f"The FIFO {self._path} is not open.")
        ready, _, _ = select.select([self._file], [], [], WAIT_S)
        if ready:
            audio = self._odd + os.read(self._file, BLOCK_BYTES)
            self._odd = audio[len(audio) // 2 * 2 :]
            self._hush_left_s = self.HUSH_S
            return audio[: len(audio) // 2 * 2]
        self._check_it_is_still_there()
        if self._hush_left_s <= 0:
            return b""
        self._hush_left_s -= WAIT_S
        return SILENCE

    def close(self) -> None:
        """Close the FIFO and leave it for the writers."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _check_it_is_still_there(self) -> None:
        assert self._file is not None  # noqa: S101  read() has checked
        mine = os.fstat(self._file)
        try:
            there = self._path.stat()
        except OSError as error:
            raise MicrophoneError(f"The FIFO {self._path} was removed.", "It will be made again.") from error
        if (there.st_ino, there.st_dev) != (mine.st_ino, mine.st_dev):
            raise MicrophoneError(f"The FIFO {self._path} was replaced.", "It will be opened again.")


class MicrophoneSource:
    """A microphone of this machine, by a part of its name, or the default one. Needs the extra `mic`."""

    WAITING_BLOCKS: Final = 100
    """Five seconds: what may wait while the recogniser is busy before the oldest audio is dropped."""
    DEAF_AFTER_S: Final = 3.0

    def __init__(self, name: str = "") -> None:
        self._name = name
        self._stream: Any = None
        self._blocks: queue.Queue[bytes] = queue.Queue(self.WAITING_BLOCKS)
        self._dropped_blocks = 0
        self._silent_s = 0.0
        self._look_again = False

    @property
    def is_over(self) -> bool:
        """Return False: a microphone never ends."""
        return False

    def open(self) -> None:
        """Open the microphone."""
        sounddevice = _sounddevice()
        self._blocks = queue.Queue(self.WAITING_BLOCKS)
        self._silent_s = 0.0
        try:
            if self._look_again:
                # PortAudio looks for devices only when it starts: without this, one that was unplugged stays lost.
                sounddevice._terminate()  # noqa: SLF001  its maintainers' advice; there is no public name
                sounddevice._initialize()  # noqa: SLF001
            self._look_again = True
            self._stream = sounddevice.RawInputStream(
                samplerate=RATE,
                blocksize=BLOCK_BYTES // 2,
                device=self._name or None,
                channels=1,
                dtype="int16",
                callback=self._take,
            )
            self._stream.start()
        except (sounddevice.PortAudioError, ValueError) as error:
            self.close()
            raise MicrophoneError(
                f"The microphone {self._name or '(default)'} cannot be opened: {error}.",
                "Check that it is plugged in and that no other program uses it.",
            ) from error

    def read(self) -> bytes:
        """Return the oldest block that was recorded. A microphone that gives nothing for seconds is lost."""
        try:
            block = self._blocks.get(timeout=WAIT_S)
        except queue.Empty:
            self._silent_s += WAIT_S
            if self._silent_s > self.DEAF_AFTER_S or not self._stream.active:
                raise MicrophoneError(
                    f"The microphone {self._name or '(default)'} gives no more audio.", "Check that it is plugged in."
                ) from None
            return b""
        self._silent_s = 0.0
        if self._dropped_blocks and self._blocks.empty():
            _log.warning("Heard again after dropping %.1f s of audio: too busy.", self._dropped_blocks / 20)
            self._dropped_blocks = 0
        return block

    def close(self) -> None:
        """Stop recording and let go of the device."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def _take(self, recorded: Any, _frames: int, _time: Any, _status: Any) -> None:
        """Keep a block; called by PortAudio's thread, which must never wait."""
        while True:
            try:
                self._blocks.put_nowait(bytes(recorded))
            except queue.Full:
                if not self._dropped_blocks:
                    _log.warning("The recogniser is too slow: the oldest audio is being dropped.")
                self._dropped_blocks += 1
                with suppress(queue.Empty):  # the reader was quicker
                    self._blocks.get_nowait()
            else:
                return


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
