"""How loud a sound is to people, and how high its waveform really goes. Pure.

Source: ITU-R BS.1770-4, annex 1 (K-weighting, gating) and annex 2 (true peak), as EBU R 128 uses them. The standard
gives its filters as coefficients for 48 kHz; for other rates they are made anew from the analogue filters behind
those (De Man, "Evaluation of implementations of the EBU R128 loudness measurement", AES 145, 2018). The filters are
applied as their exact frequency response, over the sound with a second of silence behind it for them to ring out.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]
"""Full scale is 1; one row a sample, one column a channel (L, R, C, Ls, Rs, or L, R, C, LFE, Ls, Rs)."""

_BLOCK_S: Final = 0.4
_STEP_S: Final = 0.1
_ABSOLUTE_GATE: Final = -70.0
_RELATIVE_GATE: Final = -10.0
_OFFSET: Final = -0.691
_SURROUND: Final = 10 ** (1.5 / 10)
_WEIGHTS: Final = {5: (1, 1, 1, _SURROUND, _SURROUND), 6: (1, 1, 1, 0, _SURROUND, _SURROUND)}
_OVERSAMPLING: Final = 4


@dataclass(frozen=True, slots=True)
class Loudness:
    """`integrated` in LUFS, `true_peak` in dBTP; both are -inf for silence."""

    integrated: float
    true_peak: float


def measure(samples: Samples, rate: int) -> Loudness:
    """Measure a whole sound. `rate` is samples a second."""
    return Loudness(integrated_loudness(samples, rate), true_peak(samples))


def integrated_loudness(samples: Samples, rate: int) -> float:
    """Return the gated loudness in LUFS, -inf when nothing reaches -70; a sound below 0.4 s is one block."""
    energy = _k_weighted(samples, rate) ** 2 @ _channel_weights(samples.shape[1])
    block, step = round(_BLOCK_S * rate), round(_STEP_S * rate)
    sums = np.concatenate(([0.0], np.cumsum(energy)))
    starts = np.arange(0, max(1, len(energy) - block + 1), step)
    ends = np.minimum(starts + block, len(energy))
    powers = (sums[ends] - sums[starts]) / np.maximum(ends - starts, 1)
    loud = powers[_lufs(powers) > _ABSOLUTE_GATE]
    if not len(loud):
        return -math.inf
    gate = float(_lufs(np.array([loud.mean()]))[0]) + _RELATIVE_GATE
    return float(_lufs(np.array([loud[_lufs(loud) > gate].mean()]))[0])


def true_peak(samples: Samples) -> float:
    """Return the highest point of the waveform between the samples, in dBTP: it is drawn four times as finely."""
    highest = 0.0
    for channel in samples.T:
        silence = np.zeros(len(channel) // 8 + 64)
        padded = np.concatenate((silence, channel, silence))
        fine = np.fft.irfft(np.fft.rfft(padded), _OVERSAMPLING * len(padded)) * _OVERSAMPLING
        highest = max(highest, float(np.abs(fine).max()), float(np.abs(channel).max(initial=0.0)))
    return 20 * math.log10(highest) if highest > 0 else -math.inf


def _lufs(power: Samples) -> Samples:
    with np.errstate(divide="ignore"):
        found: Samples = _OFFSET + 10 * np.log10(np.maximum(power, 0))
    return found


def _channel_weights(channels: int) -> Samples:
    return np.array(_WEIGHTS.get(channels, (1,) * channels), dtype=np.float64)


def _k_weighted(samples: Samples, rate: int) -> Samples:
    length = 1 << (len(samples) + rate - 1).bit_length()
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(length))
    response = np.ones_like(turn)
    for b, a in k_filters(rate):
        response *= np.polyval(b[::-1], turn) / np.polyval(a[::-1], turn)
    weighted: Samples = np.fft.irfft(np.fft.rfft(samples, length, axis=0) * response[:, None], length, axis=0)
    return weighted[: len(samples)]


def k_filters(rate: int) -> tuple[tuple[Samples, Samples], tuple[Samples, Samples]]:
    """Return (b, a) of the two filters: a shelf for the head, and a high pass (BS.1770-4, annex 1, tables 1, 2)."""
    q, gain_db = 0.7071752369554196, 3.999843853973347
    k = math.tan(math.pi * 1681.974450955533 / rate)
    high = 10 ** (gain_db / 20)
    band = high**0.4996667741545416
    whole = 1 + k / q + k * k
    shelf_b = np.array([high + band * k / q + k * k, 2 * (k * k - high), high - band * k / q + k * k]) / whole
    shelf_a = np.array([whole, 2 * (k * k - 1), 1 - k / q + k * k]) / whole
    q = 0.5003270373238773
    k = math.tan(math.pi * 38.13547087602444 / rate)
    whole = 1 + k / q + k * k
    pass_a = np.array([whole, 2 * (k * k - 1), 1 - k / q + k * k]) / whole
    return (shelf_b, shelf_a), (np.array([1.0, -2.0, 1.0]), pass_a)
