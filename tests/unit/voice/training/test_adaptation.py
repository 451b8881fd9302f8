"""Recordings of people become training material: only the part for it, only known words, only what fits."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

if any(importlib.util.find_spec(name) is None for name in ("torch", "soundfile")):
    pytest.skip("the extra `train` is not installed", allow_module_level=True)

import numpy as np
import soundfile
import torch

from edge_agent.voice.training.adaptation import Namer, align_recordings, name_frames, transcribe_others
from edge_agent.voice.training.alignment import transcribe
from edge_agent.voice.training.errors import NoRecordingsError
from edge_agent.voice.training.network import Tdnn
from edge_agent.voice.training.people import part_of
from edge_agent.voice.training.phones import PDFS
from edge_agent.voice.training.utterance import load_shard

EVEN = np.full(len(PDFS), 1 / len(PDFS), np.float32)
LEXICON = {"hey": (("hh", "ey"),), "device": (("d", "ax", "v", "ay", "s"),)}


@pytest.fixture
def network() -> Tdnn:
    """A network that knows nothing: whatever it is asked for fits about as well."""
    torch.manual_seed(5)
    network = Tdnn(hidden=8)
    network.eval()
    return network


def record(folder: Path, count: int, seconds: float = 1.0) -> list[str]:
    """Write recordings and return the names of those to adapt on."""
    folder.mkdir(parents=True)
    draw = np.random.default_rng(6)
    names = [f"{number:04}" for number in range(count)]
    for name in names:
        samples = (draw.standard_normal(int(16_000 * seconds)) * 1000).astype(np.int16)
        soundfile.write(folder / f"{name}.flac", samples, 16_000)
    return [name for name in names if part_of(folder.name, name) == "adapt"]


def test_only_the_part_for_adaptation_of_known_phrases_is_taken(tmp_path: Path, network: Tdnn) -> None:
    adapt = record(tmp_path / "hey_device", 8)
    record(tmp_path / "hey_zenvo", 4)
    record(tmp_path / "not_wake_words", 4)
    found = align_recordings(tmp_path, tmp_path / "out", namer=Namer(network, EVEN, PDFS), lexicon=LEXICON, seed=1)
    utterances = [utterance for shard in found.shards for utterance in load_shard(shard)]
    assert 0 < len(adapt) < 8
    assert (found.taken, found.unfit) == (len(adapt), 0)
    for utterance in utterances:
        spoken = [segment.phone for segment in utterance.segments if segment.phone != "SIL"]
        assert spoken == ["hh", "ey", "d", "ax", "v", "ay", "s"]
        assert sum(segment.duration_s for segment in utterance.segments) == pytest.approx(1.0, abs=1e-3)


def test_a_recording_too_short_for_its_words_is_left_out(tmp_path: Path, network: Tdnn) -> None:
    record(tmp_path / "hey_device", 6, seconds=0.1)
    with pytest.raises(NoRecordingsError, match="hey_device"):
        align_recordings(tmp_path, tmp_path / "out", namer=Namer(network, EVEN, PDFS), lexicon=LEXICON, seed=1)


def test_other_words_get_the_phones_that_the_network_hears(tmp_path: Path, network: Tdnn) -> None:
    adapt = record(tmp_path / "not_wake_words", 8)
    record(tmp_path / "hey_device", 4)
    found = transcribe_others(tmp_path, tmp_path / "out", namer=Namer(network, EVEN, PDFS), seed=1)
    utterances = [utterance for shard in found.shards for utterance in load_shard(shard)]
    assert 0 < found.taken == len(adapt) == len(utterances)
    assert {utterance.voice for utterance in utterances} == {"people not_wake_words"}
    for utterance in utterances:
        heard = transcribe(Namer(network, EVEN, PDFS)(utterance.samples))
        assert heard is not None
        assert [segment.phone for segment in utterance.segments] == [
            segment.phone for segment in heard.segments(len(utterance.samples) / 16_000)
        ]


def test_without_other_words_there_is_nothing_to_transcribe(tmp_path: Path, network: Tdnn) -> None:
    record(tmp_path / "hey_device", 4)
    found = transcribe_others(tmp_path, tmp_path / "out", namer=Namer(network, EVEN, PDFS), seed=1)
    assert (found.shards, found.taken) == ((), 0)


def test_every_third_frame_gets_a_name_up_to_both_ends(network: Tdnn) -> None:
    named = name_frames(network, np.zeros(16_000, np.int16))
    assert named.shape == (33, len(PDFS))  # 98 frames
    np.testing.assert_allclose(np.exp(named).sum(axis=1), 1.0, atol=1e-5)
    assert name_frames(network, np.zeros(100, np.int16)).shape == (0, len(PDFS))
