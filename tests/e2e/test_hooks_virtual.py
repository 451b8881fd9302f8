"""The shipped virtual devices, driven by the renderer as the agent does, through the profiles that ship with them."""

import asyncio
import json
import os
import shutil
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from edge_agent.model.events import CloseRequested, DeviceChanged, MomentArose
from edge_agent.model.formats import Format
from edge_agent.model.identity import PlayId
from edge_agent.model.moment import Moment, MomentKind
from edge_agent.model.play import CloseCause, PlayEventKind
from edge_agent.settings.rooms import RenderSettings
from edge_agent.shipped import shipped
from tests.rendering import NOW, PYTHON, Room, death_of, kinds, make_play, profile_settings, running

PROGRESS = ["loaded", "impression", "firstQuartile", "midpoint", "thirdQuartile", "complete"]
RATE = 8000


def note(tmp_path: Path, device: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((tmp_path / "runtime" / device / "now.json").read_text())
    return read


def write_wav(path: Path, seconds: float) -> bytes:
    """Write a WAV whose samples all differ from their neighbours, and return the samples."""
    samples = b"".join((index % 30000).to_bytes(2, "little") for index in range(int(seconds * RATE)))
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples)
    return samples


def heard(tmp_path: Path) -> bytes:
    with wave.open(str(tmp_path / "runtime" / "speaker" / "last.wav"), "rb") as read:
        assert (read.getnchannels(), read.getsampwidth(), read.getframerate()) == (1, 2, RATE)
        return read.readframes(read.getnframes())


@pytest.fixture
def poster(tmp_path: Path) -> Path:
    path = tmp_path / "poster.png"
    path.write_bytes(b"\x89PNG not really")
    return path


@pytest.mark.parametrize("profile", ["virtual-tv", "virtual-fridge"])
async def test_a_screen_shows_a_placement_to_its_end(profile: str, tmp_path: Path, poster: Path) -> None:
    room = Room(profile_settings(profile, tmp_path))
    room.renderer.start(make_play(poster, dur_s=0.4))
    events = await room.until(PlayEventKind.IMPRESSION)
    shown = note(tmp_path, "screen")
    assert shown["play"] == "play-1"
    (copy,) = (tmp_path / "runtime" / "screen").glob("*.png")
    assert (shown["asset"], copy.read_bytes()) == (str(copy), b"\x89PNG not really")
    assert (shown["creative"]["transcript"], shown["creative"]["mime"]) == ("Bread from around here.", "image/png")
    assert (shown["creative"]["w"], shown["creative"]["h"], shown["dur_s"]) == (1920, 1080, 0.4)
    events += await room.rest()
    assert kinds(events) == PROGRESS
    assert events[-1].t_ms - events[1].t_ms >= 400, "a hook measures its own time; complete means the whole duration"
    assert note(tmp_path, "screen") == {"play": None}
    assert [path.name for path in (tmp_path / "runtime" / "screen").iterdir()] == ["now.json"]


async def test_a_screen_is_cleared_when_it_is_closed(tmp_path: Path, poster: Path) -> None:
    room = Room(profile_settings("virtual-tv", tmp_path))
    room.renderer.start(make_play(poster, dur_s=60, max_dur_s=60))
    await room.until(PlayEventKind.IMPRESSION)
    room.renderer.close(PlayId("play-1"), CloseCause.PRESS)
    assert kinds(await room.rest()) == ["close"]
    assert note(tmp_path, "screen") == {"play": None}


async def test_nothing_counts_on_a_screen_that_is_off(tmp_path: Path, poster: Path) -> None:
    settings = profile_settings("virtual-tv", tmp_path)
    (tmp_path / "runtime").mkdir()
    (tmp_path / "runtime" / "power.json").write_text('{"powered": false}')
    room = Room(settings)
    events = await room.play_out(make_play(poster))
    assert (kinds(events), events[0].detail) == (["error"], "the screen is off")
    (tmp_path / "runtime" / "power.json").write_text('{"powered": true}')
    room.renderer.start(make_play(poster, dur_s=60, max_dur_s=60))
    await room.until(PlayEventKind.IMPRESSION)
    (tmp_path / "runtime" / "power.json").write_text('{"powered": false}')
    assert kinds(await room.rest()) == ["close"], "switched off in the middle, it was not completed"


@pytest.mark.parametrize("profile", ["virtual-tv", "virtual-speaker", "virtual-fridge"])
async def test_a_speaker_plays_every_sample(profile: str, tmp_path: Path) -> None:
    samples = write_wav(tmp_path / "hello.wav", 0.45)
    room = Room(profile_settings(profile, tmp_path))
    room.renderer.start(make_play(tmp_path / "hello.wav", fmt=Format.VOICE_MENTION, mime="audio/wav"))
    events = await room.until(PlayEventKind.IMPRESSION)
    saying = note(tmp_path, "speaker")
    assert (saying["play"], saying["creative"]["transcript"]) == ("play-1", "Bread from around here.")
    events += await room.rest()
    assert kinds(events) == PROGRESS
    assert heard(tmp_path) == samples
    assert note(tmp_path, "speaker") == {"play": None}


async def test_a_mention_that_is_closed_was_heard_up_to_there(tmp_path: Path) -> None:
    samples = write_wav(tmp_path / "hello.wav", 4)
    room = Room(profile_settings("virtual-speaker", tmp_path))
    room.renderer.start(make_play(tmp_path / "hello.wav", fmt=Format.VOICE_MENTION, mime="audio/wav"))
    await room.until(PlayEventKind.FIRST_QUARTILE)
    room.renderer.close(PlayId("play-1"), CloseCause.WORD)
    assert kinds(await room.rest()) == ["close"]
    played = heard(tmp_path)
    assert samples.startswith(played)
    assert len(samples) / 4 <= len(played) < len(samples)
    assert note(tmp_path, "speaker") == {"play": None}


async def test_a_mention_without_a_recording_takes_its_time_in_silence(tmp_path: Path) -> None:
    room = Room(profile_settings("virtual-speaker", tmp_path))
    play = make_play(None, fmt=Format.VOICE_MENTION, mime="audio/wav", dur_s=0.2)
    assert kinds(await room.play_out(play)) == PROGRESS


@pytest.mark.parametrize(
    ("content", "why"), [(b"", "not a WAV"), (b"RIFF....WAVEnoise", "not a WAV"), (None, "longer than its slot")]
)
async def test_a_speaker_refuses_what_it_cannot_play(tmp_path: Path, content: bytes | None, why: str) -> None:
    if content is None:
        write_wav(tmp_path / "odd.wav", 9)
    else:
        (tmp_path / "odd.wav").write_bytes(content)
    room = Room(profile_settings("virtual-speaker", tmp_path))
    events = await room.play_out(make_play(tmp_path / "odd.wav", fmt=Format.VOICE_MENTION, mime="audio/wav"))
    assert kinds(events) == ["error"]
    assert why in events[0].detail


async def test_a_boot_screen_is_staged_and_taken_back(tmp_path: Path, poster: Path) -> None:
    room = Room(profile_settings("virtual-tv", tmp_path))
    room.renderer.stage(make_play(poster, dur_s=5))
    await room.renderer.settled()
    boot = tmp_path / "runtime" / "boot"
    staged = json.loads((boot / "boot.json").read_text())
    assert (staged["play"], staged["title"], staged["dur_s"]) == ("play-1", "Acme spring", 5)
    assert (boot / staged["asset"]).read_bytes() == b"\x89PNG not really"
    room.renderer.stage(None)
    await room.renderer.settled()
    assert list(boot.iterdir()) == []


class Bus:
    """The demo's hand on the device: lines into its FIFO."""

    def __init__(self, tmp_path: Path) -> None:
        self._path = tmp_path / "runtime" / "bus"

    async def write(self, *lines: object) -> None:
        text = "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines)

        def send() -> None:  # opening blocks until the watch hook holds the other end, so do it in a thread
            with self._path.open("w") as bus:
                bus.write(text)

        await asyncio.to_thread(send)


@pytest.fixture
async def speaker(tmp_path: Path) -> AsyncIterator[Room]:
    async with running(profile_settings("virtual-speaker", tmp_path)) as room:
        assert await room.next_event() == DeviceChanged(powered=True), "a device tells its state when it starts"
        yield room


async def test_the_bus_survives_its_writers_and_refuses_nonsense(speaker: Room, tmp_path: Path) -> None:
    bus = Bus(tmp_path)
    await bus.write({"moment": {"kind": "assistant_answered", "topic": "weather"}})
    assert await speaker.next_event() == MomentArose(Moment(MomentKind.ASSISTANT_ANSWERED, NOW, "weather"))
    await bus.write(
        "garbage\n", "[]\n", {"press": "everything"}, {"state": {"asleep": True}}, {"state": {"powered": 1}},
        {"moment": {"kind": "birthday"}}, {"press": "close", "more": 1}, "x" * 9000 + "\n", {"press": "close"},
    )  # fmt: skip
    assert await speaker.next_event() == CloseRequested(CloseCause.PRESS)
    await bus.write({"state": {"call_in_progress": True, "do_not_disturb": False}})
    assert await speaker.next_event() == DeviceChanged(call_in_progress=True, do_not_disturb=False)
    assert note(tmp_path, "speaker") == {"play": None}, "the speaker is there before it has said anything"
    assert (tmp_path / "runtime" / "bus").stat().st_mode & 0o777 == 0o600


async def test_the_power_switch_is_remembered_and_power_on_turns_it(speaker: Room, tmp_path: Path) -> None:
    bus = Bus(tmp_path)
    await bus.write({"state": {"powered": False}})
    assert await speaker.next_event() == DeviceChanged(powered=False)
    async with running(speaker.settings) as other:
        assert await other.next_event() == DeviceChanged(powered=False)
    await bus.write({"moment": {"kind": "power_on"}})
    assert await speaker.next_event() == DeviceChanged(powered=True)
    assert await speaker.next_event() == MomentArose(Moment(MomentKind.POWER_ON, NOW))


async def test_what_a_power_cut_left_on_the_screen_is_cleared_at_the_next_start(tmp_path: Path) -> None:
    screen = tmp_path / "runtime" / "screen"
    screen.mkdir(parents=True)
    ended = await asyncio.create_subprocess_exec("true")
    await ended.wait()
    (screen / "asset-1.png").write_bytes(b"x")
    (screen / "now.json").write_text(json.dumps({"play": "old", "by": ended.pid}))
    async with running(profile_settings("virtual-tv", tmp_path)) as room:
        await room.next_event()
        assert note(tmp_path, "screen") == {"play": None}
        assert [path.name for path in screen.iterdir()] == ["now.json"]


KILLABLE = """
import signal, subprocess, sys
hook = subprocess.Popen([sys.executable, "-ISB", sys.argv[1]], stdin=subprocess.PIPE, start_new_session=True)
hook.stdin.write(sys.stdin.buffer.read())
hook.stdin.close()
print(hook.pid, flush=True)
signal.pause()
"""


async def killable_agent(
    tmp_path: Path, hook: str, request: dict[str, Any]
) -> tuple[asyncio.subprocess.Process, int]:
    """Start a process that runs a shipped hook as the agent does; return it and the hook's process id."""
    (tmp_path / "runtime").mkdir()
    pipe = asyncio.subprocess.PIPE
    agent = await asyncio.create_subprocess_exec(
        PYTHON, "-c", KILLABLE, str(shipped("firmware_hooks") / hook), stdin=pipe, stdout=pipe,
        env={"EDGE_AGENT_RUNTIME": str(tmp_path / "runtime"), "PATH": os.defpath},
    )  # fmt: skip
    assert agent.stdin is not None
    assert agent.stdout is not None
    agent.stdin.write(json.dumps({"v": 1} | request).encode() + b"\n")
    agent.stdin.close()
    return agent, int(await agent.stdout.readline())


async def test_a_hook_whose_agent_was_killed_takes_its_placement_away(tmp_path: Path, poster: Path) -> None:
    request = {
        "verb": "show", "play": "p", "asset": str(poster),
        "slot": {"format": "boot_screen", "max_dur": 60, "w": 1, "h": 1},
        "creative": {"dur": 60, "w": 1, "h": 1},
    }  # fmt: skip
    agent, pid = await killable_agent(tmp_path, "virtual_tv/show.py", request)
    assert agent.stdout is not None
    while b"impression" not in await agent.stdout.readline():
        pass
    agent.kill()
    await agent.wait()
    await death_of(pid)
    assert note(tmp_path, "screen") == {"play": None}


async def test_a_watch_hook_whose_agent_was_killed_leaves_the_bus_to_the_next_one(tmp_path: Path) -> None:
    agent, pid = await killable_agent(tmp_path, "virtual_fridge/watch.py", {"verb": "watch"})
    assert agent.stdout is not None
    assert b"powered" in await agent.stdout.readline(), "it has opened the bus"
    bus = os.open(tmp_path / "runtime" / "bus", os.O_RDWR | os.O_NONBLOCK)
    try:
        agent.kill()
        await death_of(agent.pid)  # agent.wait() waits for the hook, which has its output
        os.write(bus, b'{"moment": {"kind": "idle"}}\n')
        await death_of(pid)
        assert os.read(bus, 1000) == b'{"moment": {"kind": "idle"}}\n'
    finally:
        os.close(bus)


async def test_hooks_work_without_their_executable_bits(tmp_path: Path, poster: Path) -> None:
    copy = tmp_path / "installed"
    shutil.copytree(shipped("firmware_hooks"), copy)
    for path in copy.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o444)
    settings = profile_settings("virtual-tv", tmp_path)
    moved = RenderSettings.model_validate({**dict(settings), "hooks_directory": copy / "virtual_tv"})
    assert kinds(await Room(moved).play_out(make_play(poster))) == PROGRESS
