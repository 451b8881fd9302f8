"""A recording from the sound server, PulseAudio or PipeWire, by libpulse-simple (shell: native code, one thread).

The server converts to 16 kHz mono itself. Through ALSA and PortAudio the same recording is not safe: when its source
disappears, PortAudio 19.6 may spin for ever in a thread that cannot be ended.
"""

import ctypes
import threading
from contextlib import suppress
from functools import cache
from typing import Any, Final

from edge_agent.voice.backlog import Backlog
from edge_agent.voice.libvosk import RATE

BLOCK_BYTES: Final = RATE // 20 * 2
_CLOSED_WITHIN_S: Final = 0.5
ANSWERS_WITHIN_S: Final = 3.0
"""libpulse itself waits for ever for a server that hangs."""

_S16LE: Final = 3
_RECORD: Final = 2
_ANY: Final = 2**32 - 1


class PulseError(Exception):
    """The server is not there, does not answer, has no such source, or ended the recording; its own words."""


class PulseMissingError(PulseError):
    """There is no libpulse-simple: of this machine no server will ever be asked."""


class _Format(ctypes.Structure):
    """pa_sample_spec of pulse/sample.h."""

    _fields_ = (("format", ctypes.c_int), ("rate", ctypes.c_uint32), ("channels", ctypes.c_uint8))


class _Buffer(ctypes.Structure):
    """pa_buffer_attr of pulse/def.h."""

    _fields_ = tuple((name, ctypes.c_uint32) for name in ("longest", "target", "before", "least", "fragment"))


class PulseRecording:
    """What one source of the server records from now on, into a backlog. Raise PulseMissingError without libpulse.

    All of libpulse runs in the recording's own thread, so that a server that hangs keeps nobody else.
    """

    def __init__(self, name: str, backlog: Backlog) -> None:
        library = _library()
        if library is None:
            raise PulseMissingError("libpulse-simple is not installed")
        self._library = library
        self._name = name
        self._backlog = backlog
        self._answered = threading.Event()
        self._wanted = True
        self._reason = ""
        self._thread = threading.Thread(target=self._run, name="microphone", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Wait until the server records. Raise PulseError when it does not, or does not answer; close it then."""
        if not self._answered.wait(ANSWERS_WITHIN_S):
            raise PulseError("the sound server does not answer")
        if self._reason:
            raise PulseError(self._reason)

    @property
    def ended(self) -> str:
        """Why there will be no more audio, or nothing while there may be."""
        return self._reason

    def close(self) -> bool:
        """End the recording; return whether it has ended.

        One that hangs in a suspended source ends with its next sample, which nobody gets, and one that hangs in a
        server with its answer. It is waited for once.
        """
        if self._wanted:
            self._wanted = False
            self._thread.join(_CLOSED_WITHIN_S)
        return not self._thread.is_alive()

    def _run(self) -> None:
        error = ctypes.c_int()
        handle = ctypes.c_void_p(
            self._library.pa_simple_new(
                None,
                b"Edge Agent",
                _RECORD,
                self._name.encode() or None,
                b"phrases",
                ctypes.byref(_Format(_S16LE, RATE, 1)),
                None,
                ctypes.byref(_Buffer(_ANY, _ANY, _ANY, _ANY, BLOCK_BYTES)),
                ctypes.byref(error),
            )
        )
        if not handle:
            self._reason = _words(error.value)
        self._answered.set()
        if handle:
            self._record(handle)
            self._library.pa_simple_free(handle)

    def _record(self, handle: ctypes.c_void_p) -> None:
        block = ctypes.create_string_buffer(BLOCK_BYTES)
        error = ctypes.c_int()
        while self._wanted:
            if self._library.pa_simple_read(handle, block, BLOCK_BYTES, ctypes.byref(error)) < 0:
                self._reason = _words(error.value)
                break
            if self._wanted:
                self._backlog.add(block.raw)


@cache
def _library() -> Any:
    with suppress(OSError):
        library = ctypes.CDLL("libpulse-simple.so.0")
        library.pa_simple_new.restype = ctypes.c_void_p
        library.pa_simple_free.restype = None
        return library
    return None


def _words(error: int) -> str:
    library = ctypes.CDLL("libpulse.so.0")
    library.pa_strerror.restype = ctypes.c_char_p
    return str((library.pa_strerror(error) or b"it does not say why").decode())
