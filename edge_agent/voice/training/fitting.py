"""Fit the network to labelled frames, within a time limit."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edge_agent.voice.training.checkpoint import Checkpoint
from edge_agent.voice.training.features import SUBSAMPLING, Features
from edge_agent.voice.training.mfcc import (
    HIGH_HZ,
    LOW_HZ,
    MEL_BANDS,
    band_centres_mel,
    cosine_transform,
    mel,
)
from edge_agent.voice.training.network import CONTEXT_FRAMES, HIDDEN, Tdnn
from edge_agent.voice.training.parallel import Report
from edge_agent.voice.training.phones import PDFS
from edge_agent.voice.training.sequence import Competition

_BATCH: Final = 64
_OUTPUTS: Final = 48
_PEAK_RATE: Final = 2e-3
_PEAK_RATE_OF_MORE: Final = 1.2e-3
_PEAK_RATE_OF_REFINING: Final = 6e-4
_COMPETITION_WEIGHT: Final = 10.0
_WARM_UP_SHARE: Final = 0.05
_REPORT_EVERY_S: Final = 15.0
_LEAST_PRIOR: Final = 1e-4


class SpectralAugmentation:
    """Change voices and microphones of a batch of cepstra, in its log mel bands.

    Warps the frequency axis as a longer or shorter vocal tract would, adds a
    smooth response, and blanks a few bands now and then. On voices never heard
    this was worth more than any change to the network.
    """

    _WARPS: Final = np.exp(np.linspace(math.log(0.82), math.log(1.22), 25))
    _RESPONSE: Final = (1.0, 0.7, 0.5, 0.4, 0.3)
    _BLANK_SHARE: Final = 0.4
    _WIDEST_BLANK: Final = 8

    def __init__(self) -> None:
        transform = cosine_transform()
        self._to_cepstra = torch.tensor(transform, dtype=torch.float32)
        self._to_bands = torch.tensor(np.linalg.inv(transform), dtype=torch.float32)
        self._warps = torch.tensor(np.stack([_warp(factor) for factor in self._WARPS]), dtype=torch.float32)
        order, band = np.arange(len(self._RESPONSE)), np.arange(MEL_BANDS) + 0.5
        curves = np.cos(np.pi * order[:, None] * band[None, :] / MEL_BANDS) * np.array(self._RESPONSE)[:, None]
        self._curves = torch.tensor(curves, dtype=torch.float32)

    def __call__(self, cepstra: Tensor) -> Tensor:
        """Return a batch (batch, frames, 40) of the same shape, changed per row."""
        rows = len(cepstra)
        bands = torch.bmm(cepstra @ self._to_bands, self._warps[torch.randint(len(self._warps), (rows,))])
        bands = bands + (torch.randn(rows, len(self._curves)) @ self._curves)[:, None]
        place = torch.arange(MEL_BANDS)[None]
        start = torch.randint(MEL_BANDS, (rows, 1))
        blank = (place >= start) & (place < start + torch.randint(1, self._WIDEST_BLANK + 1, (rows, 1)))
        blank &= torch.rand(rows, 1) < self._BLANK_SHARE
        bands = torch.where(blank[:, None], bands.mean(dim=(1, 2), keepdim=True), bands)
        return bands @ self._to_cepstra


def _warp(factor: float) -> NDArray[np.float64]:
    """Return the matrix (bands, bands) that moves every band to `factor` times its frequency."""
    width = (mel(HIGH_HZ) - mel(LOW_HZ)) / (MEL_BANDS + 1)
    hertz = 700.0 * (np.exp(band_centres_mel() / 1127.0) - 1.0)
    source = np.clip((mel(hertz * factor) - mel(LOW_HZ)) / width - 1.0, 0, MEL_BANDS - 1)
    lower = np.minimum(source.astype(int), MEL_BANDS - 2)
    share = source - lower
    matrix = np.zeros((MEL_BANDS, MEL_BANDS))
    matrix[lower, np.arange(MEL_BANDS)] = 1.0 - share
    matrix[lower + 1, np.arange(MEL_BANDS)] += share
    return matrix


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained network, the shares of the pdfs in what it was trained on, and how it went.

    `steps` counts those of the network that it went on from too.
    """

    network: Tdnn
    priors: NDArray[np.float32]
    steps: int
    loss: float
    frame_accuracy: float


def fit(
    features: Features,
    *,
    seed: int,
    minutes: float,
    report: Report,
    pdfs: int = len(PDFS),
    hidden: int = HIDDEN,
    start: Checkpoint | None = None,
    at_most: int | None = None,
) -> Fitted:
    """Train for `minutes`, from nothing or from `start`; the learning rate falls to nothing exactly then.

    What is learnt depends on the seed and on how many steps the machine makes in the time. With `at_most`, it ends
    after that many steps whatever the time is, and a fast machine learns no more than a slow one.
    """
    torch.manual_seed(seed)
    counts = torch.bincount(torch.from_numpy(features.pdfs).long(), minlength=pdfs).float()
    network = Tdnn(pdfs=pdfs, hidden=hidden)
    sample = torch.from_numpy(features.cepstra[::50]).float()
    network.mean.copy_(sample.mean(0))
    network.deviation.copy_(sample.std(0) + 1e-3)
    if start is not None:
        network.load_state_dict(start.state)
    peak_rate = _PEAK_RATE if start is None else _PEAK_RATE_OF_MORE
    schedule = Schedule(peak_rate, minutes, at_most)
    steps, loss, accuracy = _descend(network, _Windows((features,)), _frame_loss, schedule, report)
    steps += 0 if start is None else start.steps
    priors = torch.clamp(counts / counts.sum(), min=_LEAST_PRIOR)
    return Fitted(network.eval(), (priors / priors.sum()).numpy(), steps, loss, accuracy)


@dataclass(frozen=True, slots=True)
class Beside:
    """Other features to learn from, and which share they are of what each step sees."""

    features: Features
    share: float


def refine(
    fitted: Fitted,
    features: Features,
    *,
    beside: Sequence[Beside] = (),
    seed: int,
    steps: int,
    report: Report,
) -> Fitted:
    """Go on from `fitted` for so many steps, now with the loss of `sequence` beside that of single frames.

    `beside` are people's voices, rooms and microphones: learnt without forgetting the sounds of `features` that
    their few words do not hold.
    """
    competition = Competition(torch.from_numpy(fitted.priors))

    def loss(named: Tensor, wanted: Tensor) -> Tensor:
        return _frame_loss(named, wanted) + _COMPETITION_WEIGHT * competition(named, wanted)

    shares = [each.share for each in beside]
    windows = _Windows((features, *(each.features for each in beside)), (1 - sum(shares), *shares))
    schedule = Schedule(_PEAK_RATE_OF_REFINING, 0.0, steps)
    torch.manual_seed(seed)
    network = deepcopy(fitted.network)
    network.dropout.p = 0.0
    _, _, accuracy = _descend(network, windows, loss, schedule, report)
    return replace(fitted, network=network.eval(), steps=fitted.steps + steps, frame_accuracy=accuracy)


@dataclass(frozen=True, slots=True)
class Schedule:
    """The highest learning rate, and when it has fallen to nothing: after `minutes`, or after `at_most` steps."""

    peak_rate: float
    minutes: float
    at_most: int | None

    def share(self, steps: int, elapsed_s: float) -> float:
        """Say which part of the way is behind."""
        if self.at_most is None:
            return elapsed_s / (60 * self.minutes)
        return steps / self.at_most if self.at_most else 1.0


class _Windows:
    """Draws batches of windows out of several long recordings, `shares` of each."""

    def __init__(self, sources: Sequence[Features], shares: Sequence[float] = (1.0,)) -> None:
        self._sources = [
            (torch.from_numpy(source.cepstra), torch.from_numpy(source.pdfs), round(_BATCH * share))
            for source, share in zip(sources, shares, strict=True)
        ]
        self._window = torch.arange(SUBSAMPLING * (_OUTPUTS - 1) + 1 + 2 * CONTEXT_FRAMES) - CONTEXT_FRAMES

    def draw(self) -> tuple[Tensor, Tensor]:
        """Return cepstra (batch, frames, 40) and their labels (batch, outputs)."""
        cepstra: list[Tensor] = []
        wanted: list[Tensor] = []
        for source, pdfs, rows in self._sources:
            first, last = CONTEXT_FRAMES // SUBSAMPLING + 1, len(pdfs) - _OUTPUTS - CONTEXT_FRAMES
            starts = torch.randint(first, last, (rows,))[:, None]
            cepstra.append(source[SUBSAMPLING * starts + self._window].float())
            wanted.append(pdfs[starts + torch.arange(_OUTPUTS)].long())
        return torch.cat(cepstra), torch.cat(wanted)


def _frame_loss(named: Tensor, wanted: Tensor) -> Tensor:
    return nn.functional.cross_entropy(named.flatten(0, 1), wanted.flatten(), label_smoothing=0.02)


def _descend(
    network: Tdnn,
    windows: _Windows,
    losses: Callable[[Tensor, Tensor], Tensor],
    schedule: Schedule,
    report: Report,
) -> tuple[int, float, float]:
    """Take steps until the schedule is over; return their number, and loss and accuracy in the last of them."""
    change = SpectralAugmentation()
    descent = torch.optim.AdamW(network.parameters(), lr=schedule.peak_rate, weight_decay=1e-3)
    started = reported = time.monotonic()
    steps, recent = 0, torch.zeros(3)
    loss = accuracy = math.nan
    network.train()
    while (share := schedule.share(steps, time.monotonic() - started)) < 1:
        for group in descent.param_groups:
            group["lr"] = schedule.peak_rate * _rate(share)
        cepstra, wanted = windows.draw()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            named = network(change(cepstra))
        named = named.float()
        step_loss = losses(named, wanted)
        descent.zero_grad()
        torch.autograd.backward(step_loss)
        nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        descent.step()
        steps += 1
        right = (named.argmax(2) == wanted).float().mean()
        recent += torch.stack([step_loss.detach(), right, torch.ones(())])
        if time.monotonic() - reported >= _REPORT_EVERY_S:
            loss, accuracy = (recent[:2] / recent[2]).tolist()
            report(f"training: {share:.0%}, step {steps}, loss {loss:.3f}, frames right {accuracy:.1%}")
            reported, recent = time.monotonic(), torch.zeros(3)
    if recent[2] > 0:
        loss, accuracy = (recent[:2] / recent[2]).tolist()
    return steps, loss, accuracy


def _rate(share: float) -> float:
    """Rise for the first twentieth, then fall as a cosine."""
    if share < _WARM_UP_SHARE:
        return 0.04 + 0.96 * share / _WARM_UP_SHARE
    return 0.5 * (1 + math.cos(math.pi * (share - _WARM_UP_SHARE) / (1 - _WARM_UP_SHARE)))
