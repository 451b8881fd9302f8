"""What a resident says around a placement, on whole devices: real agent, real speech, real hooks."""

import asyncio
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from edge_agent.standin.household import Device
from tests.brokers import RunningBroker
from tests.e2e.homes import Fleet, agree, decision_on, make_device, running, shelved

pytestmark = pytest.mark.e2e

SPEECH = Path(str(files("edge_agent.standin") / "speech"))
MORNING = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)


async def say(device: Device, recording: str, phrase: str) -> int:
    """Speak in front of the device until it has heard the phrase; return a mark from before."""
    mark = device.mark
    speaking = asyncio.create_task(device.speak(SPEECH / f"{recording}.wav"))
    await device.expect(
        f'hearing "{phrase}"', lambda m: m["type"] == "heard" and m["heard"]["phrase"] == phrase, mark
    )
    await speaking
    return mark


def event(crid: str, kind: str) -> Any:
    return lambda m: (
        m["type"] == "play" and m["play"]["crid"] == crid and kind in [each["kind"] for each in m["play"]["events"]]
    )


async def test_more_then_a_page_for_the_phone_then_stop_and_a_wake_phrase_opens_it_again(
    tmp_path: Path, own_broker: RunningBroker
) -> None:
    fleet = Fleet(tmp_path / "fleet", own_broker)
    await fleet.publish_sample("lumen-tea")
    tv = make_device(
        "tv", tmp_path, broker_port=own_broker.port, root_json=fleet.root_json, listens=True, timezone="UTC"
    )
    async with running(tv):
        await shelved(tv)
        await agree(tv)
        await tv.set_clock(MORNING)
        mark = tv.mark
        assert (await decision_on(tv, "power_on"))["chosen"]["crid"] == "sunrise"
        await tv.expect("the boot screen", event("sunrise", "impression"), mark)
        mark = await say(tv, "tell-me-more", "tell me more")
        await tv.expect("the dialogue", event("sunrise-more", "complete"), mark)
        mark = await say(tv, "send-it-to-my-phone", "send it to my phone")
        await tv.expect("the code", event("brew", "impression"), mark)
        screen = await tv.get("/v1/screen")
        assert (screen["crid"], screen["format"], screen["mime"]) == ("brew", "companion_page", "image/png")
        mark = await say(tv, "stop", "stop")
        await tv.expect("its end", event("brew", "close"), mark)
        sounded = tv.runtime / "speaker" / "cue.wav"
        assert not sounded.exists()
        await say(tv, "hey-television", "hey television")
        async with asyncio.timeout(20):
            while not sounded.exists():  # noqa: ASYNC110  no event tells of a file's birth
                await asyncio.sleep(0.05)


async def test_a_speaker_without_a_screen_says_where_the_page_is(tmp_path: Path, own_broker: RunningBroker) -> None:
    fleet = Fleet(tmp_path / "fleet", own_broker)
    await fleet.publish_sample("puddle-boots")
    pack = tmp_path / "fleet" / "packs" / "puddle-boots" / "pack.toml"
    text = pack.read_text("utf-8").replace('follow_up = "rain-more"', 'follow_up = "rain-more"\ncompanion = "page"')
    page = 'crid = "page"\nformat = "companion_page"\ndur = 20\ntranscript = "Scan it."\n'
    pack.write_text(f'{text}\n[[creatives]]\n{page}link = "https://puddle-boots.example/red"\n', "utf-8")
    await fleet.publish_sample("puddle-boots")
    speaker = make_device("speaker", tmp_path, broker_port=own_broker.port, root_json=fleet.root_json, listens=True)
    async with running(speaker):
        await shelved(speaker)
        await agree(speaker)
        mark = speaker.mark
        await decision_on(speaker, "assistant_answered", "weather")
        await speaker.expect("the mention", event("rain", "complete"), mark)
        mark = await say(speaker, "send-it-to-my-phone", "send it to my phone")
        told = await speaker.expect("an answer", lambda m: m["type"] == "why", mark)
        assert told["reason"].endswith("The page is https://puddle-boots.example/red.")
