"""Raw audio that another program writes: into a FIFO, or into our standard input (shell: descriptors).

What is written ahead of time, like a file, waits in the pipe until it is taken, and its writer waits with it. What is
written at the pace of a microphone is live: when decoding falls behind it by more than `KEPT_S`, the oldest is
dropped, because the writer's own microphone would lose the newest instead.
"""

import fcntl
import os
import select
import stat
import struct
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from edge_agent.model.errors import MicrophoneError
from edge_agent.voice.backlog import KEPT_S, Dropping
from edge_agent.voice.conversion import Converter
from edge_agent.voice.libvosk import RATE
from edge_agent.voice.sources import LATE_S, SILENCE, WAIT_S, RawFormat

_BLOCK_S: Final = 0.05
_AHEAD_S: Final = 1.0
"""A writer that was never this far ahead of the clock is live."""

_PIPE_BYTES: Final = 2**20
"""What Linux lets everybody ask for: what a busy decoder is behind by waits there."""


@contextmanager
def _reading() -> Iterator[None]:
    """Raise MicrophoneError for what cannot be read, and BlockingIOError where nothing is there any more."""
    try:
        yield
    except BlockingIOError:
        raise
    except OSError as error:
        raise MicrophoneError(f"Audio cannot be read: {error.strerror}.", "Check what writes it.") from error


class _Inflow:
    """A descriptor that raw audio comes out of, one block after another. One that fails raises MicrophoneError."""

    def __init__(self, descriptor: int, raw: RawFormat) -> None:
        self.descriptor = descriptor
        self._raw = raw
        self._converter = Converter(raw.rate, raw.channels)
        self._dropping = Dropping()
        self._block_bytes = self._wanted_bytes = round(_BLOCK_S * raw.rate) * 2 * raw.channels
        self._is_pipe = stat.S_ISFIFO(os.fstat(descriptor).st_mode)
        self._began_s = 0.0
        self._came_bytes = 0
        self.dropped_s = 0.0
        """How much was dropped before what was taken last."""
        if self._is_pipe and sys.platform == "linux":
            with suppress(OSError):
                fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def wait(self, gather_s: float) -> bool:
        """Wait until there is a block, or less of it than that after its time; return whether there is anything."""
        self._wanted_bytes = max(self._block_bytes, round(gather_s * self._raw.rate) * 2 * self._raw.channels)
        with _reading():
            # Where somebody writes, waiting for a first piece would cost a turn more.
            if self._is_pipe and self._came_bytes:
                self._wait_for_the_rest()
            ready, _, _ = select.select([self.descriptor], [], [], WAIT_S)
            if ready and self._is_pipe and not self._came_bytes:
                self._wait_for_the_rest()
            return bool(ready)

    def take(self) -> bytes | None:
        """Return that block as 16 kHz mono, after what must be dropped before it; None at the end."""
        with suppress(BlockingIOError), _reading():
            self._drop_the_oldest()
            block = os.read(self.descriptor, self._wanted_bytes)
            self._came_bytes += len(block)
            return self._converter.convert(block) if block else None
        return b""  # somebody else reads here as well, and was quicker

    def pause(self) -> None:
        """Note that nothing came for a while: whoever writes next is judged anew."""
        self._came_bytes = 0

    def writer_left(self) -> None:
        """Note that whoever writes next is another: what the last one left of a frame is not its beginning."""
        self.pause()
        self._converter.drop_half_a_frame()

    def forget(self) -> None:
        """Throw away what was written so far, but for half a frame: its rest is still to come."""
        with suppress(BlockingIOError), _reading():
            while self._is_pipe and (whole_bytes := self._whole_frames(self._waiting_bytes())):
                os.read(self.descriptor, whole_bytes)

    def _wait_for_the_rest(self) -> None:
        missing_bytes = self._wanted_bytes - self._waiting_bytes()
        if missing_bytes > 0:
            time.sleep(missing_bytes / self._raw.bytes_a_second)

    def _drop_the_oldest(self) -> None:
        now_s = time.monotonic()
        if not self._came_bytes:
            self._began_s = now_s
        if not self._is_pipe:
            return
        waiting_bytes, a_second = self._waiting_bytes(), self._raw.bytes_a_second
        excess_bytes = self._whole_frames(waiting_bytes - round(KEPT_S * self._raw.rate) * 2 * self._raw.channels)
        is_live = self._came_bytes + waiting_bytes <= (now_s - self._began_s + _AHEAD_S) * a_second
        if excess_bytes > 0 and is_live:
            self._came_bytes += len(os.read(self.descriptor, excess_bytes))
            self._dropping.dropped(excess_bytes / a_second)
            self.dropped_s += excess_bytes / a_second
        elif waiting_bytes <= self._wanted_bytes:
            self._dropping.caught_up()
            # This is the present: over days, no microphone goes as the clock does.
            self._began_s = now_s - (self._came_bytes + waiting_bytes) / a_second

    def _whole_frames(self, length_bytes: int) -> int:
        """Return how much of so many bytes may go: a relay may write half a sample, and then its rest."""
        return length_bytes - length_bytes % (2 * self._raw.channels)

    def _waiting_bytes(self) -> int:
        """FIONREAD of ioctl_tty(2)."""
        answer = fcntl.ioctl(self.descriptor, termios.FIONREAD, bytes(4))
        return int(struct.unpack("i", answer)[0])


class PipeSource:
    """A FIFO that others write raw s16le into; it is made when missing. Writers come and go.

    A writer that stops for `LATE_S` counts as silence for `HUSH_S` then, so that the end of what it said is
    recognised; after that the source is idle and costs nothing. What was written while it was closed is never read.
    """

    LATE_S: Final = LATE_S
    HUSH_S: Final = 2.0

    def __init__(self, path: Path, raw: RawFormat | None = None) -> None:
        self._path = path
        self._raw = raw or RawFormat()
        self._inflow: _Inflow | None = None
        self._came_at_s = 0.0
        self._hush_left_s = 0.0

    @property
    def is_over(self) -> bool:
        """Return False: another writer may come."""
        return False

    @property
    def dropped_s(self) -> float:
        """How much audio was dropped since it was opened."""
        return 0.0 if self._inflow is None else self._inflow.dropped_s

    def open(self) -> None:
        """Open the FIFO for reading and writing, so that it does not end when a writer leaves."""
        self.close()
        try:
            if not self._path.exists():
                os.mkfifo(self._path, 0o600)
            if not stat.S_ISFIFO(self._path.stat().st_mode):
                raise MicrophoneError(f"{self._path} is not a FIFO.", "Remove it, or name another path.")
            descriptor = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise MicrophoneError(
                f"The FIFO {self._path} cannot be opened: {error.strerror}.", "Check its folder and permissions."
            ) from error
        try:
            self._inflow = _Inflow(descriptor, self._raw)
        except BaseException:
            os.close(descriptor)
            raise
        self._inflow.forget()
        self._hush_left_s = 0.0

    def read(self, gather_s: float = 0.0) -> bytes:
        """Return what was written, silence for a while after it, or nothing."""
        if self._inflow is None:
            raise MicrophoneError(f"The FIFO {self._path} is not open.")
        if self._inflow.wait(gather_s):
            self._hush_left_s = self.HUSH_S
            self._came_at_s = time.monotonic()
            return self._inflow.take() or b""
        self._check_it_is_still_there(self._inflow.descriptor)
        if self._hush_left_s <= 0:
            self._inflow.writer_left()
            return b""
        if time.monotonic() < self._came_at_s + self.LATE_S:
            return b""
        self._hush_left_s -= WAIT_S
        return SILENCE

    def close(self) -> None:
        """Close the FIFO and leave it for the writers."""
        inflow, self._inflow = self._inflow, None
        if inflow is not None:
            os.close(inflow.descriptor)

    def _check_it_is_still_there(self, descriptor: int) -> None:
        mine = os.fstat(descriptor)
        try:
            there = self._path.stat()
        except OSError as error:
            raise MicrophoneError(f"The FIFO {self._path} was removed.", "It will be made again.") from error
        if (there.st_ino, there.st_dev) != (mine.st_ino, mine.st_dev):
            raise MicrophoneError(f"The FIFO {self._path} was replaced.", "It will be opened again.")


class StdinSource:
    """Our standard input: raw s16le until it ends, and a second of silence after it.

    It cannot be closed and opened again. Closed, nothing is read; what a pipe brought meanwhile is thrown away.
    """

    def __init__(self, raw: RawFormat | None = None, descriptor: int = 0) -> None:
        self._raw = raw or RawFormat()
        self._descriptor = descriptor
        self._inflow: _Inflow | None = None
        self._is_open = False
        self._silence_left_bytes = 2 * RATE
        self._has_ended = False

    @property
    def is_over(self) -> bool:
        """Whether all of it was read."""
        return self._has_ended and self._silence_left_bytes <= 0

    @property
    def dropped_s(self) -> float:
        """How much audio was dropped so far."""
        return 0.0 if self._inflow is None else self._inflow.dropped_s

    def open(self) -> None:
        """Begin; the first time with what waits already."""
        if self._inflow is None:
            try:
                self._inflow = _Inflow(self._descriptor, self._raw)
            except OSError as error:
                raise MicrophoneError("There is no standard input.", "Pipe audio into the command.") from error
        elif not self._is_open:
            self._inflow.forget()
        self._is_open = True

    def read(self, gather_s: float = 0.0) -> bytes:
        """Return the next audio; silence after its end."""
        if not self._is_open or self._inflow is None:
            raise MicrophoneError("The standard input is not open.")
        if self._has_ended:
            self._silence_left_bytes -= len(SILENCE)
            return SILENCE
        if not self._inflow.wait(gather_s):
            self._inflow.pause()
            return b""
        audio = self._inflow.take()
        self._has_ended = audio is None
        return audio or b""

    def close(self) -> None:
        """Read no more."""
        self._is_open = False
