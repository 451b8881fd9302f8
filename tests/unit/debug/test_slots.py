"""Device software that renders by itself: asks for a slot, gets an answer in time, reports what it rendered."""

import asyncio
from dataclasses import replace

from edge_agent.debug import slots
from tests.small_agent import SmallAgent
from tests.unit.debug.conftest import Client

ASK = {"kind": "assistant_answered", "topic": "weather", "format": "voice_mention"}


async def test_a_slot_is_answered_with_words_to_say_and_a_play(speaking: Client, speaker: SmallAgent) -> None:
    answer = await speaking.post("/v1/slots", json=ASK)
    assert answer.status == 200
    said = await answer.json()
    assert said["outcome"] == "selected"
    assert said["creative"]["text"].startswith("Rain at four.")
    assert said["creative"]["ssml"].startswith('<speak version="1.1"')
    assert said["creative"]["asset"]["mime"] == "audio/wav"
    assert speaker.renders_itself(said["play_id"])


async def test_a_refusal_says_why(speaking: Client) -> None:
    await speaking.post("/v1/state", json={"call_in_progress": True})
    said = await (await speaking.post("/v1/slots", json=ASK)).json()
    assert (said["outcome"], said["rule"], said["play_id"], said["creative"]) == (
        "refused",
        "call_in_progress",
        None,
        None,
    )
    assert said["detail"]


async def test_its_events_prove_the_play(speaking: Client, speaker: SmallAgent) -> None:
    play_id = (await (await speaking.post("/v1/slots", json=ASK)).json())["play_id"]
    for t_ms, event in enumerate(("loaded", "impression", "complete")):
        answer = await speaking.post(f"/v1/plays/{play_id}/events", json={"event": event, "t_ms": t_ms})
        assert answer.status == 202
    play = speaker.plays(1)[0]
    assert play["rendered"]
    assert play["events"][-1]["kind"] == "complete"


async def test_events_of_any_other_play_are_refused(speaking: Client, speaker: SmallAgent) -> None:
    event = {"event": "impression", "t_ms": 5}
    assert (await speaking.post("/v1/plays/nothing/events", json=event)).status == 404
    await speaking.post("/v1/moments", json={"kind": "assistant_answered", "topic": "weather"})
    by_hook = speaker.plays(1)[0]
    assert (await speaking.post(f"/v1/plays/{by_hook['play_id']}/events", json=event)).status == 404
    assert speaker.plays(1)[0] == by_hook


async def test_no_event_is_taken_after_the_last(speaking: Client) -> None:
    play_id = (await (await speaking.post("/v1/slots", json=ASK)).json())["play_id"]
    address = f"/v1/plays/{play_id}/events"
    assert (await speaking.post(address, json={"event": "skip", "t_ms": 1})).status == 202
    assert (await speaking.post(address, json={"event": "impression", "t_ms": 2})).status == 404


async def test_software_that_renders_is_told_when_the_resident_closes(speaking: Client, speaker: SmallAgent) -> None:
    play_id = (await (await speaking.post("/v1/slots", json=ASK)).json())["play_id"]
    with speaker.subscribe() as happenings:
        await speaking.post("/v1/press", json={"button": "close"})
        async with asyncio.timeout(5):
            async for message in happenings:
                if message["type"] == "state" and message["state"]["playing"] is None:
                    break
    late = await speaking.post(f"/v1/plays/{play_id}/events", json={"event": "impression", "t_ms": 9})
    assert late.status == 404
    assert speaker.plays(1)[0]["close_cause"] == "press"


async def test_an_answer_that_comes_too_late_is_a_no_fill_and_leaves_nothing_playing(
    speaking: Client, speaker: SmallAgent
) -> None:
    speaker.answers_after_s = slots.ANSWER_WITHIN_S * 4
    with speaker.subscribe() as happenings:
        said = await (await speaking.post("/v1/slots", json=ASK)).json()
        assert (said["outcome"], said["rule"], said["play_id"]) == ("no_fill", "too_late", None)
        async with asyncio.timeout(5):
            async for message in happenings:
                if message["type"] == "play" and message["play"]["events"]:
                    assert [event["kind"] for event in message["play"]["events"]] == ["error"]
                    break
    assert speaker.state()["playing"] is None
    assert not speaker.plays(1)[0]["rendered"]


async def test_markup_in_a_transcript_stays_text(speaking: Client, speaker: SmallAgent) -> None:
    play_id = (await (await speaking.post("/v1/slots", json=ASK)).json())["play_id"]
    playing = speaker.engine.playing
    assert playing is not None
    assert playing.id == play_id
    creative = playing.candidate.creative.model_copy(update={"transcript": '<break time="9s"/> & co'})
    view = slots._creative(replace(playing, candidate=replace(playing.candidate, creative=creative)))
    assert "&lt;break" in view["ssml"]
    assert "&amp; co" in view["ssml"]
