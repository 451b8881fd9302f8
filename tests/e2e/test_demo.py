"""The whole day of the demo: every scene on real parts, and the speech that comes out of it understood by Vosk."""

from importlib.resources import files
from pathlib import Path

import pytest

from edge_agent.standin.demo import played_day
from edge_agent.voice.models import packaged_models
from edge_agent.voice.spotting import spot_file
from edge_agent.voice.wav import read_wav

MENTION = Path(str(files("edge_agent.standin"))) / "packs" / "puddle-boots" / "mention.wav"
QUESTION = Path(str(files("edge_agent.standin"))) / "packs" / "lumen-tea" / "question.wav"

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]


async def test_the_day_places_and_refuses_what_its_scenes_say_and_tells_the_collector_little() -> None:
    said: list[str] = []
    async with played_day(said.append) as outcome:
        placed = [(row.device, row.what) for row in outcome.rows if row.placed]
        refused = [(row.device, row.why) for row in outcome.rows if not row.placed]
        model = packaged_models()["en"]
        whole = read_wav(outcome.runtime["tv"] / "speaker" / "last.wav")
        cut = outcome.runtime["speaker"] / "speaker" / "last.wav"
        cut_bytes = cut.stat().st_size
        begun = spot_file(cut, ["rain"], model)
    assert [device for device, _ in placed] == ["tv", "tv", "tv", "speaker", "fridge", "speaker", "fridge"]
    assert "boot_screen" in placed[0][1]
    assert "voice_dialogue" in placed[1][1]
    assert "companion_page" in placed[2][1], "the code that the resident said yes to"
    assert len(refused) == 7
    assert all(why.endswith(".") for _, why in refused), "every refusal is a sentence"
    assert whole == read_wav(QUESTION), "what the TV said last, to its end"
    assert [detection.phrase for detection in begun] == ["rain"], "what the speaker said last"
    assert cut_bytes < MENTION.stat().st_size, "and it was cut off by the resident"
    assert outcome.reports == sum(line.reports for line in outcome.collected if line.crid)
    assert outcome.reports == 6, "one question for each creative that was published, whatever happened"
    assert not any(line.verdict == "conclusive" for line in outcome.collected), "one home tells nothing"
    assert all(row.estimate.low <= row.estimate.value <= row.estimate.high for row in outcome.simulated)
    assert any("Good morning" in line for line in said)
