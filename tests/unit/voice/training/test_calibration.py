"""Thresholds are set on talk, some of it in noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_agent.voice.training.calibration import SNR_DB, Watch, watch
from edge_agent.voice.training.calibration import _in_noise as in_noise
from edge_agent.voice.wav import read_wav


def test_noise_is_so_far_below_the_talk_and_the_same_each_time(speech: Path) -> None:
    pcm = read_wav(speech / "running-speech-rms.wav")
    behind = [speech / "running-speech-slt.wav", speech / "running-speech-awb.wav"]
    heard = in_noise(pcm, behind)
    assert heard == in_noise(pcm, behind)
    clean = np.frombuffer(pcm, "<i2").astype(float)
    noise = np.frombuffer(heard, "<i2") - clean
    assert 20 * np.log10(clean.std() / noise.std()) == pytest.approx(SNR_DB, abs=0.3)


def test_what_is_heard_at_no_threshold_is_noted_once_with_its_best_score(model_directory: Path, speech: Path) -> None:
    watched = watch(Watch(model_directory, speech / "hey-kitchen-rms.wav", ("hey kitchen", "tell me more")))
    best = [score for phrase, score in watched.events if phrase == "hey kitchen"]
    assert len(best) == 1
    assert best[0] > 2
    assert watched.hours * 3600 == pytest.approx(len(read_wav(speech / "hey-kitchen-rms.wav")) / 32000, abs=0.01)
