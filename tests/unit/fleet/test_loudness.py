"""The measure of loudness, on the signals of EBU Tech 3341 (minimum requirements), made here as it describes them."""

import math
import struct
from pathlib import Path

import numpy as np
import pytest

from edge_agent.fleet.authoring.loudness import Samples, integrated_loudness, k_filters, true_peak
from edge_agent.fleet.authoring.measurements import loudness_of
from edge_agent.model.errors import FormatError
from tests.fleets import wav

RATE = 48000


def tone(dbfs: float, seconds: float, rate: int = RATE) -> Samples:
    """Return a sine of 1 kHz with that peak level, one channel."""
    at = np.arange(round(seconds * rate)) / rate
    return np.asarray(10 ** (dbfs / 20) * np.sin(2 * np.pi * 1000 * at), dtype=np.float64)


def stereo(*parts: tuple[float, float], rate: int = RATE) -> tuple[Samples, int]:
    one = np.concatenate([tone(dbfs, seconds, rate) for dbfs, seconds in parts])
    return np.column_stack((one, one)), rate


SMALL = 12000
"""The long signals are made at a quarter of the rate, which the measure must not notice."""


def test_the_filters_at_48_khz_are_the_ones_that_the_standard_prints() -> None:
    (shelf_b, shelf_a), (pass_b, pass_a) = k_filters(RATE)
    assert shelf_b == pytest.approx([1.53512485958697, -2.69169618940638, 1.19839281085285], abs=1e-8)
    assert shelf_a == pytest.approx([1.0, -1.69065929318241, 0.73248077421585], abs=1e-8)
    assert list(pass_b) == [1.0, -2.0, 1.0]
    assert pass_a == pytest.approx([1.0, -1.99004745483398, 0.99007225036621], abs=1e-8)


@pytest.mark.parametrize(
    ("signal", "expected"),
    [
        (stereo((-23.0, 20)), -23.0),
        (stereo((-33.0, 20)), -33.0),
        (stereo((-36.0, 10), (-23.0, 60), (-36.0, 10), rate=SMALL), -23.0),
        (stereo((-72.0, 10), (-36.0, 10), (-23.0, 60), (-36.0, 10), (-72.0, 10), rate=SMALL), -23.0),
        (stereo((-26.0, 20), (-20.0, 20.1), (-26.0, 20), rate=SMALL), -23.0),
        ((np.column_stack([tone(dbfs, 20) for dbfs in (-28.0, -28.0, -24.0, -30.0, -30.0)]), RATE), -23.0),
    ],
    ids=["case 1", "case 2", "case 3", "case 4", "case 5", "case 6"],
)
def test_integrated_loudness_is_within_a_tenth_of_what_the_ebu_expects(
    signal: tuple[Samples, int], expected: float
) -> None:
    assert integrated_loudness(*signal) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize(
    ("parts", "phase", "amplitude", "expected"),
    [(4, 0.0, 0.5, -6.0), (4, 45.0, 0.5, -6.0), (6, 60.0, 0.5, -6.0), (8, 67.5, 0.5, -6.0), (4, 45.0, 1.41, 3.0)],
    ids=["case 15", "case 16", "case 17", "case 18", "case 19"],
)
def test_true_peak_is_between_what_the_ebu_allows(
    parts: int, phase: float, amplitude: float, expected: float
) -> None:
    at = np.arange(RATE)
    faded = np.clip(np.minimum(at, at[::-1]) / (0.02 * RATE), 0, 1)  # a sine that is cut on rings higher, rightly
    one = faded * amplitude * np.sin(2 * np.pi * at / parts + math.radians(phase))
    assert expected - 0.4 <= true_peak(np.column_stack((one, one))) <= expected + 0.2


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 96000])
def test_the_rate_makes_no_difference(rate: int) -> None:
    assert integrated_loudness(tone(-20.0, 5, rate)[:, None], rate) == pytest.approx(-23.0, abs=0.1)


def test_silence_has_no_loudness_and_a_short_sound_has_one() -> None:
    silence = np.zeros((RATE, 1))
    assert (integrated_loudness(silence, RATE), true_peak(silence)) == (-math.inf, -math.inf)
    assert integrated_loudness(tone(-20.0, 0.2)[:, None], RATE) == pytest.approx(-23.0, abs=0.2)
    assert integrated_loudness(np.zeros((0, 1)), RATE) == -math.inf


@pytest.mark.parametrize("rate", [3, 3_999, 384_001, 2**31 - 1])
def test_a_rate_that_no_sound_has_is_refused_before_it_takes_memory(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "hello.wav"
    path.write_bytes(wav(0.1)[:24] + struct.pack("<I", rate) + wav(0.1)[28:])
    with pytest.raises(FormatError, match=rf"hello\.wav has a sampling rate of {rate} Hz"):
        loudness_of(path)
