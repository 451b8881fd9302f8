"""A trained network on disk, from which more training can go on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn


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
