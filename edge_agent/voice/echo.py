"""Takes what our own speaker plays out of what the microphone hears (shell: native code, libspeexdsp).

A device without the library hears as before: own words are then told apart by `own_voice` alone. The filter is that
of J.-M. Valin, "On Adjusting the Learning Rate in Frequency Domain Echo Cancellation With Double-Talk" (2007). It
takes seconds to learn a room, longer than most of our recordings last; so it is given their first seconds several
times over (`REHEARSALS`). What it leaves over would still be speech to the recogniser, which a word of a person then
does not stand out of; where hardly anything but that is left, it is turned down (`Residue`).
"""

import ctypes
import weakref
from array import array
from collections import deque
from operator import mul
from typing import Final

from edge_agent.voice.libspeexdsp import speexdsp
from edge_agent.voice.libvosk import RATE

FRAME_BYTES: Final = 2 * 256
"""What is cleaned at once: 16 ms."""

TAIL_S: Final = 0.512
"""How late after it was given an echo may come: the output's buffer and the room's reverberation together."""

REHEARSALS: Final = ((0.4, 6), (0.8, 6), (1.4, 4), (2.4, 3))
"""After so many seconds of a recording, all of it so far is given to the filter again, so many times."""

LEAST_LEFT: Final = 0.03
MOST_LEFT: Final = 0.35
"""What of the power may be left where only our own voice is heard; between these it is measured as we speak."""
LEFT_FACTOR: Final = 2.5
"""A frame with so many times what is usually left has somebody else in it (4 dB: a word in the room is far above)."""

_MEASURED_FRAMES: Final = 94
"""What is usual is taken from the last 1.5 s: long enough for a sentence of ours, short enough for a moved chair."""

_LOW_QUANTILE: Final = 0.15
"""The usual remainder is a low quantile: while a person speaks, most frames are above it. The least is a fluke."""

_SMOOTHING: Final = 0.35
"""Of a frame in the running power: about 40 ms, a phone's length."""

_BEFORE_FRAMES: Final = 4
_AFTER_FRAMES: Final = 6
"""64 ms before and 96 ms after what stands out are let through too: the quiet beginning and end of a word."""

_TURNED_DOWN_BITS: Final = 5
"""30 dB: below the room's own noise, and still noise to the recogniser, which digital silence would not be."""

_BYTES_A_SECOND: Final = 2 * RATE

_SET_SAMPLING_RATE: Final = 24
_SET_DENOISE: Final = 0
_SET_ECHO_STATE: Final = 24


class EchoCanceller:
    """One adaptive filter. Not thread-safe. Forget it when the loudspeaker has been silent for a while."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        samples, rate = FRAME_BYTES // 2, ctypes.c_int(RATE)
        self._echo = ctypes.c_void_p(library.speex_echo_state_init(samples, round(TAIL_S * RATE)))
        library.speex_echo_ctl(self._echo, _SET_SAMPLING_RATE, ctypes.byref(rate))
        # What the filter leaves over is held down too; the noise of the room is left as the model knows it.
        self._rest = ctypes.c_void_p(library.speex_preprocess_state_init(samples, RATE))
        library.speex_preprocess_ctl(self._rest, _SET_DENOISE, ctypes.byref(ctypes.c_int(0)))
        library.speex_preprocess_ctl(self._rest, _SET_ECHO_STATE, self._echo)
        weakref.finalize(self, _forget, library, self._rest, self._echo)

    def clean(self, heard: bytes, played: bytes) -> bytes:
        """Return `heard` without `played`: frames of 16 kHz mono s16le, as long as each other (RuntimeError)."""
        if len(heard) != len(played) or len(heard) % FRAME_BYTES:
            raise RuntimeError("whole frames are cleaned, with as many of what was played")
        cleaned = bytearray()
        frame = ctypes.create_string_buffer(FRAME_BYTES)
        for at in range(0, len(heard), FRAME_BYTES):
            end = at + FRAME_BYTES
            self._library.speex_echo_cancellation(self._echo, heard[at:end], played[at:end], frame)
            self._library.speex_preprocess_run(self._rest, frame)
            cleaned += frame.raw
        return bytes(cleaned)


class Residue:
    """Turns down, by 30 dB, what is nearly nothing but what the filter left over of us. 64 ms later than given."""

    def __init__(self) -> None:
        self._heard = self._left = 0.0
        self._ratios: deque[float] = deque(maxlen=_MEASURED_FRAMES)
        self._frames: deque[bytes] = deque()
        self._open_frames = 0

    def take(self, heard: bytes, cleaned: bytes) -> bytes:
        """Take a frame as it was heard and as it was cleaned; return the frame of a little earlier, or nothing."""
        self._heard += _SMOOTHING * (_power(heard) - self._heard)
        self._left += _SMOOTHING * (_power(cleaned) - self._left)
        ratio = self._left / (self._heard + 1.0)
        self._ratios.append(ratio)
        usual = sorted(self._ratios)[int(_LOW_QUANTILE * len(self._ratios))]
        if ratio > min(MOST_LEFT, max(LEAST_LEFT, LEFT_FACTOR * usual)):
            self._open_frames = _BEFORE_FRAMES + _AFTER_FRAMES
        self._frames.append(cleaned)
        return self._oldest() if len(self._frames) > _BEFORE_FRAMES else b""

    def finish(self) -> bytes:
        """Return what is still held back."""
        return b"".join(self._oldest() for _ in range(len(self._frames)))

    def _oldest(self) -> bytes:
        frame = self._frames.popleft()
        self._open_frames -= 1
        if self._open_frames >= 0:
            return frame
        return array("h", [sample >> _TURNED_DOWN_BITS for sample in array("h", frame)]).tobytes()


class EchoRemover:
    """One recording of ours, taken out of what is heard while it plays. Not thread-safe."""

    def __init__(self, canceller: EchoCanceller) -> None:
        self._canceller = canceller
        self._residue = Residue()
        self._rehearsals = deque(REHEARSALS)
        self._heard = self._played = b""

    def clean(self, heard: bytes, played: bytes) -> bytes:
        """Return what was heard without what was played, 64 ms late; whole frames, as long as each other."""
        cleaned = self._canceller.clean(heard, played)
        self._rehearse(heard, played)
        places = range(0, len(heard), FRAME_BYTES)
        return b"".join(
            self._residue.take(heard[at : at + FRAME_BYTES], cleaned[at : at + FRAME_BYTES]) for at in places
        )

    def finish(self) -> bytes:
        """Return what is still held back."""
        return self._residue.finish()

    def _rehearse(self, heard: bytes, played: bytes) -> None:
        if not self._rehearsals or not (self._heard or any(played)):
            return
        self._heard += heard
        self._played += played
        after_s, times = self._rehearsals[0]
        if len(self._heard) < after_s * _BYTES_A_SECOND:
            return
        for _ in range(times):
            self._canceller.clean(self._heard, self._played)
        self._rehearsals.popleft()
        if not self._rehearsals:
            self._heard = self._played = b""


class Removal:
    """What the microphone hears while a recording plays, from `at_bytes` of it on, with that taken out."""

    def __init__(self, remover: EchoRemover, at_bytes: int) -> None:
        self._remover = remover
        self._at_bytes = at_bytes
        self._waiting = b""

    def miss(self, length_bytes: int) -> None:
        """Go on so much later in the recording: of what the microphone heard, that was dropped."""
        self._at_bytes += length_bytes

    def take(self, audio: bytes, said: bytes) -> bytes:
        """Return audio without what is `said`, a little later than it came."""
        self._waiting += audio
        whole = len(self._waiting) // FRAME_BYTES * FRAME_BYTES
        heard, self._waiting = self._waiting[:whole], self._waiting[whole:]
        played = bytes(min(whole, max(0, -self._at_bytes)))
        start = max(0, self._at_bytes)
        played += said[start : start + whole - len(played)]
        self._at_bytes += whole
        return self._remover.clean(heard, played + bytes(whole - len(played)))

    def is_over(self, said_bytes: float) -> bool:
        """Whether nothing of it, not even its echo, can be heard any more."""
        return self._at_bytes > said_bytes + TAIL_S * _BYTES_A_SECOND

    def finish(self) -> bytes:
        """Return what is still held back."""
        return self._remover.finish() + self._waiting


def _forget(library: ctypes.CDLL, rest: ctypes.c_void_p, echo: ctypes.c_void_p) -> None:
    library.speex_preprocess_state_destroy(rest)
    library.speex_echo_state_destroy(echo)


def _power(frame: bytes) -> float:
    samples = array("h", frame)
    power: int = sum(map(mul, samples, samples))
    return power / len(samples)


def new_remover() -> EchoRemover | None:
    """Return a remover for one recording, or None on a machine without the library."""
    library = speexdsp()
    return None if library is None else EchoRemover(EchoCanceller(library))
