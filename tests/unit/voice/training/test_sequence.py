"""The loss over strings of phones agrees with counting every path by hand."""

from __future__ import annotations

import importlib.util
import itertools

import pytest

if importlib.util.find_spec("torch") is None:
    pytest.skip("the extra `train` (torch) is not installed", allow_module_level=True)

import numpy as np
import torch
from torch import Tensor

from edge_agent.voice.training.sequence import Competition

PDFS = 3
STAYS = np.array([0.9, 0.6, 0.6])
ENTERS = np.array([0.5, 0.25, 0.25])
BEGINS = 0.5 * ENTERS + 0.5 / PDFS


def competition() -> Competition:
    return Competition(torch.full((PDFS,), 1 / PDFS))


def likelihoods(frames: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(4).normal(size=(2, frames, PDFS)).astype(np.float32))


def test_anything_is_the_sum_over_every_path() -> None:
    heard = likelihoods(4)
    total = np.zeros(2)
    for path in itertools.product(range(PDFS), repeat=4):
        steps = BEGINS[path[0]]
        for before, after in itertools.pairwise(path):
            steps *= (1 - STAYS[before]) * ENTERS[after] + (STAYS[before] if before == after else 0.0)
        total += steps * np.exp(heard[:, range(4), path].sum(1).numpy())
    np.testing.assert_allclose(competition().anything(heard).numpy(), np.log(total), atol=1e-5)


def test_what_was_said_is_the_sum_over_where_its_phones_may_meet() -> None:
    """Seven frames, labelled 1 1 1 1 2 2 2: with two frames of freedom, phone 2 begins in frames 2 to 6."""
    heard = likelihoods(7)
    wanted = torch.tensor([[1, 1, 1, 1, 2, 2, 2]] * 2)
    total = np.zeros(2)
    for start in range(2, 7):
        path = [1] * start + [2] * (7 - start)
        steps = BEGINS[1] * STAYS[1] ** (start - 1) * (1 - STAYS[1]) * ENTERS[2] * STAYS[2] ** (6 - start)
        total += steps * np.exp(heard[:, range(7), path].sum(1).numpy())
    np.testing.assert_allclose(competition().what_was_said(heard, wanted).numpy(), np.log(total), atol=1e-4)


def test_the_loss_falls_as_what_was_said_gets_likelier_and_moves_towards_it() -> None:
    wanted = torch.tensor([[0, 0, 1, 1, 1, 1, 1, 1, 1, 2, 2, 0]])
    named = torch.zeros(1, 12, PDFS, requires_grad=True)
    even = competition()(named, wanted)
    torch.autograd.backward(even)
    assert named.grad is not None
    middle = named.grad[0, 5]  # a frame that can be nothing but phone 1
    assert middle[1] < 0 < middle[2]
    right = 6.0 * torch.nn.functional.one_hot(wanted, PDFS).float()
    assert competition()(right, wanted) < even < competition()(-right, wanted)


def test_rows_with_different_numbers_of_phones_do_not_disturb_one_another() -> None:
    heard = likelihoods(6)
    wanted = torch.tensor([[0, 1, 2, 1, 2, 0], [1, 1, 1, 1, 1, 1]])
    both = competition().what_was_said(heard, wanted)
    alone = [competition().what_was_said(heard[row : row + 1], wanted[row : row + 1]) for row in range(2)]
    torch.testing.assert_close(both, torch.cat(alone))
