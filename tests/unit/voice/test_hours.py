"""Minutes of a room through the recogniser's own loop: in short what `tests.bench.voice --hours 24` does."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import dataclasses, json
from edge_agent.voice.models import model_for
from edge_agent.settings.rooms import VoiceSettings
from tests.bench.voice.hours import live_through
print(json.dumps(dataclasses.asdict(live_through(0.51, model_for(VoiceSettings())))))
"""


@pytest.mark.slow
def test_in_half_an_hour_memory_does_not_grow_and_the_clock_does_not_drift() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3]
    )
    lived = json.loads(done.stdout)
    assert lived["said"] > 25
    assert lived["heard"] >= 0.9 * lived["said"]
    assert max(lived["own_mb"]) - lived["own_mb"][0] <= 2
    assert abs(lived["drift_ms"]) <= 100
