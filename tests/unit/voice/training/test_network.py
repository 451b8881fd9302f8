"""Folding the normalisations away changes nothing that the network says."""

from __future__ import annotations

import importlib.util
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

if importlib.util.find_spec("torch") is None:
    pytest.skip("the extra `train` (torch) is not installed", allow_module_level=True)

import torch

from edge_agent.voice.training.features import SUBSAMPLING, Features
from edge_agent.voice.training.fitting import Beside, SpectralAugmentation, fit, refine
from edge_agent.voice.training.network import CONTEXT_FRAMES, Tdnn, fold
from edge_agent.voice.training.nnet3 import Network
from edge_agent.voice.training.phones import PDFS

OUTPUTS = 5
FRAMES = SUBSAMPLING * (OUTPUTS - 1) + 1 + 2 * CONTEXT_FRAMES


def run_as_kaldi_does(network: Network, cepstra: NDArray[np.float64], frame: int) -> NDArray[np.float64]:
    """Evaluate one frame from the layers' offsets alone, as nnet3 does."""

    def at(depth: int, place: int) -> NDArray[np.float64]:
        if depth == 0:
            return np.asarray(cepstra[place], np.float64)
        layer = network.hidden[depth - 1]
        spliced = np.concatenate([at(depth - 1, place + offset) for offset in layer.offsets])
        return np.asarray(np.maximum(layer.weights @ spliced + layer.bias, 0.0), np.float64)

    said = network.output.weights @ at(len(network.hidden), frame) + network.output.bias
    return np.asarray(said, np.float64)


def test_the_folded_layers_say_what_the_network_says() -> None:
    torch.manual_seed(1)
    network = Tdnn(hidden=16)
    network.mean.normal_()
    network.deviation.uniform_(0.5, 2.0)
    network.train()
    network(torch.randn(8, FRAMES, 40))  # gives the normalisations something to remember
    network.eval()
    cepstra = torch.randn(1, FRAMES, 40)
    with torch.no_grad():
        expected = network(cepstra)[0].double().numpy()
    assert expected.shape == (OUTPUTS, len(PDFS))
    folded = fold(network, np.full(len(PDFS), 1 / len(PDFS), np.float32))
    for place in (0, OUTPUTS - 1):
        said = run_as_kaldi_does(folded, cepstra[0].double().numpy(), CONTEXT_FRAMES + SUBSAMPLING * place)
        np.testing.assert_allclose(said, expected[place], atol=1e-4)


def test_spectral_augmentation_changes_every_row_and_no_shape() -> None:
    torch.manual_seed(2)
    cepstra = torch.randn(6, 20, 40) * 10
    changed = SpectralAugmentation()(cepstra)
    assert changed.shape == cepstra.shape
    assert torch.isfinite(changed).all()
    assert all(not torch.allclose(before, after) for before, after in zip(cepstra, changed, strict=True))


@pytest.mark.slow
def test_a_short_fit_learns_what_is_easy() -> None:
    """Two sounds whose cepstra differ by a constant: a few steps tell them apart."""
    draw = np.random.default_rng(3)
    pdfs = np.repeat(draw.integers(0, 2, 400), 10).astype(np.uint8)
    cepstra = draw.standard_normal((SUBSAMPLING * len(pdfs), 40)) + 6.0 * np.repeat(pdfs, SUBSAMPLING)[:, None]
    features = Features(cepstra.astype(np.float16), pdfs)
    fitted = fit(features, seed=1, minutes=10, hidden=16, report=lambda _: None, at_most=60)
    assert fitted.steps == 60
    assert fitted.priors.sum() == pytest.approx(1.0, abs=1e-5)
    middle = 2000
    with torch.no_grad():
        window = cepstra[SUBSAMPLING * middle - CONTEXT_FRAMES :][: SUBSAMPLING * 399 + 1 + 2 * CONTEXT_FRAMES]
        said = fitted.network(torch.tensor(window[None], dtype=torch.float32))[0].argmax(1).numpy()
    assert (said == pdfs[middle : middle + 400]).mean() > 0.7


@pytest.mark.slow
def test_refining_with_people_learns_how_they_sound() -> None:
    """People say the same two sounds otherwise: who hears them while refining names them better than who does not."""

    def speech(seed: int, shift: float) -> Features:
        draw = np.random.default_rng(seed)
        pdfs = draw.integers(0, 2, 400).repeat(10).astype(np.uint8)
        cepstra = draw.standard_normal((SUBSAMPLING * len(pdfs), 40)) + 6.0 * pdfs.repeat(SUBSAMPLING)[:, None]
        return Features((cepstra + shift).astype(np.float16), pdfs)

    synthetic, people = speech(1, 0.0), speech(2, -12.0)  # both sounds of people are nearer to silence
    fitted = fit(synthetic, seed=1, minutes=10, hidden=16, report=lambda _: None, at_most=60)
    right = []
    for heard in ((), (Beside(people, 0.25),)):
        start = replace(fitted, network=deepcopy(fitted.network))
        refined = refine(start, synthetic, beside=heard, seed=1, steps=60, report=lambda _: None)
        assert refined.steps == 120
        with torch.no_grad():
            said = refined.network(torch.from_numpy(people.cepstra[None, :3000]).float())[0].argmax(1).numpy()
        first = CONTEXT_FRAMES // SUBSAMPLING
        right.append((said == people.pdfs[first : first + len(said)]).mean())
    assert right[1] > right[0] + 0.1
