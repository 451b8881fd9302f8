"""WAV files as 16 kHz mono s16le, whatever PCM they hold (shell: reads files).

Standard library only, because devices have no numpy: a windowed-sinc polyphase resampler, quick enough for
phrases and mentions (20 seconds of 44.1 kHz a second on an x86-64 core); a microphone never needs it.
"""

from __future__ import annotations  # array[int] exists for type checkers only before Python 3.12

import math
import sys
import wave
from array import array
from functools import lru_cache
from operator import mul
from pathlib import Path
from typing import Final

from edge_agent.model.errors import VoiceError
from edge_agent.voice.libvosk import RATE

LONGEST_S: Final = 3600
"""A longer file is refused: everything is held in memory."""

_ZERO_CROSSINGS: Final = 12
_PASSBAND: Final = 0.94
"""Where the low-pass begins to fall, as a share of the narrower Nyquist frequency."""
_MOST_PHASES: Final = 640
"""What 11025 Hz needs, the most of any usual rate. A stranger's file of 383999 Hz would else take 400 MB for them; a
sample of such a one is taken from a 640th beside its place at most."""
_FRAMES_AT_ONCE: Final = 2**16


def read_wav(path: Path, most_s: float = math.inf) -> bytes:
    """Return a WAV file's audio as 16 kHz mono s16le, `most_s` of it; channels are averaged, other rates resampled.

    Raise VoiceError, naming the file, when it cannot be read or holds no PCM.
    """
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, rate, frames = file.getparams()[:4]
            if path.is_file():  # what was written through a pipe announces the most that a header can
                frames = min(frames, path.stat().st_size // (channels * width))
            frames = int(min(frames, most_s * rate))
            if frames > LONGEST_S * rate:
                raise VoiceError(f"{path} is longer than {LONGEST_S // 60} minutes.", "Cut it into parts.")
            raw = file.readframes(frames)
    except OSError as error:
        raise VoiceError(f"{path} cannot be read: {error.strerror or error}.", "Check the path.") from error
    except (
        wave.Error,
        EOFError,
        RuntimeError,
    ) as error:  # of a chunk that ends beyond the file, `wave` says the last
        reason = str(error) or "it ends too early"
        raise VoiceError(f"{path} is not a PCM WAV file: {reason}.", "Convert it to 16-bit PCM WAV.") from error
    if not 4000 <= rate <= 384_000:  # noqa: PLR2004  what sound hardware and telephones use
        raise VoiceError(f"{path} has a sampling rate of {rate} Hz.", "Convert it to 16000 Hz.")
    samples = to_mono(to_16_bit(raw[: len(raw) // (width * channels) * width * channels], width), channels)
    return to_bytes(samples if rate == RATE else resample(samples, rate))


def resample(samples: array[int], rate: int) -> array[int]:
    """Return 16-bit samples at 16 kHz, low-pass filtered below the narrower of the two Nyquist frequencies."""
    divisor = math.gcd(rate, RATE)
    up, down = RATE // divisor, rate // divisor
    reach, phases = _filters(min(up, _MOST_PHASES), up / down)
    padded = array("h", bytes(2 * reach)) + samples + array("h", bytes(2 * reach + 2))
    resampled = array("h")
    for index in range(len(samples) * up // down):
        first, phase = divmod(index * down, up)
        # The window of padded samples whose middle is the position `first + phase / up` of the original.
        value = sum(map(mul, phases[phase * len(phases) // up], padded[first + 1 : first + 1 + 2 * reach]))
        resampled.append(max(-32768, min(32767, round(value))))
    return resampled


@lru_cache(maxsize=4)
def _filters(count: int, ratio: float) -> tuple[int, tuple[tuple[float, ...], ...]]:
    """Return the reach in samples to either side, and one unity-gain filter for each of `count` phases."""
    cutoff = _PASSBAND * min(1.0, ratio)
    reach = math.ceil(_ZERO_CROSSINGS / cutoff)

    def weight(distance: float) -> float:
        if abs(distance) >= reach:
            return 0.0
        x = math.pi * cutoff * distance
        hann = 0.5 + 0.5 * math.cos(math.pi * distance / reach)
        return hann * (math.sin(x) / x if x else 1.0)

    phases = []
    for phase in range(count):
        weights = [weight(offset - phase / count) for offset in range(1 - reach, reach + 1)]
        total = sum(weights)
        phases.append(tuple(each / total for each in weights))
    return reach, tuple(phases)


def to_16_bit(raw: bytes, width: int) -> array[int]:
    """Return the samples of little-endian PCM of 1 (unsigned) to 4 bytes a sample as 16-bit ones."""
    if width == 1:
        return array("h", ((byte - 128) << 8 for byte in raw))
    wanted = bytearray(len(raw) // width * 2)
    # WAV is little-endian: the two most significant bytes of each sample are its last two.
    wanted[0::2], wanted[1::2] = raw[width - 2 :: width], raw[width - 1 :: width]
    samples = array("h", bytes(wanted))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def to_mono(samples: array[int], channels: int) -> array[int]:
    """Return the mean of the channels of interleaved samples."""
    if channels == 1:
        return samples
    if channels == 2:  # noqa: PLR2004  the usual case, several times as quick
        mono = array("h")
        for start in range(0, len(samples), 2 * _FRAMES_AT_ONCE):  # a list takes twenty times what an array does
            some = samples[start : start + 2 * _FRAMES_AT_ONCE]
            mono.extend([(left + right) // 2 for left, right in zip(some[::2], some[1::2], strict=True)])
        return mono
    every = [samples[channel::channels] for channel in range(channels)]
    return array("h", (sum(frame) // channels for frame in zip(*every, strict=True)))


def to_bytes(samples: array[int]) -> bytes:
    """Return 16-bit samples as little-endian bytes."""
    if sys.byteorder == "big":
        samples = samples[:]
        samples.byteswap()
    return samples.tobytes()
