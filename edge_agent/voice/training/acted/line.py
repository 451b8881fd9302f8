"""What one person says in one go, and the words of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Line:
    """Speech as mono samples at 16 kHz (`resampling.RATE_HZ`), and its text as written, without stage directions.

    `speaker` is empty where the source does not tell; `name` is the same in every run, and no other line of the
    source has it.
    """

    samples: NDArray[np.int16]
    text: str
    speaker: str
    name: str
