"""The cepstra on the device equal those that the network was taught on, and Kaldi's definition written out."""

from __future__ import annotations

import math
from array import array
from pathlib import Path

import numpy as np
import pytest

from edge_agent.voice.sounds.cepstra import CEPSTRA, LENGTH, cepstra, frames_in
from edge_agent.voice.training.mfcc import mfcc
from edge_agent.voice.wav import read_wav
from tests.kaldi_mfcc import written_out


def test_a_frame_of_speech_equals_the_definition_written_out(speech: Path) -> None:
    pcm = read_wav(speech / "stop-rms.wav")
    samples = array("h", pcm)
    found = cepstra(pcm)
    for number in (40, 55):
        frame = np.array(samples[160 * number : 160 * number + LENGTH], np.float64)
        assert found[CEPSTRA * number : CEPSTRA * (number + 1)].tolist() == pytest.approx(
            written_out(frame), abs=2e-3
        )


@pytest.mark.parametrize("name", ["hey-kitchen-slt", "running-speech-awb"])
def test_speech_equals_what_the_network_is_taught_on(speech: Path, name: str) -> None:
    pcm = read_wav(speech / f"{name}.wav")
    found = np.array(cepstra(pcm)).reshape(-1, CEPSTRA)
    np.testing.assert_allclose(found, mfcc(np.frombuffer(pcm, "<i2")), atol=5e-3)


def test_a_constant_on_top_changes_nothing(speech: Path) -> None:
    samples = array("h", read_wav(speech / "stop-rms.wav"))[8000:12000]
    shifted = array("h", [sample + 2000 for sample in samples])
    assert cepstra(shifted.tobytes()).tolist() == pytest.approx(cepstra(samples.tobytes()).tolist(), abs=0.05)


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (399, 0), (400, 1), (559, 1), (560, 2), (16000, 98)])
def test_only_frames_that_lie_wholly_inside_count(samples: int, frames: int) -> None:
    assert frames_in(samples) == frames
    assert len(cepstra(bytes(2 * samples))) == frames * CEPSTRA


def test_digital_silence_is_no_error() -> None:
    assert all(math.isfinite(value) for value in cepstra(bytes(3200)))
