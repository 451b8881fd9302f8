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


def written_out(frame: list[int]) -> list[float]:
    """Compute one frame with loops, from the formulas of HTK's book and Kaldi's options."""
    mean = sum(frame) / len(frame)
    flat = [sample - mean for sample in frame]
    emphasised = [flat[0] * 0.03, *(flat[at] - 0.97 * flat[at - 1] for at in range(1, len(flat)))]
    windowed = [
        value * (0.5 - 0.5 * math.cos(2 * math.pi * at / (len(flat) - 1))) ** 0.85
        for at, value in enumerate(emphasised)
    ]
    strengths = []
    for place in range(256):
        angles = [2 * math.pi * place * at / 512 for at in range(len(flat))]
        real = sum(value * math.cos(angle) for value, angle in zip(windowed, angles, strict=True))
        imaginary = sum(value * math.sin(angle) for value, angle in zip(windowed, angles, strict=True))
        strengths.append(real**2 + imaginary**2)
    low, high = (1127 * math.log(1 + hertz / 700) for hertz in (20.0, 7600.0))
    width = (high - low) / 41
    energies = []
    for band in range(40):
        left, centre, right = (low + (band + side) * width for side in range(3))
        energy = 0.0
        for place, strength in enumerate(strengths):
            at_mel = 1127 * math.log(1 + place * 16000 / 512 / 700)
            if left < at_mel <= centre:
                energy += strength * (at_mel - left) / (centre - left)
            elif centre < at_mel < right:
                energy += strength * (right - at_mel) / (right - centre)
        energies.append(math.log(energy))
    return [
        math.sqrt((2 if order else 1) / 40)
        * sum(energy * math.cos(math.pi / 40 * order * (band + 0.5)) for band, energy in enumerate(energies))
        * (1 + 11 * math.sin(math.pi * order / 22))
        for order in range(40)
    ]


def test_a_frame_of_speech_equals_the_definition_written_out(speech: Path) -> None:
    pcm = read_wav(speech / "stop-rms.wav")
    samples = array("h", pcm)
    found = cepstra(pcm)
    for number in (40, 55):
        frame = samples[160 * number : 160 * number + LENGTH].tolist()
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
