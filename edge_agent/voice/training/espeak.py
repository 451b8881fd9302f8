"""espeak-ng through its C library: speech with the time of every phoneme.

The library holds one voice and one callback for the whole process, so this
module does too; work in parallel takes processes, not threads.
"""

from __future__ import annotations

import ctypes
import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from edge_agent.voice.training.errors import ToolFailedError
from edge_agent.voice.training.phones import SILENCE, espeak_phones

if TYPE_CHECKING:  # whoever asks for pronunciations alone needs no numpy
    import numpy as np
    from numpy.typing import NDArray

LIBRARY: Final = "libespeak-ng.so.1"

# From speak_lib.h, espeak-ng 1.50 and later.
_SYNCHRONOUS: Final = 2
_PHONEME_EVENTS: Final = 1
_EVENT_END: Final = 0
_EVENT_PHONEME: Final = 7
_RATE, _PITCH, _RANGE, _WORD_GAP = 1, 3, 4, 7
_UTF8: Final = 1
_STRESS_MARKS: Final = "',%=|;\n-"


class _EventId(ctypes.Union):
    _fields_ = [
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("string", ctypes.c_char * 8),
    ]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class Espeak:
    """The one loaded library; get it with `espeak()`."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(LIBRARY)
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self.rate_hz: int = self._library.espeak_Initialize(_SYNCHRONOUS, 0, None, _PHONEME_EVENTS)
        if self.rate_hz <= 0:
            raise ToolFailedError(["espeak_Initialize"], "espeak-ng-data is missing")
        self._chunks: list[NDArray[np.int16]] = []
        self._phonemes: list[tuple[str, int]] = []
        self._callback = _Callback(self._collect)  # kept: the library holds only a pointer
        self._library.espeak_SetSynthCallback(self._callback)

    def speak(
        self, text: str, *, voice: str, words_per_minute: int, pitch: int, range_: int, gap: int
    ) -> tuple[NDArray[np.int16], tuple[tuple[str, float], ...]]:
        """Say `text`; return samples at `rate_hz` and (mnemonic, seconds) pairs.

        The pairs cover the samples from the first to the last. `pitch` and
        `range_` run from 0 to 99; `gap` is in units of 10 ms.
        """
        import numpy as np  # noqa: PLC0415

        self._set_voice(voice)
        settings = ((_RATE, words_per_minute), (_PITCH, pitch), (_RANGE, range_), (_WORD_GAP, gap))
        for parameter, value in settings:
            self._library.espeak_SetParameter(parameter, value, 0)
        self._chunks.clear()
        self._phonemes.clear()
        raw = text.encode()
        self._library.espeak_Synth(raw, len(raw) + 1, 0, 1, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        samples = np.concatenate(self._chunks) if self._chunks else np.zeros(0, np.int16)
        return samples, self._durations(len(samples))

    def pronounce(self, word: str, *, voice: str) -> tuple[str, ...]:
        """Say how `voice` would pronounce `word`, as phones without silence."""
        self._set_voice(voice)
        buffer = ctypes.create_string_buffer(word.encode())
        pointer = ctypes.c_void_p(ctypes.addressof(buffer))
        separator = ord("_") << 8
        raw: bytes = self._library.espeak_TextToPhonemes(ctypes.byref(pointer), _UTF8, separator)
        symbols = [symbol.strip(_STRESS_MARKS) for symbol in re.split(r"[_ ]+", raw.decode())]
        phones: list[str] = []
        for symbol in symbols:
            for phone in espeak_phones(symbol, text=word):
                if phone != SILENCE and not (phone == "r" and phones[-1:] == ["r"]):
                    phones.append(phone)
        return tuple(phones)

    def _set_voice(self, voice: str) -> None:
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ToolFailedError(["espeak_SetVoiceByName", voice], "no such voice")

    def _collect(self, samples: Any, count: int, events: Any) -> int:
        import numpy as np  # noqa: PLC0415

        if samples and count > 0:
            self._chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        for event in events:
            if event.type == _EVENT_END:
                break
            if event.type == _EVENT_PHONEME:
                self._phonemes.append((event.id.string.decode("utf-8", "replace"), event.sample))
        return 0

    def _durations(self, total: int) -> tuple[tuple[str, float], ...]:
        starts = [start for _, start in self._phonemes]
        ends = [*starts[1:], total]
        pairs = [
            (symbol, max(0, end - start) / self.rate_hz)
            for (symbol, start), end in zip(self._phonemes, ends, strict=True)
        ]
        if starts and starts[0] > 0:
            pairs.insert(0, ("_", starts[0] / self.rate_hz))
        return tuple(pairs)


@cache
def espeak() -> Espeak:
    """Load the library once a process."""
    return Espeak()
