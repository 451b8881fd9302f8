"""WAV files of every kind become 16 kHz mono; what they sound like stays the same."""

import math
import tracemalloc
import wave
from array import array
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.model.errors import VoiceError
from edge_agent.voice.libvosk import RATE
from edge_agent.voice.models import Model
from edge_agent.voice.spotting import spot_file
from edge_agent.voice.wav import read_wav, to_mono


def tone(rate: int, hertz: float, seconds: float = 0.5, peak: int = 10_000) -> list[int]:
    return [round(peak * math.sin(2 * math.pi * hertz * index / rate)) for index in range(round(rate * seconds))]


def write(path: Path, rate: int, samples: list[int], *, width: int = 2, channels: int = 1) -> Path:
    """Write 16-bit sample values with another width: the less significant bytes are noughts."""
    if width == 1:
        raw = bytes((sample >> 8) + 128 for sample in samples)
    else:
        raw = b"".join((sample << 8 * (width - 2)).to_bytes(width, "little", signed=True) for sample in samples)
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", "not compressed"))
        file.writeframes(raw)
    return path


def strength(pcm: bytes, hertz: float) -> float:
    """The amplitude of one frequency in the middle of 16 kHz audio (Goertzel's sum, spelt out)."""
    samples = array("h", pcm)
    middle = samples[len(samples) // 4 : len(samples) * 3 // 4]
    turns = [2 * math.pi * hertz * index / RATE for index in range(len(middle))]
    real = sum(sample * math.cos(turn) for sample, turn in zip(middle, turns, strict=True))
    imaginary = sum(sample * math.sin(turn) for sample, turn in zip(middle, turns, strict=True))
    return 2 * math.hypot(real, imaginary) / len(middle)


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 24_000, 44_100, 48_000])
def test_another_rate_is_resampled(tmp_path: Path, rate: int) -> None:
    pcm = read_wav(write(tmp_path / "tone.wav", rate, tone(rate, 1000)))
    assert len(pcm) == pytest.approx(RATE, abs=4)
    assert strength(pcm, 1000) == pytest.approx(10_000, rel=0.02)


def test_what_16_khz_cannot_hold_is_filtered_out_and_does_not_fold_back(tmp_path: Path) -> None:
    pcm = read_wav(write(tmp_path / "high.wav", 48_000, tone(48_000, 11_000)))
    assert strength(pcm, RATE - 11_000) < 50


@pytest.mark.parametrize(("rate", "channels"), [(383_999, 1), (47_999, 2)])
def test_a_strangers_file_of_an_odd_rate_takes_little_more_memory_than_it_has(
    tmp_path: Path, rate: int, channels: int
) -> None:
    """A device reads what it plays; the filters of 383999 Hz took 400 MB, and were kept."""
    path = write(tmp_path / "odd.wav", rate, tone(rate, 1000, 0.1 * channels), channels=channels)
    tracemalloc.start()
    try:
        pcm = read_wav(path)
        assert tracemalloc.get_traced_memory()[1] < 24 * 2**20 + 8 * path.stat().st_size
    finally:
        tracemalloc.stop()
    assert strength(pcm, 1000 * channels) == pytest.approx(10_000, rel=0.06)


def test_16_khz_is_left_as_it_is(tmp_path: Path) -> None:
    samples = tone(RATE, 440)
    assert read_wav(write(tmp_path / "tone.wav", RATE, samples)) == array("h", samples).tobytes()


@pytest.mark.parametrize("width", [1, 3, 4])
def test_other_widths_are_read(tmp_path: Path, width: int) -> None:
    samples = tone(RATE, 440)
    read = array("h", read_wav(write(tmp_path / "tone.wav", RATE, samples, width=width)))
    assert all(abs(ours - theirs) < 256 for ours, theirs in zip(read, samples, strict=True))


def test_channels_are_averaged(tmp_path: Path) -> None:
    path = write(tmp_path / "stereo.wav", RATE, [100, 300, -50, -150], channels=2)
    assert array("h", read_wav(path)).tolist() == [200, -100]


def test_minutes_of_stereo_are_averaged_without_a_list_of_them() -> None:
    """A list of numbers takes twenty times what their array does: twenty seconds of 384 kHz took 320 MB."""
    left = array("h", range(-30_000, 30_000)) * 4
    both = array("h", [0]) * (2 * len(left))
    both[::2], both[1::2] = left, array("h", [2]) * len(left)
    tracemalloc.start()
    try:
        mono = to_mono(both, 2)
        assert tracemalloc.get_traced_memory()[1] < 16 * len(left)
    finally:
        tracemalloc.stop()
    assert mono.tolist() == [(each + 2) // 2 for each in left]


def test_an_empty_file_is_no_audio(tmp_path: Path) -> None:
    assert read_wav(write(tmp_path / "empty.wav", 44_100, [])) == b""


def _missing(_: Path) -> None:
    return None


def _text(path: Path) -> None:
    path.write_text("no audio at all")


def _nothing(path: Path) -> None:
    path.write_bytes(b"")


def _floats(path: Path) -> None:
    write(path, RATE, tone(RATE, 440), width=4)
    path.write_bytes(path.read_bytes().replace(b"fmt \x10\x00\x00\x00\x01", b"fmt \x10\x00\x00\x00\x03", 1))


def _cut_in_its_header(path: Path) -> None:
    write(path, RATE, tone(RATE, 440))
    path.write_bytes(path.read_bytes()[:20])


def _strange_rate(path: Path) -> None:
    write(path, 100, tone(RATE, 440))


def _notes_longer_than_the_file(path: Path) -> None:
    """Python's own reader calls that a bug."""
    header, sound = write(path, RATE, tone(RATE, 440)).read_bytes().split(b"data", 1)
    path.write_bytes(header + b"LIST\x00\x00\x00\x80data" + sound)


@pytest.mark.parametrize(
    "spoil",
    [_missing, _text, _nothing, _floats, _cut_in_its_header, _strange_rate, _notes_longer_than_the_file],
)
def test_what_cannot_be_read_is_said_in_one_sentence_that_names_the_file(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    path = tmp_path / "spoilt.wav"
    spoil(path)
    with pytest.raises(VoiceError) as caught:
        read_wav(path)
    assert str(path) in str(caught.value)
    assert caught.value.next_step
    assert "\n" not in caught.value.for_person()


def test_a_file_that_is_cut_short_gives_what_it_has(tmp_path: Path) -> None:
    path = write(tmp_path / "cut.wav", RATE, tone(RATE, 440), channels=2)
    path.write_bytes(path.read_bytes()[:-1001])
    assert 0 < len(read_wav(path)) < RATE


@pytest.mark.parametrize("announced", [b"\xff\xff\xff\xff", b"\x00\x00\x00\x80"], ids=["ffmpeg", "arecord"])
def test_a_file_that_was_written_through_a_pipe_is_as_long_as_it_is(tmp_path: Path, announced: bytes) -> None:
    path = write(tmp_path / "piped.wav", RATE, tone(RATE, 440))
    whole, content = read_wav(path), bytearray(path.read_bytes())
    content[4:8] = content[40:44] = announced
    path.write_bytes(content)
    assert read_wav(path) == whole


def test_a_phrase_is_heard_in_a_resampled_stereo_file(tmp_path: Path, model: Model, speech: Path) -> None:
    mono = array("h", read_wav(speech / "not-interested-rms.wav"))
    # Played too fast as it were: 3 samples for every one, so that 48 kHz is the same speech again.
    stereo = [sample for sample in mono for _ in range(6)]
    path = write(tmp_path / "stereo.wav", 48_000, stereo, channels=2)
    assert [each.phrase for each in spot_file(path, ["not interested"], model.directory)] == ["not interested"]
