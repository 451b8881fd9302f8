"""The system's libspeexdsp (Debian: libspeexdsp1), where there is one (shell: native code).

The sound servers use it, so that most devices have it, on every architecture that Debian has (BSD licence). `echo`
and `conversion` say what they do without it.
"""

import ctypes
from contextlib import suppress
from functools import cache
from typing import Final

_NAMES: Final = ("libspeexdsp.so.1", "libspeexdsp.1.dylib", "libspeexdsp.dll")
_MAKERS: Final = ("speex_echo_state_init", "speex_preprocess_state_init", "speex_resampler_init")


@cache
def speexdsp() -> ctypes.CDLL | None:
    """Return the library, or None on a machine without it."""
    for name in _NAMES:
        with suppress(OSError):
            library = ctypes.CDLL(name)
            for maker in _MAKERS:
                getattr(library, maker).restype = ctypes.c_void_p
            return library
    return None
