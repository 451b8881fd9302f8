"""Live audio of any rate and number of channels as ours: 16 kHz, mono, s16le (shell: native code, libspeexdsp).

Sound servers and ALSA's own plugins convert for whoever asks; this is for what has only its own rate: raw devices,
pipes of 48 kHz, satellites. It takes a thousandth of a core; docs/dependencies.md has what else there is. Files are
converted in `wav`, which needs no library.
"""

from __future__ import annotations  # array[int] exists for type checkers only before Python 3.12

import ctypes
from array import array
from typing import Final

from edge_agent.model.errors import VoiceError
from edge_agent.voice.libspeexdsp import speexdsp
from edge_agent.voice.libvosk import RATE
from edge_agent.voice.wav import to_16_bit, to_bytes, to_mono

LOWEST_RATE: Final = 4000
HIGHEST_RATE: Final = 384_000

_QUALITY: Final = 3
"""Of 0 … 10; speexdsp's own choice for speech."""


class Converter:
    """Turns one stream of PCM, piece by piece. Raise VoiceError for a format that cannot be, or without the library.

    `rate` in Hz, `width` in bytes a sample: 1 (unsigned), 2, 3 or 4 (signed, little-endian).
    """

    def __init__(self, rate: int, channels: int = 1, width: int = 2) -> None:
        if not (LOWEST_RATE <= rate <= HIGHEST_RATE and 1 <= channels <= 64 and 1 <= width <= 4):  # noqa: PLR2004
            raise VoiceError(
                f"Audio of {rate} Hz, {channels} channels and {8 * width} bits is none that can be converted.",
                "Send 16-bit PCM of 16000, 44100 or 48000 Hz.",
            )
        self._channels = channels
        self._width = width
        self._odd = b""
        self._resampler = None if rate == RATE else _Resampler(rate, channels)

    def convert(self, pcm: bytes) -> bytes:
        """Return the audio that is complete with this. A few milliseconds stay in the filter."""
        pcm = self._odd + pcm
        frame_bytes = self._width * self._channels
        whole_bytes = len(pcm) // frame_bytes * frame_bytes
        pcm, self._odd = pcm[:whole_bytes], pcm[whole_bytes:]
        if frame_bytes == 2 and self._resampler is None:  # noqa: PLR2004  16-bit mono of our rate
            return pcm
        samples = to_16_bit(pcm, self._width)
        if self._resampler is not None:
            samples = self._resampler.convert(samples)
        return to_bytes(to_mono(samples, self._channels))

    def drop_half_a_frame(self) -> None:
        """Forget what came of a frame that is not complete: its rest will not come."""
        self._odd = b""


class _Resampler:
    """One stream of interleaved 16-bit samples, to 16 kHz with as many channels."""

    def __init__(self, rate: int, channels: int) -> None:
        library = speexdsp()
        if library is None:
            raise VoiceError(
                f"Live audio of another rate than {RATE} Hz needs libspeexdsp.", "Run: apt-get install libspeexdsp1."
            )
        self._library = library
        error = ctypes.c_int()
        self._state = ctypes.c_void_p(
            self._library.speex_resampler_init(channels, rate, RATE, _QUALITY, ctypes.byref(error))
        )
        if not self._state:
            raise VoiceError(f"libspeexdsp cannot convert {channels} channels of {rate} Hz: error {error.value}.")
        self._rate = rate
        self._channels = channels

    def __del__(self) -> None:
        """Give the filter back."""
        if getattr(self, "_state", None):
            self._library.speex_resampler_destroy(self._state)

    def convert(self, samples: array[int]) -> array[int]:
        """Return what these samples complete."""
        frames = len(samples) // self._channels
        room = frames * RATE // self._rate + 64
        converted = array("h", bytes(2 * room * self._channels))
        taken, given = ctypes.c_uint(frames), ctypes.c_uint(room)
        self._library.speex_resampler_process_interleaved_int(
            self._state,
            ctypes.c_void_p(samples.buffer_info()[0]),
            ctypes.byref(taken),
            ctypes.c_void_p(converted.buffer_info()[0]),
            ctypes.byref(given),
        )
        if taken.value != frames:
            raise RuntimeError("libspeexdsp did not take all samples, for which there was room")
        del converted[given.value * self._channels :]
        return converted
