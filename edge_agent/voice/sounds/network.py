"""The network that the decoder runs, run once more over a second of audio. Pure, but for the matrix products.

It names the sound of every third frame. Its first layer looks at single frames, all others at every third one of the
layer before, so that nothing is computed that no output needs.
"""

import math
from array import array
from typing import TYPE_CHECKING, Final

from edge_agent.voice.sounds.acoustics import Acoustics, Layer
from edge_agent.voice.sounds.blas import add_product

if TYPE_CHECKING:
    from edge_agent.voice.sounds.blas import Floats

STRIDE: Final = 3
"""`--frame-subsampling-factor` of our models: frames from one output to the next."""


class Network:
    """Raise ValueError for layers that cannot be run so."""

    def __init__(self, acoustics: Acoustics) -> None:
        first, *later = acoustics.layers
        if any(offset % STRIDE for layer in later for offset in layer.offsets):
            raise ValueError("a later layer looks at single frames")
        if any(list(layer.offsets) != sorted(layer.offsets) for layer in acoustics.layers):
            raise ValueError("a layer looks at frames in disorder")
        self._first, self._later = first, tuple(later)
        self._log_priors = [math.log(prior) for prior in acoustics.priors]
        self.width = len(first.weights[0]) // len(first.bias)
        """How many numbers a frame has."""
        self.before = -sum(layer.offsets[0] for layer in acoustics.layers)
        self.after = sum(layer.offsets[-1] for layer in acoustics.layers)
        """How many frames are needed before and after the one that is named."""

    @property
    def log_priors(self) -> list[float]:
        """How often each sound was in what the network was taught, as logarithms."""
        return self._log_priors

    def posteriors(self, frames: "Floats", count: int) -> list[list[float]]:
        """Return the log probability of each sound at `count` moments, the first of which is `before` frames in.

        `frames` are (STRIDE · (count - 1) + 1 + before + after, width).
        """
        rows = count + sum(layer.offsets[-1] - layer.offsets[0] for layer in self._later) // STRIDE
        active = _run(self._first, frames, rows, self.width, each=1, stride=STRIDE)
        for layer in self._later:
            width = len(active) // rows
            active = array("f", [value if value > 0.0 else 0.0 for value in active])  # noqa: FURB136  twice as fast
            rows -= (layer.offsets[-1] - layer.offsets[0]) // STRIDE
            active = _run(layer, active, rows, width, each=STRIDE, stride=1)
        width = len(active) // count
        return [_log_softmax(active[start : start + width]) for start in range(0, len(active), width)]


def _run(layer: Layer, frames: "Floats", rows: int, width: int, *, each: int, stride: int) -> "Floats":
    """Return the layer's sums; frames that its offsets count by `each` are there, and every `stride`-th is wanted."""
    out = layer.bias * rows
    for offset, weights in zip(layer.offsets, layer.weights, strict=True):
        start = (offset - layer.offsets[0]) // each * width
        add_product(out, frames, weights, rows=rows, inner=width, start=start, step=stride * width)
    return out


def _log_softmax(row: "Floats") -> list[float]:
    most = max(row)
    total = most + math.log(sum(math.exp(value - most) for value in row))
    return [value - total for value in row]
