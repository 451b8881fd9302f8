"""Live audio of every rate becomes 16 kHz mono: it sounds the same, and phrases are heard in it as before."""

import math
import random
from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.model.errors import VoiceError
from edge_agent.voice.conversion import Converter
from edge_agent.voice.grammar import build_grammar
from edge_agent.voice.libspeexdsp import speexdsp
from edge_agent.voice.libvosk import RATE, SpeechModel
from edge_agent.voice.models import Model
from edge_agent.voice.spotting import PhraseStream
from edge_agent.voice.wav import read_wav

try:
    Converter(48_000)
except VoiceError as missing:
    pytest.skip(missing.for_person(), allow_module_level=True)


def tone(rate: int, hertz: float, channels: int = 1) -> bytes:
    samples = (round(10_000 * math.sin(2 * math.pi * hertz * n / rate)) for n in range(rate))
    return array("h", (sample for sample in samples for _ in range(channels))).tobytes()


def in_pieces(converter: Converter, pcm: bytes) -> bytes:
    """Convert in pieces of any length, whole samples or not."""
    draw = random.Random(5)
    converted = b""
    while pcm:
        length = draw.randrange(1, 9000)
        converted += converter.convert(pcm[:length])
        pcm = pcm[length:]
    return converted


def strength(pcm: bytes, hertz: float) -> float:
    """The amplitude of one frequency in the middle of a second of audio (Goertzel's sum, spelt out)."""
    samples = array("h", pcm)[RATE // 4 : RATE * 3 // 4]
    turns = [2 * math.pi * hertz * n / RATE for n in range(len(samples))]
    real = sum(sample * math.cos(turn) for sample, turn in zip(samples, turns, strict=True))
    imaginary = sum(sample * math.sin(turn) for sample, turn in zip(samples, turns, strict=True))
    return 2 * math.hypot(real, imaginary) / len(samples)


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000])
def test_every_rate_and_number_of_channels_sounds_the_same(rate: int, channels: int) -> None:
    pcm = in_pieces(Converter(rate, channels), tone(rate, 1000, channels))
    assert len(pcm) == pytest.approx(2 * RATE, abs=300)
    assert strength(pcm, 1000) == pytest.approx(10_000, rel=0.03)


def test_what_16_khz_cannot_hold_does_not_fold_back() -> None:
    assert strength(Converter(48_000).convert(tone(48_000, 11_000)), RATE - 11_000) < 100


def test_our_own_format_passes_as_it_is() -> None:
    pcm = random.Random(1).randbytes(9999)
    assert in_pieces(Converter(RATE), pcm) == pcm[:-1]


@pytest.mark.parametrize(("rate", "channels"), [(44_100, 1), (44_100, 2), (48_000, 1), (48_000, 2)])
def test_phrases_are_heard_in_audio_of_other_rates(
    rate: int, channels: int, model: Model, speech_model: SpeechModel, speech: Path
) -> None:
    phrases = ("hey kitchen", "stop", "not interested", "tell me more")
    for name in ("hey-kitchen-rms", "not-interested-slt", "tell-me-more-awb"):
        once = Converter(RATE).convert(read_wav(speech / f"{name}.wav")) + bytes(2 * RATE)
        there = _at(rate, channels, once)
        stream = PhraseStream(speech_model, build_grammar(phrases, model.vocabulary()))
        heard = [each.phrase for each in stream.feed(Converter(rate, channels).convert(there))]
        assert heard == [name.rpartition("-")[0].replace("-", " ")]


def _at(rate: int, channels: int, pcm: bytes) -> bytes:
    """Audio of 16 kHz at another rate, by straight lines between its samples: what a poor device might give."""
    samples = array("h", pcm)
    other = array("h")
    for n in range((len(samples) - 1) * rate // RATE):
        whole, part = divmod(n * RATE, rate)
        value = samples[whole] + (samples[whole + 1] - samples[whole]) * part // rate
        other.extend([value] * channels)
    return other.tobytes()


@pytest.mark.parametrize(("rate", "channels", "width"), [(0, 1, 2), (10**6, 1, 2), (48_000, 0, 2), (48_000, 1, 8)])
def test_what_is_no_audio_is_refused(rate: int, channels: int, width: int) -> None:
    with pytest.raises(VoiceError, match="that can be converted"):
        Converter(rate, channels, width)


@pytest.fixture
def no_library(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the machine seem to have no libspeexdsp."""

    def missing(_name: str) -> None:
        raise OSError

    monkeypatch.setattr("ctypes.CDLL", missing)
    speexdsp.cache_clear()
    yield
    speexdsp.cache_clear()


@pytest.mark.usefixtures("no_library")
def test_without_the_library_it_says_what_to_install() -> None:
    with pytest.raises(VoiceError) as caught:
        Converter(48_000)
    assert "libspeexdsp1" in caught.value.for_person()
    assert Converter(RATE, channels=2).convert(b"\0\0\2\0") == b"\1\0"
