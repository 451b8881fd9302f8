"""The packaged Mandarin model, with speakers that it was not trained on."""

from pathlib import Path

import pytest

from edge_agent.settings.rooms import VoiceSettings
from edge_agent.voice.dialogue import SPOKEN
from edge_agent.voice.libvosk import SpeechModel
from edge_agent.voice.models import Model, model_for
from edge_agent.voice.spotting import spot_audio
from edge_agent.voice.wav import read_wav

WAKES = ("你好厨房", "你好音箱", "hey kitchen")
COMMANDS = [phrase for said in SPOKEN["zh"].values() for phrase in said]


@pytest.fixture(scope="module")
def mandarin() -> Model:
    return model_for(VoiceSettings(lang="zh"))


@pytest.fixture(scope="module")
def loaded(mandarin: Model) -> SpeechModel:
    return mandarin.load()


def hear(mandarin: Model, loaded: SpeechModel, recording: Path, phrases: list[str]) -> list[str]:
    return [each.phrase for each in spot_audio(read_wav(recording), phrases, loaded, mandarin.vocabulary())]


@pytest.mark.parametrize(
    ("recording", "phrases"),
    [
        ("hello-kitchen-f2", ["你好厨房"]),
        ("hello-kitchen-m3", ["你好厨房"]),
        ("stop-f2", ["停止"]),
        ("stop-m3", ["停止"]),
        ("not-interested-m3", ["不感兴趣"]),
        ("tell-me-more-f2", ["告诉我更多"]),
        ("to-my-phone-m3", ["发到我的手机"]),
        ("wake-and-command", ["你好厨房", "告诉我更多"]),
        ("running-speech-f2", []),
    ],
)
def test_wake_phrases_and_commands_are_heard_and_nothing_else(
    mandarin: Model, loaded: SpeechModel, speech: Path, recording: str, phrases: list[str]
) -> None:
    assert hear(mandarin, loaded, speech / "zh" / f"{recording}.wav", [*WAKES, *COMMANDS]) == phrases


@pytest.mark.parametrize(
    ("recording", "phrase"), [("hey-kitchen-rms", "hey kitchen"), ("tell-me-more-rms", "tell me more")]
)
def test_english_is_heard_beside_it(
    mandarin: Model, loaded: SpeechModel, speech: Path, recording: str, phrase: str
) -> None:
    phrases = [*WAKES, *COMMANDS, "tell me more"]
    assert hear(mandarin, loaded, speech / f"{recording}.wav", phrases) == [phrase]


def test_its_size_is_less_than_six_megabytes_with_its_card(mandarin: Model) -> None:
    assert mandarin.size_bytes < 6_000_000
    assert (mandarin.directory / "README.md").is_file()
