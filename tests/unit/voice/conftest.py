"""The real packaged model and real recordings of synthesised speech."""

import os
from pathlib import Path

import pytest

from edge_agent.voice.libvosk import SpeechModel
from edge_agent.voice.models import Model, check_model, packaged_models

SPEECH = Path(__file__).parents[2] / "speech"


@pytest.fixture(scope="session")
def model() -> Model:
    """The packaged English model, or another one to try the same tests on."""
    other = os.environ.get("EDGE_AGENT_TEST_MODEL")
    return check_model(Path(other) if other else packaged_models()["en"])


@pytest.fixture(scope="session")
def speech_model(model: Model) -> SpeechModel:
    return model.load()


@pytest.fixture(scope="session")
def speech() -> Path:
    """The folder of what the tests listen to; speech.toml there says what each file says."""
    return SPEECH


@pytest.fixture(scope="session")
def model_directory(model: Model) -> Path:
    """Where that model is, for settings."""
    return model.directory
