"""The Pi's hooks around a player program: the real aplay where there is one, and programs that behave like it."""

import shutil
import wave
from pathlib import Path

import pytest

from edge_agent.model.formats import Format
from edge_agent.model.identity import PlayId
from edge_agent.model.play import CloseCause, PlayEventKind
from tests.rendering import Room, kinds, make_play, profile_settings


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "hello.wav"
    path.write_bytes(b"RIFF\x04\0\0\0WAVE")
    return path


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "poster.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n and the rest")
    return path


def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: str, body: str) -> None:
    """Put a program of that name first on the PATH."""
    program = tmp_path / "bin" / tool
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


async def say(tmp_path: Path, sound: Path) -> list[str]:
    room = Room(profile_settings("raspberry-pi-hdmi", tmp_path))
    events = await room.play_out(make_play(sound, fmt=Format.VOICE_MENTION, mime="audio/wav", dur_s=0.2))
    return [*kinds(events)[:-1], f"{events[-1].kind}: {events[-1].detail}"]


async def test_what_the_player_played_is_complete(
    tmp_path: Path, sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, "aplay", "echo \"Playing WAVE '$2'\" >&2; sleep 0.25")
    assert await say(tmp_path, sound) == [
        "loaded", "impression", "firstQuartile", "midpoint", "thirdQuartile", "complete: ",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "events"),
    [
        ("echo 'aplay: no such device' >&2; exit 1", ["loaded", "error: aplay: aplay: no such device"]),
        ("exit 0", ["loaded", "error: aplay: ended without playing"]),
        ("echo 'Playing WAVE' >&2; exit 1", ["loaded", "impression", "error: aplay ended with status 1"]),
    ],
)
async def test_what_the_player_did_not_play_counts_as_an_error(
    tmp_path: Path, sound: Path, monkeypatch: pytest.MonkeyPatch, body: str, events: list[str]
) -> None:
    install(tmp_path, monkeypatch, "aplay", body)
    assert await say(tmp_path, sound) == events


async def test_a_player_is_asked_before_it_is_killed(
    tmp_path: Path, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = (
        "trap 'touch tidied; exit 0' TERM; echo hello; echo 'edge-agent: it is on the screen: yes'; sleep 60 & wait"
    )
    install(tmp_path, monkeypatch, "mpv", body)
    room = Room(profile_settings("raspberry-pi-hdmi", tmp_path))
    room.renderer.start(make_play(picture, dur_s=60, max_dur_s=60))
    await room.until(PlayEventKind.IMPRESSION)
    room.renderer.close(PlayId("play-1"), CloseCause.PRESS)
    assert kinds(await room.rest()) == ["close"]
    assert (tmp_path / "runtime" / "tidied").exists()


async def test_a_still_picture_is_taken_away_after_its_duration(
    tmp_path: Path, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, "mpv", "echo 'edge-agent: it is on the screen: yes'; exec sleep 60")
    room = Room(profile_settings("raspberry-pi-hdmi", tmp_path))
    events = await room.play_out(make_play(picture, dur_s=0.2))
    assert kinds(events)[:2] == ["loaded", "impression"]
    assert kinds(events)[-1] == "complete"


@pytest.mark.parametrize(
    ("mime", "content"),
    [
        ("image/png", b"#EXTM3U\nhttp://advertiser.example/seen\n"),
        ("video/mp4", b"# mpv EDL v0\nhttp://advertiser.example/seen\n"),
        ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    ],
)
async def test_what_only_calls_itself_a_picture_never_reaches_a_player_that_follows_playlists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mime: str, content: bytes
) -> None:
    """An advertiser would learn from its own server in which homes it was shown, and when."""
    install(tmp_path, monkeypatch, "mpv", "touch started; echo 'edge-agent: it is on the screen'; exec sleep 60")
    (tmp_path / "poster").write_bytes(content)
    room = Room(profile_settings("raspberry-pi-hdmi", tmp_path))
    events = await room.play_out(make_play(tmp_path / "poster", dur_s=0.2, mime=mime))
    assert kinds(events) == ["error"]
    assert events[0].detail.endswith(f"the asset is no {mime}")
    assert not (tmp_path / "runtime" / "started").exists()


@pytest.mark.parametrize(
    "content",
    [b"noise" * 100, b".snd" + bytes(100), b"RIFF\x04\0\0\0AVI ", b""],
    ids=["noise", "another-sound", "a-film", "nothing"],
)
async def test_what_only_calls_itself_a_sound_never_reaches_a_player_that_plays_anything_as_noise(
    tmp_path: Path, sound: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    """It was heard for ten seconds before the hook gave up on it."""
    install(tmp_path, monkeypatch, "aplay", "touch started; echo 'Playing raw data' >&2; exec sleep 60")
    (tmp_path / sound.name).write_bytes(content)
    assert await say(tmp_path, sound) == ["error: the asset is no audio/wav"]
    assert not (tmp_path / "runtime" / "started").exists()


@pytest.mark.parametrize(
    ("verb", "fmt", "tool"), [("show", Format.BOOT_SCREEN, "mpv"), ("say", Format.VOICE_MENTION, "aplay")]
)
async def test_a_pi_without_its_player_says_what_to_install(
    verb: str, fmt: Format, tool: str, tmp_path: Path, picture: Path, sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    room = Room(profile_settings("raspberry-pi-hdmi", tmp_path))
    assert verb in room.settings.hooks
    events = await room.play_out(make_play(sound if fmt.is_spoken else picture, fmt=fmt))
    assert kinds(events) == ["error"]
    assert f"{tool} is not installed" in events[0].detail


@pytest.mark.skipif(shutil.which("aplay") is None, reason="aplay is not installed (apt-get install alsa-utils)")
async def test_a_pi_whose_sound_fails_counts_nothing(tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_bytes(b"not a sound")
    room = Room(profile_settings("raspberry-pi-hdmi", tmp_path))
    events = await room.play_out(make_play(tmp_path / "broken.wav", fmt=Format.VOICE_MENTION, mime="audio/wav"))
    assert "complete" not in kinds(events)
    assert kinds(events)[-1] == "error"


@pytest.mark.skipif(shutil.which("aplay") is None, reason="aplay is not installed (apt-get install alsa-utils)")
async def test_the_real_aplay_proves_what_it_played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with wave.open(str(tmp_path / "hello.wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16000)
        out.writeframes(bytes(3200))
    install(tmp_path, monkeypatch, "aplay", f'exec {shutil.which("aplay")} -D null "$@"')
    events = await say(tmp_path, tmp_path / "hello.wav")
    assert (events[:2], events[-1]) == (["loaded", "impression"], "complete: ")
