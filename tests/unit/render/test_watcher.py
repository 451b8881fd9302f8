"""The device speaks through a real `watch` hook; one that dies, lies or floods is started again."""

import asyncio
import logging
import os
from pathlib import Path

import pytest

from edge_agent.model.events import CloseRequested, DeviceChanged, MomentArose
from edge_agent.model.moment import MOST_MOMENTS, Moment, MomentKind
from edge_agent.model.play import CloseCause
from tests.rendering import NOW, death_of, make_settings, running, write_hook

PREAMBLE = """
import json, os, signal, sys
request = json.loads(sys.stdin.readline())
def say(**line): print(json.dumps(line), flush=True)
with open("lives", "a") as lives: lives.write(f"{os.getpid()}\\n")
life = len(open("lives").readlines())
"""


async def test_state_moments_and_presses_become_events(tmp_path: Path) -> None:
    body = """
    assert request == {"v": 1, "verb": "watch"}
    say(state={"call_in_progress": True})
    say(moment={"kind": "assistant_answered", "topic": "weather", "attributes": {"degrees": 31}})
    say(press="close")
    say(press="not_interested")
    signal.pause()
    """
    settings = make_settings(tmp_path, watch=write_hook(tmp_path / "hooks", "watch.py", body, preamble=PREAMBLE))
    async with running(settings) as room:
        assert [await room.next_event() for _ in range(4)] == [
            DeviceChanged(call_in_progress=True),
            MomentArose(Moment(MomentKind.ASSISTANT_ANSWERED, NOW, "weather", {"degrees": 31})),
            CloseRequested(CloseCause.PRESS),
            CloseRequested(CloseCause.NOT_INTERESTED),
        ]


@pytest.mark.parametrize(
    "end",
    [
        "sys.exit(1)",
        "os.kill(os.getpid(), signal.SIGKILL)",
        "while True: say(press='close') if life == 0 else sys.stdout.write('x' * 9000)",
        "while True: print('{}', flush=True)",
    ],
)
async def test_a_watch_that_dies_or_floods_is_started_again(tmp_path: Path, end: str) -> None:
    body = f"say(moment={{'kind': 'idle', 'topic': str(life)}})\n{end}"
    settings = make_settings(tmp_path, watch=write_hook(tmp_path / "hooks", "watch.py", body, preamble=PREAMBLE))
    async with running(settings) as room:
        topics: list[str] = []
        while len(topics) < 3:
            event = await room.next_event()
            assert isinstance(event, MomentArose)
            topics.append(event.moment.topic)
    assert topics == ["1", "2", "3"]


async def test_nonsense_is_dropped_and_told_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    body = """
    print("hello", flush=True)
    say(state={"resident": "Ann"})
    say(state={"powered": 1})
    say(state={})
    say(press="close", state={"powered": False})
    say(moment={"kind": "birthday"})
    say(press="close")
    signal.pause()
    """
    settings = make_settings(tmp_path, watch=write_hook(tmp_path / "hooks", "watch.py", body, preamble=PREAMBLE))
    async with running(settings) as room:
        assert await room.next_event() == CloseRequested(CloseCause.PRESS)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "Ann" not in caplog.text


async def test_a_sensor_that_tells_of_moments_without_end_wears_out_no_card_and_hides_no_press(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Each moment is a decision, which is written down; one for each frame of a camera was 60 GB a day."""
    body = """
    import time
    for number in range(80):
        say(moment={"kind": "sensor_reading", "topic": f"light-{number}"})
        time.sleep(0.02)
    say(press="close")
    signal.pause()
    """
    settings = make_settings(tmp_path, watch=write_hook(tmp_path / "hooks", "watch.py", body, preamble=PREAMBLE))
    async with running(settings) as room:
        events = [await room.next_event()]
        while isinstance(events[-1], MomentArose):
            events.append(await room.next_event())
    assert events[-1] == CloseRequested(CloseCause.PRESS)
    assert len(events) == MOST_MOMENTS + 1
    (told,) = caplog.records
    assert f"more than {MOST_MOMENTS} moments" in told.getMessage()


async def test_the_watch_hook_ends_with_the_agent(tmp_path: Path) -> None:
    body = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nsay(press='close')\nwhile True: signal.pause()"
    settings = make_settings(tmp_path, watch=write_hook(tmp_path / "hooks", "watch.py", body, preamble=PREAMBLE))
    async with running(settings) as room:
        await room.next_event()
    await death_of(int((tmp_path / "runtime" / "lives").read_text()))


async def test_a_device_without_a_watch_hook_just_runs(tmp_path: Path) -> None:
    async with running(make_settings(tmp_path)) as room:
        assert room.emitted.empty()


async def test_stopping_while_a_hook_is_being_stopped_leaves_nothing_behind(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    os.mkfifo(asked)
    body = f"""
    def stay(*_): open({str(asked)!r}, "w").close()
    signal.signal(signal.SIGTERM, stay)
    say(press="close")
    print("x" * 9000, flush=True)
    while True: signal.pause()
    """
    settings = make_settings(tmp_path, watch=write_hook(tmp_path / "hooks", "watch.py", body, preamble=PREAMBLE))
    async with running(settings) as room:
        await room.next_event()
        with await asyncio.to_thread(asked.open):
            pass
    pid = int((tmp_path / "runtime" / "lives").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
