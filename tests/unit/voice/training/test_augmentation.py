"""What was augmented keeps its labels in the right place, whatever was drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_agent.voice.training.augmentation import Heard, augment, background, frame_pdfs
from edge_agent.voice.training.features import extract
from edge_agent.voice.training.noise import draw_noise
from edge_agent.voice.training.phones import PDFS, Segment
from edge_agent.voice.training.resampling import RATE_HZ, resample, smooth_length
from edge_agent.voice.training.utterance import Utterance, load_shard, save_shard

AA, SH = PDFS.index("aa"), PDFS.index("sh")


def tone_then_hiss() -> Utterance:
    """Half a second of a low tone (aa), then half a second of hiss (sh)."""
    time = np.arange(RATE_HZ // 2) / RATE_HZ
    tone = 8000 * np.sin(2 * np.pi * 300 * time)
    hiss = np.diff(np.random.default_rng(1).standard_normal(RATE_HZ // 2 + 1)) * 3000
    samples = np.concatenate([tone, hiss]).astype(np.int16)
    return Utterance(samples, (Segment("aa", 0.5), Segment("sh", 0.5)), "test")


def test_a_frame_is_named_by_what_sounds_in_its_middle() -> None:
    heard = Heard(np.zeros(16000, np.int16), np.array([0.1, 0.3]), np.array([0, AA], np.uint8))
    frames = np.array([0, 8, 9, 28, 29, 60])  # middles at 12.5, 92.5, 102.5, 292.5, 302.5 and 612.5 ms
    assert frame_pdfs(heard, frames, 0.01, 0.025).tolist() == [0, 0, AA, AA, 0, 0]


@pytest.mark.parametrize("seed", range(12))
def test_labels_follow_the_sound_through_speed_silence_and_room(seed: int) -> None:
    heard = augment(tone_then_hiss(), np.random.default_rng(seed), voices=[])
    features = extract(heard)
    assert len(features.cepstra) == 3 * len(features.pdfs)
    assert set(features.pdfs.tolist()) <= {0, AA, SH}
    spoken = {pdf: float((features.pdfs == pdf).sum()) * 0.03 for pdf in (AA, SH)}
    assert 0.5 / 1.4 < spoken[AA] < 0.5 * 1.4
    assert spoken[AA] == pytest.approx(spoken[SH], abs=0.07)
    assert heard.pdfs.tolist() == [0, AA, SH]
    assert heard.ends_s[-1] <= len(heard.samples) / RATE_HZ
    assert features.pdfs[-1] == 0


def test_a_background_is_all_silence() -> None:
    for seed in range(8):
        features = extract(background(np.random.default_rng(seed), voices=[]))
        assert not features.pdfs.any()
        assert np.isfinite(features.cepstra).all()


def test_the_same_draw_hears_the_same() -> None:
    one, other = (augment(tone_then_hiss(), np.random.default_rng(5), voices=[]) for _ in range(2))
    np.testing.assert_array_equal(one.samples, other.samples)


def test_every_kind_of_noise_has_the_asked_length_and_unit_level() -> None:
    voice = tone_then_hiss().samples
    for seed in range(20):
        noise = draw_noise(np.random.default_rng(seed), 5001, [voice])
        assert len(noise) == 5001
        assert noise.std() == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(("up", "down"), [(20, 15), (20, 26), (320, 441), (1, 1)])
def test_resampling_moves_a_tone_by_the_ratio(up: int, down: int) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(RATE_HZ) / RATE_HZ).astype(np.float32)
    changed = resample(tone, up, down)
    assert len(changed) == -(-RATE_HZ * up // down)
    loudest = np.abs(np.fft.rfft(changed)).argmax() * RATE_HZ / len(changed)
    assert loudest == pytest.approx(440 * down / up, rel=0.01)


@pytest.mark.parametrize("least", [1, 2, 7, 97, 1000, 48_001])
def test_smooth_lengths_have_small_factors_and_are_close(least: int) -> None:
    length = rest = smooth_length(least)
    for factor in (2, 3, 5):
        while rest % factor == 0:
            rest //= factor
    assert rest == 1
    assert least <= length <= 1.2 * least + 1


def test_a_shard_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "shard.npz"
    first = tone_then_hiss()
    second = Utterance(first.samples[:500], (Segment("SIL", 0.03125),), "other")
    save_shard(path, [first, second])
    back = list(load_shard(path))
    assert [utterance.voice for utterance in back] == ["test", "other"]
    assert [utterance.segments for utterance in back] == [first.segments, second.segments]
    for before, after in zip([first, second], back, strict=True):
        np.testing.assert_array_equal(before.samples, after.samples)
