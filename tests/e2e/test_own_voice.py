"""A speaker that hears itself: the real agent, its virtual loudspeaker, and a microphone in the same room."""

import asyncio
import os
import wave
from array import array
from pathlib import Path
from typing import Any

import pytest

from edge_agent.standin.household import Device
from edge_agent.voice.echo import new_remover
from edge_agent.voice.wav import read_wav
from tests.brokers import RunningBroker
from tests.e2e.homes import Fleet, agree, decision_on, make_device, running, shelved

pytestmark = pytest.mark.e2e

SPEECH = Path(__file__).parents[1] / "speech"
RATE = 16_000
BLOCK_S = 0.05
DELAY_S = 0.12
ECHO_GAIN = 0.4
PACK = """
advertiser = "chatty"
name = "Chatty: trains"
adomain = ["chatty.example"]
kinds = ["speaker"]

[[line_items]]
id = "weather"
crids = ["trains"]
flight = { start = 2026-01-01T00:00:00Z, end = 2036-01-01T00:00:00Z }
targeting = { moments = ["assistant_answered"], topics = ["weather"] }

[[creatives]]
crid = "trains"
format = "voice_mention"
asset = "mention.wav"
transcript = "Stop. The trains do not stop at this station on Sundays. My brother was interested in the garden. Stop."
"""


def mixed(*tracks: tuple[float, bytes, float]) -> bytes:
    """Lay recordings (start in seconds, samples, gain) over each other."""
    sounds = [(round(start_s * RATE), array("h", pcm), gain) for start_s, pcm, gain in tracks]
    out = [0.0] * max(at + len(samples) for at, samples, _ in sounds)
    for at, samples, gain in sounds:
        for index, sample in enumerate(samples):
            out[at + index] += gain * sample
    return array("h", (max(-32768, min(32767, int(value))) for value in out)).tobytes()


def mention() -> bytes:
    """What the pack's mention says: it begins and ends with a word that would stop it."""
    parts = ("stop-rms", "running-speech-rms", "running-speech-slt", "stop-rms")
    return b"".join(read_wav(SPEECH / f"{part}.wav") for part in parts)


async def let_in(device: Device, audio: bytes) -> None:
    """Give the microphone what can be heard in the room, at the pace of time."""
    size = round(BLOCK_S * RATE) * 2
    descriptor = await asyncio.to_thread(os.open, device.runtime / "microphone", os.O_WRONLY)
    loop = asyncio.get_running_loop()
    try:
        due = loop.time()
        for start in range(0, len(audio), size):
            due += BLOCK_S
            await asyncio.sleep(max(0.0, due - loop.time()))  # the room's own clock
            await asyncio.to_thread(os.write, descriptor, audio[start : start + size])
    finally:
        os.close(descriptor)


async def play_of(device: Device, *said: tuple[float, str, float]) -> dict[str, Any]:
    """Have the mention placed in a room where it echoes and a person speaks; return the play when it is over."""
    echo = (DELAY_S, mention(), ECHO_GAIN)
    people = ((start_s, read_wav(SPEECH / f"{name}.wav"), gain) for start_s, name, gain in said)
    room = mixed(echo, *people, (0.0, bytes(2 * RATE * 13), 0.0))
    mark = device.mark

    def event(kind: str) -> Any:
        return lambda m: m["type"] == "play" and kind in [each["kind"] for each in m["play"]["events"]]

    decision = await decision_on(device, "assistant_answered", "weather")
    assert decision["outcome"] == "selected", decision["detail"]
    await device.expect("it sounds", event("impression"), mark)
    hearing = asyncio.create_task(let_in(device, room))
    over = await device.expect(
        "it is over", lambda m: m["type"] == "play" and m["play"]["ended_at"] is not None, mark
    )
    hearing.cancel()
    await asyncio.wait([hearing])
    play: dict[str, Any] = over["play"]
    return play


@pytest.fixture
async def speaker(tmp_path: Path, own_broker: RunningBroker) -> Any:
    fleet = Fleet(tmp_path / "fleet", own_broker)
    folder = tmp_path / "fleet" / "packs" / "chatty"
    folder.mkdir(parents=True)
    (folder / "pack.toml").write_text(PACK)
    with wave.open(str(folder / "mention.wav"), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(mention())
    await fleet.publish_sample("chatty")
    device = make_device("speaker", tmp_path, broker_port=own_broker.port, root_json=fleet.root_json, listens=True)
    async with running(device):
        await shelved(device)
        await agree(device)
        yield device


async def test_a_device_that_says_stop_does_not_stop_itself(speaker: Device) -> None:
    play = await play_of(speaker)
    assert play["close_cause"] is None
    assert play["events"][-1]["kind"] == "complete"
    assert not [m for m in speaker.messages if m["type"] == "heard"]


@pytest.mark.skipif(new_remover() is None, reason="libspeexdsp is not installed")
async def test_a_person_is_heard_over_what_the_device_says(speaker: Device) -> None:
    play = await play_of(speaker, (6.0, "not-interested-slt", 0.8))
    assert play["close_cause"] == "not_interested"
    assert play["events"][-1]["kind"] == "close"
