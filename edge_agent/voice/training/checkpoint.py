"""A trained network on disk, from which more training can go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from edge_agent.voice.training.phones import SILENCE


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The parameters of a network and how many steps led to them."""

    state: dict[str, Tensor]
    steps: int

    def save(self, path: Path) -> None:
        """Write it as one file, whole or not at all."""
        part = path.with_suffix(".part")
        torch.save({"state": self.state, "steps": self.steps}, part)
        part.rename(path)


def checkpoint_of(network: nn.Module, steps: int) -> Checkpoint:
    """Take a network's parameters as they are now."""
    return Checkpoint(network.state_dict(), steps)


def load_checkpoint(path: Path) -> Checkpoint | None:
    """Read back what `save` wrote; None where there is nothing yet."""
    if not path.exists():
        return None
    saved = torch.load(path, weights_only=True)
    return Checkpoint(saved["state"], saved["steps"])


def carried_over(
    start: Checkpoint, *, theirs: Sequence[str], ours: Sequence[str], like: Mapping[str, Sequence[str]]
) -> Checkpoint:
    """Return a network with the hidden layers of `start` and outputs for other phones.

    `theirs` and `ours` name the outputs before and after. Each of ours begins as the mean of those of theirs that it
    is `like`, silence as silence.
    """
    state = dict(start.state)
    rows = [[theirs.index(each) for each in ((SILENCE,) if phone == SILENCE else like[phone])] for phone in ours]
    for name in ("output.weight", "output.bias"):
        state[name] = torch.stack([start.state[name][row].mean(0) for row in rows])
    return replace(start, state=state)
