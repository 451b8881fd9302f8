"""The cepstra equal a frame-by-frame reading of Kaldi's definition, and have its properties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.voice.training.mfcc import CEPSTRA, band_centres_mel, cosine_transform, mel, mfcc
from tests.kaldi_mfcc import written_out


@pytest.fixture
def speechlike() -> NDArray[np.int16]:
    draw = np.random.default_rng(4)
    return (800 * draw.standard_normal(3200)).astype(np.int16)


def test_equals_the_definition_written_out(speechlike: NDArray[np.int16]) -> None:
    cepstra = mfcc(speechlike)
    for number in (0, 7):
        frame = speechlike[160 * number : 160 * number + 400].astype(np.float64)
        np.testing.assert_allclose(cepstra[number], written_out(frame), atol=2e-3)


@pytest.mark.parametrize(("samples", "frames"), [(399, 0), (400, 1), (559, 1), (560, 2), (16000, 98)])
def test_only_frames_that_lie_wholly_inside_count(samples: int, frames: int) -> None:
    assert mfcc(np.ones(samples, np.int16)).shape == (frames, CEPSTRA)


def test_loudness_moves_the_first_cepstrum_alone(speechlike: NDArray[np.int16]) -> None:
    difference = mfcc(speechlike.astype(np.float32) * 4) - mfcc(speechlike)
    np.testing.assert_allclose(difference[:, 0], 40 / math.sqrt(40) * 2 * math.log(4), atol=1e-2)
    np.testing.assert_allclose(difference[:, 1:], 0, atol=1e-2)


def test_a_constant_offset_is_not_heard(speechlike: NDArray[np.int16]) -> None:
    np.testing.assert_allclose(mfcc(speechlike.astype(np.float32) + 500), mfcc(speechlike), atol=1e-2)


def test_silence_is_finite() -> None:
    assert np.isfinite(mfcc(np.zeros(1600, np.int16))).all()


def test_the_cosine_transform_can_be_undone_and_bands_rise() -> None:
    transform = cosine_transform()
    np.testing.assert_allclose(transform @ np.linalg.inv(transform), np.eye(40), atol=1e-9)
    centres = band_centres_mel()
    assert (np.diff(centres) > 0).all()
    assert float(mel(20.0)) < centres[0] < centres[-1] < float(mel(7600.0))
