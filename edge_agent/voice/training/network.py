"""The time-delay network in torch, and its folding into plain affine layers.

The first layer sees frames -3 … 3 and runs on every third frame already; five
more layers see their own input three frames before, at, and after. So an output
is decided from 18 frames on each side, 0.37 s of sound.
"""

from __future__ import annotations

from typing import Final, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edge_agent.voice.training.features import SUBSAMPLING
from edge_agent.voice.training.mfcc import CEPSTRA
from edge_agent.voice.training.nnet3 import AffineLayer, Network
from edge_agent.voice.training.phones import PDFS

FIRST_OFFSETS: Final = (-3, -2, -1, 0, 1, 2, 3)
LATER_OFFSETS: Final = (-3, 0, 3)
LATER_LAYERS: Final = 5
HIDDEN: Final = 288
CONTEXT_FRAMES: Final = FIRST_OFFSETS[-1] + LATER_LAYERS * LATER_OFFSETS[-1]
"""How many frames the network needs before and after the one it names."""


class Tdnn(nn.Module):
    """Cepstra (batch, frames, 40) in, unnormalised log probabilities (batch, outputs, pdfs) out.

    `frames` is `SUBSAMPLING * (outputs - 1) + 1 + 2 * CONTEXT_FRAMES`.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, *, pdfs: int = len(PDFS), hidden: int = HIDDEN, dropout: float = 0.05) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(CEPSTRA))
        self.register_buffer("deviation", torch.ones(CEPSTRA))
        inputs = [CEPSTRA * len(FIRST_OFFSETS), *[hidden * len(LATER_OFFSETS)] * LATER_LAYERS]
        self.affines = nn.ModuleList([nn.Linear(size, hidden) for size in inputs])
        self.norms = nn.ModuleList([nn.BatchNorm1d(hidden, affine=False, momentum=0.05) for _ in inputs])
        self.output = nn.Linear(hidden, pdfs)
        self.dropout = nn.Dropout(dropout)

    def layers(self) -> list[tuple[nn.Linear, nn.BatchNorm1d]]:
        """Return each hidden layer's affine map and normalisation, first layer first."""
        return cast("list[tuple[nn.Linear, nn.BatchNorm1d]]", list(zip(self.affines, self.norms, strict=True)))

    def forward(self, cepstra: Tensor) -> Tensor:
        """Name the phone of every third frame that has its whole context."""
        frames = (cepstra - self.mean) / self.deviation
        for number, (affine, norm) in enumerate(self.layers()):
            if number == 0:
                spliced = _splice(frames, len(FIRST_OFFSETS), SUBSAMPLING)
            else:
                spliced = _splice(frames, len(LATER_OFFSETS), 1)
            active = torch.relu(affine(spliced))
            frames = self.dropout(norm(active.flatten(0, 1)).view_as(active))
        named: Tensor = self.output(frames)
        return named


def _splice(frames: Tensor, width: int, stride: int) -> Tensor:
    """Put `width` neighbours side by side, at every `stride`-th place."""
    places = (frames.shape[1] - width) // stride + 1
    last = (places - 1) * stride + 1
    return torch.cat([frames[:, offset : offset + last : stride] for offset in range(width)], dim=2)


def fold(network: Tdnn, priors: NDArray[np.float32]) -> Network:
    """Fold the normalisations into the affine layers, which Kaldi then runs as they are."""
    scale = (1.0 / network.deviation).double().numpy()
    shift = (-network.mean / network.deviation).double().numpy()
    layers: list[AffineLayer] = []
    for number, (affine, norm) in enumerate(network.layers()):
        offsets = FIRST_OFFSETS if number == 0 else LATER_OFFSETS
        layers.append(_folded(affine, offsets, scale, shift))
        mean, variance = (cast("Tensor", moment).double().numpy() for moment in (norm.running_mean, norm.running_var))
        scale = 1.0 / np.sqrt(variance + norm.eps)
        shift = -mean * scale
    return Network(CEPSTRA, tuple(layers), _folded(network.output, (0,), scale, shift), priors)


def _folded(
    affine: nn.Linear, offsets: tuple[int, ...], scale: NDArray[np.float64], shift: NDArray[np.float64]
) -> AffineLayer:
    """Return the layer that does to `x` what `affine` does to `x * scale + shift`."""
    weights = affine.weight.detach().double().numpy()
    bias = affine.bias.detach().double().numpy() + weights @ np.tile(shift, len(offsets))
    folded = weights * np.tile(scale, len(offsets))
    return AffineLayer(offsets, folded.astype(np.float32), bias.astype(np.float32))
