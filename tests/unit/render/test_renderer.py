"""Whatever a hook does, it costs one play and never the agent. Every hook here is a real process."""

import asyncio
import json
import logging
import os
from pathlib import Path

import pytest

from edge_agent.model.cue import Cue
from edge_agent.model.device import Microphone
from edge_agent.model.formats import Format
from edge_agent.model.identity import PlayId
from edge_agent.model.play import CloseCause, PlayEventKind
from edge_agent.voice.wav import read_wav
from tests.rendering import PYTHON, Room, death_of, kinds, make_play, make_settings, running, write_hook

WELL_BEHAVED = """
for event, t_ms in [("loaded", 1), ("impression", 2), ("firstQuartile", 3), ("midpoint", 4), ("thirdQuartile", 5)]:
    say(event, t_ms)
say("complete", 6)
"""
STAYS = """
say("loaded", 1)
say("impression", 2)
signal.pause()
"""
POLITE = """
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
say("loaded", 1)
say("impression", 2)
signal.sigwait([signal.SIGTERM])
say("close", 77)
"""

ENDED = "The hook ended with exit status 0 before the play was over."


async def test_a_well_behaved_hook_reports_its_whole_course(tmp_path: Path, hooks: Path, asset: Path) -> None:
    room = Room(make_settings(tmp_path, show=write_hook(hooks, "show.py", WELL_BEHAVED)))
    events = await room.play_out(make_play(asset))
    assert kinds(events) == [
        "loaded", "impression", "firstQuartile", "midpoint", "thirdQuartile", "complete",
    ]  # fmt: skip
    assert [event.t_ms for event in events] == [1, 2, 3, 4, 5, 6]


async def test_a_hook_is_told_the_play_and_nothing_of_the_household(tmp_path: Path, hooks: Path, asset: Path) -> None:
    body = """
    open("request.json", "w").write(json.dumps(request))
    say("error", detail="seen enough")
    """
    room = Room(make_settings(tmp_path, show=write_hook(hooks, "show.py", body)))
    await room.play_out(make_play(asset, dur_s=3))
    request = json.loads((tmp_path / "runtime" / "request.json").read_text())
    assert request == {
        "v": 1,
        "verb": "show",
        "play": "play-1",
        "slot": {
            "id": "slot-1",
            "format": "boot_screen",
            "moment": {"kind": "power_on", "topic": ""},
            "max_dur": 5.0,
            "mime": ["image/png"],
            "w": 1920,
            "h": 1080,
            "lang": "en",
        },
        "creative": {
            "crid": "cr-1",
            "format": "boot_screen",
            "lang": "en",
            "title": "Acme spring",
            "advertiser": "acme",
            "adomain": ["acme.example"],
            "transcript": "Bread from around here.",
            "link": None,
            "turn": "",
            "dur": 3.0,
            "mime": "image/png",
            "w": 1920,
            "h": 1080,
        },
        "asset": str(asset),
        "assets": {"poster.png": str(asset)},
    }


async def test_the_environment_carries_no_secret(
    tmp_path: Path, hooks: Path, asset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_AGENT_MQTT_PASSWORD", "hunter2")
    monkeypatch.setenv("LANG", "C.UTF-8")
    body = """
    open("seen.json", "w").write(json.dumps([dict(os.environ), os.getcwd(), os.listdir("/proc/self/fd")]))
    say("error")
    """
    room = Room(make_settings(tmp_path, show=write_hook(hooks, "show.py", body)))
    await room.play_out(make_play(asset))
    environment, folder, descriptors = json.loads((tmp_path / "runtime" / "seen.json").read_text())
    assert set(environment) == {"PATH", "LANG", "EDGE_AGENT_RUNTIME"}
    assert environment["EDGE_AGENT_RUNTIME"] == folder == str(tmp_path / "runtime")
    assert len(descriptors) <= 5, "stdin, stdout, stderr, the file being written and the listing itself"


async def test_spoken_formats_go_to_say_and_a_dialogue_says_its_turn(tmp_path: Path, hooks: Path) -> None:
    hello, more = tmp_path / "hello.wav", tmp_path / "more.wav"
    for path in (hello, more):
        path.write_bytes(b"RIFF")
    body = """
    open("said.json", "w").write(json.dumps([request["verb"], request["asset"], request["creative"]["transcript"]]))
    say("error")
    """
    room = Room(make_settings(tmp_path, say=write_hook(hooks, "say.py", body)))
    turns = (
        {"id": "hello", "say": "hello.wav", "transcript": "Shall I go on?", "answers": {"yes": "more"}},
        {"id": "more", "say": "more.wav", "transcript": "It is baked at night."},
    )
    paths = {"hello.wav": hello, "more.wav": more}
    play = make_play(None, fmt=Format.VOICE_DIALOGUE, mime="audio/wav", turns=turns, turn="more", more_paths=paths)
    await room.play_out(play)
    said = json.loads((tmp_path / "runtime" / "said.json").read_text())
    assert said == ["say", str(more), "It is baked at night."]


@pytest.mark.parametrize(
    ("body", "seen", "why"),
    [
        ('say("loaded"); sys.exit(3)', ["loaded"], "ended with exit status 3"),
        (
            'say("loaded"); say("impression"); os.kill(os.getpid(), signal.SIGSEGV)',
            ["loaded", "impression"],
            "signal 11",
        ),
        ("pass", [], "ended with exit status 0 before the play was over"),
        ('print("hello, world", flush=True); signal.pause()', [], "not an event"),
        ('sys.stdout.buffer.write(b"\\xff\\x00\\xfe\\n"); sys.stdout.flush(); signal.pause()', [], "not an event"),
        ('print("", flush=True); signal.pause()', [], "not an event"),
        ('say("loaded", now="12:00"); signal.pause()', [], "now: Extra inputs"),
        ('say("loaded", -1); signal.pause()', [], "t_ms"),
        ('say("impression"); signal.pause()', [], "impression as its first event"),
        ('say("loaded"); say("loaded"); signal.pause()', ["loaded"], "loaded after loaded"),
        ('say("loaded"); say("complete"); signal.pause()', ["loaded"], "complete after loaded"),
        (
            'say("loaded"); say("impression"); say("midpoint"); say("firstQuartile"); signal.pause()',
            ["loaded", "impression", "midpoint"],
            "firstQuartile after midpoint",
        ),
        (
            'say("loaded", 5); say("impression", 4); signal.pause()',
            ["loaded"],
            "before its last event",
        ),
        (
            'say("loaded"); say("impression"); say("complete"); say("complete"); signal.pause()',
            ["loaded", "impression"],
            "complete after complete",
        ),
    ],
)
async def test_a_hook_that_fails_or_lies_costs_its_play(
    tmp_path: Path, hooks: Path, asset: Path, body: str, seen: list[str], why: str
) -> None:
    room = Room(make_settings(tmp_path, show=write_hook(hooks, "show.py", body)))
    events = await room.play_out(make_play(asset))
    assert kinds(events) == [*seen, "error"]
    assert why in events[-1].detail


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (
            'sys.stdout.buffer.write(b"x" * 5000 + b"\\n"); sys.stdout.flush(); signal.pause()',
            "a line of more than 4096",
        ),
        ('for _ in range(100): sys.stdout.buffer.write(b"x" * 2**20)', "a line of more than 4096"),
        ('for _ in range(100): sys.stdout.buffer.write(b"x\\n" * 2**19)', "not an event"),
        ('for _ in range(100): sys.stderr.buffer.write(b"x" * 2**20)', "on stderr"),
    ],
)
async def test_a_flood_is_cut_off(tmp_path: Path, hooks: Path, asset: Path, body: str, why: str) -> None:
    room = Room(make_settings(tmp_path, show=write_hook(hooks, "show.py", f"{body}\nopen('poured', 'w').close()")))
    events = await room.play_out(make_play(asset))
    assert kinds(events) == ["error"]
    assert why in events[-1].detail
    assert not (tmp_path / "runtime" / "poured").exists(), "the hook was stopped before it had poured 100 MB"


async def test_a_hook_that_never_loads_is_given_up(tmp_path: Path, hooks: Path, asset: Path) -> None:
    settings = make_settings(tmp_path, show=write_hook(hooks, "show.py", "signal.pause()"))
    room = Room(settings.model_validate({**dict(settings), "start_timeout": 0.1}))
    events = await room.play_out(make_play(asset))
    assert kinds(events) == ["error"]
    assert events[-1].detail == "The hook did not load within 0.1 s."


async def test_a_hook_that_outstays_its_slot_is_taken_away(
    tmp_path: Path, hooks: Path, asset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.render.play_run._OVERTIME", make_play(asset).slot.max_dur * 0)
    room = Room(make_settings(tmp_path, show=write_hook(hooks, "show.py", STAYS)))
    events = await room.play_out(make_play(asset, max_dur_s=0.3))
    assert kinds(events) == ["loaded", "impression", "error"]
    assert "past its slot" in events[-1].detail


async def test_a_hook_may_say_why_it_could_not(tmp_path: Path, hooks: Path, asset: Path) -> None:
    room = Room(make_settings(tmp_path, show=write_hook(hooks, "show.py", 'say("error", 9, detail="no HDMI")')))
    events = await room.play_out(make_play(asset))
    assert [(event.kind.value, event.t_ms, event.detail) for event in events] == [("error", 9, "no HDMI")]


async def test_what_a_hook_says_stays_on_its_line_and_commands_no_terminal(
    tmp_path: Path, hooks: Path, asset: Path, caplog: pytest.LogCaptureFixture
) -> None:
    body = 'print("\\033]0;mine\\007", file=sys.stderr); say("error", 9, detail="no\\nHDMI\\x1b[31m")'
    room = Room(make_settings(tmp_path, show=write_hook(hooks, "show.py", body)))
    assert (await room.play_out(make_play(asset)))[-1].detail == "no HDMI [31m"
    assert "It printed: ]0;mine" in caplog.text


async def test_what_is_wrong_with_a_hook_is_the_newest_that_was(
    tmp_path: Path, hooks: Path, asset: Path, caplog: pytest.LogCaptureFixture
) -> None:
    room = Room(make_settings(tmp_path, show=write_hook(hooks, "show.py", "sys.exit(3)")))
    await room.play_out(make_play(asset))
    since = room.troubles.lasting["show hook"].since
    write_hook(hooks, "show.py", 'say("error", 9, detail="no HDMI")')
    await room.play_out(make_play(asset, play_id="p-2"))
    assert room.troubles.lasting["show hook"].what == "no HDMI"
    assert room.troubles.lasting["show hook"].since == since
    assert [record.levelname for record in caplog.records].count("WARNING") == 1, "a person is told once"


async def test_a_last_line_without_a_newline_counts(tmp_path: Path, hooks: Path, asset: Path) -> None:
    body = """sys.stdout.write('{"event": "error", "t_ms": 3, "detail": "cut short"}')"""
    room = Room(make_settings(tmp_path, show=write_hook(hooks, "show.py", body)))
    assert (await room.play_out(make_play(asset)))[-1].detail == "cut short"


async def test_what_cannot_be_started_is_an_error_with_a_reason(tmp_path: Path, hooks: Path, asset: Path) -> None:
    play = make_play(asset)
    assert "no hook for show" in (await Room(make_settings(tmp_path)).play_out(play))[-1].detail
    assert "does not exist" in (await Room(make_settings(tmp_path, show="none.py")).play_out(play))[-1].detail
    unreadable = "n" * 300  # as a folder is that the agent's user may not look into, and root may
    assert "cannot be read" in (await Room(make_settings(tmp_path, show=unreadable)).play_out(play))[-1].detail
    (hooks / "plain").write_text("#!/bin/sh\n")
    assert "may not be executed" in (await Room(make_settings(tmp_path, show="plain")).play_out(play))[-1].detail
    (hooks / "noise").write_bytes(b"\x7fELF nonsense")
    (hooks / "noise").chmod(0o755)
    events = await Room(make_settings(tmp_path, show="noise")).play_out(play)
    assert kinds(events) == ["error"]
    assert "cannot be executed: Exec format error" in events[-1].detail


async def test_a_missing_asset_never_reaches_the_hook(tmp_path: Path, hooks: Path) -> None:
    room = Room(make_settings(tmp_path, show=write_hook(hooks, "show.py", "open('ran', 'w'); say('error')")))
    events = await room.play_out(make_play(tmp_path / "gone.png"))
    assert kinds(events) == ["error"]
    assert "is not on the disk" in events[-1].detail
    assert not (tmp_path / "runtime" / "ran").exists()


async def test_a_shell_hook_may_open_its_stdin_again(tmp_path: Path, hooks: Path, asset: Path) -> None:
    (hooks / "show").write_text(
        '#!/bin/sh\ncat /dev/stdin > request.json\necho \'{"event":"loaded","t_ms":0}\'\n'
        'echo \'{"event":"impression","t_ms":1}\'\necho \'{"event":"complete","t_ms":2}\'\n'
    )
    (hooks / "show").chmod(0o755)
    room = Room(make_settings(tmp_path, show="show"))
    assert kinds(await room.play_out(make_play(asset))) == ["loaded", "impression", "complete"]
    assert json.loads((tmp_path / "runtime" / "request.json").read_text())["play"] == "play-1"


async def test_close_asks_the_hook_and_reports_its_close(tmp_path: Path, hooks: Path, asset: Path) -> None:
    room = Room(make_settings(tmp_path, show=write_hook(hooks, "show.py", POLITE)))
    room.renderer.start(make_play(asset))
    await room.until(PlayEventKind.IMPRESSION)
    room.renderer.close(PlayId("play-1"), CloseCause.PRESS)
    room.renderer.close(PlayId("play-1"), CloseCause.WORD)
    assert [(event.kind.value, event.t_ms) for event in await room.rest()] == [("close", 77)]
    room.renderer.close(PlayId("play-1"), CloseCause.PRESS)
    assert await room.rest() == []


async def test_what_was_closed_was_not_completed(tmp_path: Path, hooks: Path, asset: Path) -> None:
    cheat = POLITE.replace('say("close", 77)', 'say("complete", 77)')
    room = Room(make_settings(tmp_path, show=write_hook(hooks, "show.py", cheat)))
    room.renderer.start(make_play(asset))
    await room.until(PlayEventKind.IMPRESSION)
    room.renderer.close(PlayId("play-1"), CloseCause.PRESS)
    assert kinds(await room.rest()) == ["close"]


async def test_close_before_the_hook_was_started_starts_nothing(tmp_path: Path, hooks: Path, asset: Path) -> None:
    room = Room(make_settings(tmp_path, show=write_hook(hooks, "show.py", STAYS)))
    room.renderer.start(make_play(asset))
    room.renderer.close(PlayId("play-1"), CloseCause.PRESS)
    assert [(event.kind.value, event.t_ms) for event in await room.rest()] == [("close", 0)]
    assert not (tmp_path / "runtime").exists(), "a hook would have been given its folder"


async def test_close_while_the_hook_is_being_started_is_not_lost(tmp_path: Path, hooks: Path, asset: Path) -> None:
    body = 'say("loaded"); say("impression"); time.sleep(3600)'
    room, play = (
        Room(make_settings(tmp_path, show=write_hook(hooks, "show.py", body))),
        make_play(asset, max_dur_s=3600),
    )
    room.renderer.start(play)
    await asyncio.sleep(0)
    run, _ = room.renderer._runs[play.id]
    assert run._process is None
    room.renderer.close(play.id, CloseCause.PRESS)
    assert kinds(await room.rest())[-1] == "close"


async def test_a_hook_that_stays_after_its_last_event_is_ended(tmp_path: Path, hooks: Path, asset: Path) -> None:
    body = 'say("loaded"); say("impression"); say("complete"); time.sleep(3600)'
    room = Room(make_settings(tmp_path, show=write_hook(hooks, "show.py", body)))
    events = await room.play_out(make_play(asset, max_dur_s=3600))
    assert kinds(events) == ["loaded", "impression", "complete"]


async def test_close_while_the_hook_loads_is_a_close(tmp_path: Path, hooks: Path, asset: Path) -> None:
    os.mkfifo(tmp_path / "begun")
    body = f"open({str(tmp_path / 'begun')!r}, 'w').close(); signal.pause()"
    room = Room(make_settings(tmp_path, show=write_hook(hooks, "show.py", body)))
    room.renderer.start(make_play(asset))
    with await asyncio.to_thread((tmp_path / "begun").open):
        room.renderer.close(PlayId("play-1"), CloseCause.DEVICE)
    assert kinds(await room.rest()) == ["close"]


async def test_a_hook_that_ignores_sigterm_is_killed_with_all_its_children(
    tmp_path: Path, hooks: Path, asset: Path, caplog: pytest.LogCaptureFixture
) -> None:
    body = f"""
    import subprocess
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sleep = [{PYTHON!r}, "-ISc", "import signal; signal.pause()"]
    child = subprocess.Popen(sleep)
    own_group = subprocess.Popen(sleep, process_group=0)
    open("pids", "w").write(f"{{os.getpid()}} {{child.pid}} {{own_group.pid}}")
    say("loaded"); say("impression")
    while True: signal.pause()
    """
    room = Room(make_settings(tmp_path, show=write_hook(hooks, "show.py", body)))
    room.renderer.start(make_play(asset))
    await room.until(PlayEventKind.IMPRESSION)
    room.renderer.close(PlayId("play-1"), CloseCause.PRESS)
    assert kinds(await room.rest()) == ["close"]
    for pid in (tmp_path / "runtime" / "pids").read_text().split():
        await death_of(int(pid))
    assert [record.levelname for record in caplog.records if "killed" in record.message] == ["WARNING"]


async def test_children_that_hold_the_pipe_end_with_their_hook(tmp_path: Path, hooks: Path, asset: Path) -> None:
    body = f"""
    import subprocess
    child = subprocess.Popen([{PYTHON!r}, "-ISc", "import signal; signal.pause()"])
    open("pid", "w").write(str(child.pid))
    say("loaded"); say("impression"); say("complete")
    """
    room = Room(make_settings(tmp_path, show=write_hook(hooks, "show.py", body)))
    assert kinds(await room.play_out(make_play(asset))) == ["loaded", "impression", "complete"]
    await death_of(int((tmp_path / "runtime" / "pid").read_text()))


async def test_a_hook_that_lingers_after_its_end_is_ended(
    tmp_path: Path, hooks: Path, asset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.render.play_run._FAREWELL", make_play(asset).slot.max_dur * 0.01)
    body = """
    open("pid", "w").write(str(os.getpid()))
    say("loaded"); say("impression"); say("complete")
    signal.pause()
    """
    room = Room(make_settings(tmp_path, show=write_hook(hooks, "show.py", body)))
    assert kinds(await room.play_out(make_play(asset))) == ["loaded", "impression", "complete"]
    await death_of(int((tmp_path / "runtime" / "pid").read_text()))


async def test_two_plays_do_not_disturb_each_other(tmp_path: Path, hooks: Path, asset: Path) -> None:
    settings = make_settings(
        tmp_path, show=write_hook(hooks, "show.py", POLITE), say=write_hook(hooks, "say.py", "say('error')")
    )
    room = Room(settings)
    room.renderer.start(make_play(asset, play_id="screen"))
    await room.until(PlayEventKind.IMPRESSION)
    room.renderer.start(make_play(asset, play_id="voice", fmt=Format.VOICE_MENTION))
    assert [event.play_id for event in await room.until(PlayEventKind.ERROR)] == ["voice"]
    with pytest.raises(RuntimeError, match="being rendered already"):
        room.renderer.start(make_play(asset, play_id="screen"))
    room.renderer.close(PlayId("screen"), CloseCause.PRESS)
    assert [(event.play_id, event.kind.value) for event in await room.rest()] == [("screen", "close")]


LINGERS = """
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
say("loaded", 1)
say("impression", 2)
signal.sigwait([signal.SIGTERM])
signal.sigwait([signal.SIGINT])
"""


async def replacing(tmp_path: Path, hooks: Path, asset: Path) -> Room:
    """Return a room whose first play is being closed, by a hook that lingers, and whose second was just started."""
    settings = make_settings(
        tmp_path, show=write_hook(hooks, "show.py", LINGERS), say=write_hook(hooks, "say.py", WELL_BEHAVED)
    )
    room = Room(settings)
    room.renderer.start(make_play(asset, play_id="first"))
    await room.until(PlayEventKind.IMPRESSION)
    room.renderer.close(PlayId("first"), CloseCause.FOLLOWED_UP)
    room.renderer.start(make_play(asset, play_id="second", fmt=Format.VOICE_MENTION))
    return room


async def test_what_takes_the_place_of_another_begins_when_that_one_has_gone(
    tmp_path: Path, hooks: Path, asset: Path
) -> None:
    room = await replacing(tmp_path, hooks, asset)
    events = await room.rest()
    assert [event.play_id for event in events] == ["first", *["second"] * 6]
    assert [kinds(events)[0], kinds(events)[-1]] == ["close", "complete"]


async def test_what_is_closed_before_its_turn_came_never_begins(tmp_path: Path, hooks: Path, asset: Path) -> None:
    room = await replacing(tmp_path, hooks, asset)
    room.renderer.close(PlayId("second"), CloseCause.PRESS)
    assert [(event.play_id, event.kind.value) for event in await room.rest()] == [
        ("first", "close"),
        ("second", "close"),
    ]


async def test_stopping_the_agent_closes_every_play_and_starts_no_other(
    tmp_path: Path, hooks: Path, asset: Path
) -> None:
    settings = make_settings(tmp_path, show=write_hook(hooks, "show.py", POLITE))
    async with running(settings) as room:
        room.renderer.start(make_play(asset))
        await room.until(PlayEventKind.IMPRESSION)
    assert kinds(await room.rest()) == ["close"]
    assert kinds(await room.play_out(make_play(asset))) == ["close"]


async def test_a_failing_hook_is_logged_when_it_begins_and_when_it_ends(
    tmp_path: Path, hooks: Path, asset: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "edge_agent")
    room = Room(make_settings(tmp_path, show=write_hook(hooks, "show.py", "print('no HDMI', file=sys.stderr)")))
    for _ in range(3):
        await room.play_out(make_play(asset))
    write_hook(hooks, "show.py", WELL_BEHAVED)
    for _ in range(2):
        await room.play_out(make_play(asset))
    assert [record.message for record in caplog.records] == [
        f"{ENDED} Look at its stderr. It printed: no HDMI",
        "The show hook is in order again.",
    ]


async def test_a_cue_is_played_by_its_hook_and_is_no_play(tmp_path: Path, hooks: Path) -> None:
    body = 'open("asked.json", "w").write(json.dumps(request)); say("complete")'
    room = Room(make_settings(tmp_path, cue=write_hook(hooks, "cue.py", body)))
    room.renderer.cue(Cue.LISTENING)
    await room.renderer.settled()
    asked = json.loads((tmp_path / "runtime" / "asked.json").read_text())
    assert (asked["verb"], asked["cue"]) == ("cue", "listening")
    assert read_wav(Path(asked["asset"])), "the sound that ships is one that can be played"
    assert await room.rest() == []


async def test_the_device_shows_what_its_microphone_does_and_the_last_state_stays(
    tmp_path: Path, hooks: Path
) -> None:
    body = 'open("asked", "a").write(request["microphone"] + "\\n"); say("complete")'
    room = Room(make_settings(tmp_path, microphone=write_hook(hooks, "microphone.py", body)))
    for state in (Microphone.LISTENING, Microphone.LOST, Microphone.LISTENING, Microphone.MUTED):
        room.renderer.microphone(state)
    await room.renderer.settled()
    asked = (tmp_path / "runtime" / "asked").read_text().split()
    assert asked[-1] == "muted"
    assert "lost" not in asked, "what was over before it could be shown is left out"


@pytest.mark.parametrize("state", [Microphone.LISTENING, Microphone.MUTED])
async def test_a_device_whose_agent_stops_does_not_go_on_showing_that_it_listens(
    tmp_path: Path, hooks: Path, state: Microphone
) -> None:
    body = 'open("asked", "a").write(request["microphone"] + "\\n"); say("complete")'
    async with running(make_settings(tmp_path, microphone=write_hook(hooks, "microphone.py", body))) as room:
        room.renderer.microphone(state)
        await room.renderer.settled()
    assert (tmp_path / "runtime" / "asked").read_text().split() == [state.value, "off"]


async def test_a_device_without_a_cue_hook_stays_silent(tmp_path: Path) -> None:
    room = Room(make_settings(tmp_path))
    room.renderer.cue(Cue.LISTENING)
    await room.renderer.settled()
    assert await room.rest() == []


async def test_a_cue_hook_that_hangs_is_told_of_and_the_next_cue_sounds(
    tmp_path: Path, hooks: Path, caplog: pytest.LogCaptureFixture
) -> None:
    body = (
        'first = not os.path.exists("once"); open("once", "w").close(); signal.pause() if first else say("complete")'
    )
    caplog.set_level(logging.INFO)
    settings = make_settings(tmp_path, cue=write_hook(hooks, "cue.py", body))
    room = Room(settings.model_validate({**dict(settings), "start_timeout": 0.5}))
    for _ in range(2):
        room.renderer.cue(Cue.LISTENING)
        await room.renderer.settled()
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO]
    assert len(told) == 2, "one line when it begins, one when it ends"
    assert "did not cue within" in told[0]
    assert "in order again" in told[1]
