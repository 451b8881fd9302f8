"""A device that speaks Mandarin: the packaged model, real audio, a placement, and what is said to it."""

from pathlib import Path
from typing import Any

import pytest

from edge_agent.standin.household import Device
from tests.brokers import RunningBroker
from tests.e2e.homes import Fleet, agree, decision_on, make_device, running, shelved

SPEECH = Path(__file__).parent.parent / "speech" / "zh"

pytestmark = pytest.mark.e2e


async def heard(device: Device, recording: str, phrase: str) -> int:
    """Say a recording in front of the device and wait until it is heard as `phrase`; return a mark from before."""
    mark = device.mark
    await device.speak(SPEECH / f"{recording}.wav")
    await device.expect(f"it hears {phrase}", lambda m: m["type"] == "heard" and m["heard"]["phrase"] == phrase, mark)
    return mark


def plays(crid: str, kind: str) -> Any:
    """Return what tells whether a feed's message is that creative's newest event."""
    return lambda m: (
        m["type"] == "play"
        and m["play"]["crid"] == crid
        and m["play"]["events"]
        and m["play"]["events"][-1]["kind"] == kind
    )


async def test_a_mandarin_device_is_woken_told_to_go_on_and_told_to_stop(
    tmp_path: Path, own_broker: RunningBroker
) -> None:
    fleet = Fleet(tmp_path / "fleet", own_broker)
    await fleet.publish_sample("puddle-boots")
    pack = tmp_path / "fleet" / "packs" / "puddle-boots" / "pack.toml"
    text = pack.read_text("utf-8").replace('lang = "en"', 'lang = "zh"')
    text = text.replace(
        'answers = { "yes" = "where", "yes please" = "where", "no" = "end" }', 'answers = { "是的" = "where" }'
    )
    pack.write_text(text, "utf-8")
    await fleet.publish_sample("puddle-boots")
    device = make_device("speaker", tmp_path, broker_port=own_broker.port, root_json=fleet.root_json, listens=True)
    config = device.config.read_text("utf-8").replace("[voice]\n", '[voice]\nwake_phrases = ["你好厨房"]\n')
    device.config.write_text(f'lang = "zh"\n{config}', "utf-8")
    async with running(device):
        await shelved(device)
        await agree(device)
        await heard(device, "hello-kitchen-f2", "你好厨房")
        mark = device.mark
        decision = await decision_on(device, "assistant_answered", "weather")
        assert decision["chosen"]["crid"] == "rain", decision["detail"]
        await device.expect("the mention begins", plays("rain", "impression"), mark)
        mark = await heard(device, "tell-me-more-f2", "告诉我更多")
        await device.expect("the dialogue begins", plays("rain-more", "impression"), mark)
        mark = await heard(device, "stop-m3", "停止")
        await device.expect("nothing plays", lambda m: m["type"] == "state" and m["state"]["playing"] is None, mark)
        await heard(device, "not-interested-m3", "不感兴趣")
        newest = (await device.get("/v1/plays"))["plays"][0]
        assert (newest["crid"], newest["close_cause"]) == ("rain-more", "word")
