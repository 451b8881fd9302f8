"""Matrix products by the OpenBLAS inside of Vosk's library (shell: native code, which lets other threads run).

Its wheels for x86-64, aarch64 and armv7 export `cblas_sgemm` (0.3.45), built to run in the calling thread alone. So
the network can be run a second time without another library in memory.
"""

import ctypes
from array import array
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Final

from edge_agent.voice.libvosk import library_path

if TYPE_CHECKING:
    Floats = array[float]
    """Type code `f`: a matrix, row after row."""

_ROW_MAJOR: Final = 101
_AS_IT_IS: Final = 111
_BYTES: Final = 4


@cache
def _sgemm() -> Callable[..., None]:
    function = ctypes.CDLL(str(library_path())).cblas_sgemm
    whole, real, address = ctypes.c_int, ctypes.c_float, ctypes.c_void_p
    matrix = (address, whole)
    function.argtypes = (*[whole] * 6, real, *matrix, *matrix, real, *matrix)
    function.restype = None
    return function


def is_there() -> bool:
    """Say whether this machine's library has matrix products."""
    try:
        _sgemm()
    except (OSError, AttributeError):
        return False
    return True


def add_product(
    out: "Floats", left: "Floats", right: "Floats", *, rows: int, inner: int, start: int = 0, step: int = 0
) -> None:
    """Add `left` (rows, inner) · `right` (inner, columns) to `out` (rows, columns).

    Row i of `left` begins at its element `start + i · step` (`inner` where no step is given): rows may overlap, as
    frames of audio do, but `step` is no less than `inner`.
    """
    step = step or inner
    columns = len(right) // inner
    if (
        step < inner
        or len(right) != inner * columns
        or len(out) != rows * columns
        or len(left) < start + (rows - 1) * step + inner
        or {out.typecode, left.typecode, right.typecode} != {"f"}
    ):
        raise RuntimeError(f"({rows}, {inner}) from {start} by {step} of {len(left)}, {len(right)}, {len(out)}")
    _sgemm()(
        *(_ROW_MAJOR, _AS_IT_IS, _AS_IT_IS, rows, columns, inner, 1.0),
        *(left.buffer_info()[0] + start * _BYTES, step),
        *(right.buffer_info()[0], columns, 1.0, out.buffer_info()[0], columns),
    )
