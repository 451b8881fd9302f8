"""A loss that looks at whole strings of phones: what was said must win over anything else.

A network fitted to single frames need not tell strings of phones apart, and telling a phrase from `[unk]`, a free
string of phones, is all that a wake word asks of it. This is lattice-free MMI: D. Povey et al., "Purely
sequence-trained neural networks for ASR based on lattice-free MMI", Interspeech 2016. The numerator is every path
through the labelled phones whose borders lie within a tolerance of the labels'; the denominator is every path through
a free loop of phones, with the probabilities that the graph gives to the loop of `[unk]`. A loop without a language
model is meant: what is listened for later are names that no text holds.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from edge_agent.voice.training.graph import PHONE_STAYS, SILENCE_STAYS

SCALE: Final = 0.5
"""How much a frame's log likelihood weighs against the steps between phones."""

_TOLERANCE_FRAMES: Final = 2
_SILENCE_NEXT: Final = 0.5
_IMPOSSIBLE: Final = -1e4
_MOST: Final = 60.0
"""Nats beyond which an utterance no longer counts: its labels must be wrong."""


class Competition:
    """The loss of a batch, for a network whose outputs have these `priors` (pdfs); output 0 is silence."""

    def __init__(self, priors: Tensor) -> None:
        pdfs = len(priors)
        self._log_priors = priors.log()
        self._stays = torch.full((pdfs,), PHONE_STAYS)
        self._stays[0] = SILENCE_STAYS
        self._enters = torch.full((pdfs,), (1 - _SILENCE_NEXT) / (pdfs - 1))
        self._enters[0] = _SILENCE_NEXT
        self._begins = 0.5 * self._enters + 0.5 / pdfs  # a window may begin inside a phone
        self._steps = torch.diag(self._stays) + (1 - self._stays)[:, None] * self._enters

    def __call__(self, named: Tensor, wanted: Tensor) -> Tensor:
        """Return the mean loss per frame of unnormalised `named` (batch, frames, pdfs) and labels (batch, frames)."""
        likelihoods = SCALE * (torch.log_softmax(named, 2) - self._log_priors)
        lost = self.anything(likelihoods) - self.what_was_said(likelihoods, wanted)
        return lost.clamp(max=_MOST).mean() / wanted.shape[1]

    def anything(self, likelihoods: Tensor) -> Tensor:
        """Return the log probability (batch) of all strings of phones together."""
        loudest = likelihoods.max(2).values
        scaled = (likelihoods - loudest[..., None]).exp()
        total = loudest.sum(1)
        forward = self._begins * scaled[:, 0]
        for frame in range(1, scaled.shape[1]):
            norm = forward.sum(1)
            total = total + norm.log()
            forward = ((forward / norm[:, None]) @ self._steps) * scaled[:, frame]
        return total + forward.sum(1).log()

    def what_was_said(self, likelihoods: Tensor, wanted: Tensor) -> Tensor:
        """Return the log probability (batch) of the labelled phones, with some freedom in where one ends."""
        rows, frames = wanted.shape
        new = torch.cat([torch.zeros(rows, 1, dtype=torch.long), (wanted[:, 1:] != wanted[:, :-1]).long()], 1)
        place = new.cumsum(1)  # which phone of its row a frame is labelled with
        phones = torch.zeros(rows, int(place.max()) + 1, dtype=torch.long).scatter_(1, place, wanted)
        heard = likelihoods.gather(2, phones[:, None].expand(rows, frames, -1))
        heard = torch.where(_near(place, phones.shape[1]), heard, torch.tensor(_IMPOSSIBLE))
        stays = self._stays[phones].log()
        enters = ((1 - self._stays)[phones[:, :-1]] * self._enters[phones[:, 1:]]).log()
        before = torch.full((rows, 1), _IMPOSSIBLE)
        first = torch.arange(phones.shape[1]) == 0
        forward = torch.where(first, self._begins[phones].log() + heard[:, 0], torch.tensor(_IMPOSSIBLE))
        for frame in range(1, frames):
            entered = torch.cat([before, forward[:, :-1] + enters], 1)
            forward = torch.logaddexp(forward + stays, entered) + heard[:, frame]
        return forward.gather(1, place[:, -1:])[:, 0]


def _near(place: Tensor, phones: int) -> Tensor:
    """Say for each frame (batch, frames, phones) whether a phone's labels lie within the tolerance."""
    rows, frames = place.shape
    number = torch.arange(frames).expand(rows, frames)
    start = torch.full((rows, phones), frames + _TOLERANCE_FRAMES + 1).scatter_reduce_(1, place, number, "amin")
    end = torch.full((rows, phones), -_TOLERANCE_FRAMES - 1).scatter_reduce_(1, place, number, "amax")
    number = number[..., None]
    return (number >= start[:, None] - _TOLERANCE_FRAMES) & (number <= end[:, None] + _TOLERANCE_FRAMES)
