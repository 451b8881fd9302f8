"""The Pi's `show` hook with the real mpv, on a screen whose pixels are looked at: an X server that draws into a file.

Only where the picture goes is changed, from the Pi's own outputs to that screen: mpv takes the last of two values.
"""

import asyncio
import mmap
import os
import shutil
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.model.identity import PlayId
from edge_agent.model.play import CloseCause, PlayEventKind
from tests.fleets import png
from tests.rendering import PATIENCE_S, Room, kinds, make_play, profile_settings

MPV, XVFB = shutil.which("mpv"), shutil.which("Xvfb")
needs_mpv = pytest.mark.skipif(MPV is None, reason="mpv is not installed (apt-get install mpv)")
needs_screen = pytest.mark.skipif(XVFB is None, reason="Xvfb is not installed (apt-get install xvfb)")

WHITE = png(64, 36, zlib.compress((b"\0" + b"\xff" * 64 * 3) * 36))
PLAYLIST = b"#EXTM3U\n/dev/zero\n"

pytestmark = [pytest.mark.e2e, needs_mpv]


class Screen:
    """A screen of 320 by 180 pixels, and whether anything is on it."""

    def __init__(self, pixels: mmap.mmap) -> None:
        self._pixels = pixels

    def is_dark(self) -> bool:
        return self._pixels[-320 * 180 * 4 :].count(b"\xff") == 0

    async def becomes(self, *, dark: bool) -> None:
        """Return when it is so; nobody tells of a pixel, and mpv draws in a thread of its own."""
        async with asyncio.timeout(PATIENCE_S):
            while self.is_dark() != dark:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


@pytest.fixture
def screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    if XVFB is None:
        pytest.skip("Xvfb is not installed (apt-get install xvfb)")
    server = subprocess.Popen(
        [XVFB, "-displayfd", "1", "-fbdir", str(tmp_path), "-screen", "0", "320x180x24", "-nolisten", "tcp"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert server.stdout is not None
    try:
        display = f":{int(server.stdout.readline())}"
        with (
            (tmp_path / "Xvfb_screen0").open("rb") as file,
            mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as drawn,
        ):
            install(tmp_path, monkeypatch, f"DISPLAY={display}", "--vo=x11")
            yield Screen(drawn)
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()


def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: str, option: str) -> None:
    """Put an `mpv` first on the PATH that is the real one with another environment and one more option."""
    program = tmp_path / "bin" / "mpv"
    program.parent.mkdir()
    # The last two words are `--` and the file.
    program.write_text(f'#!/bin/bash\n{environment} exec {MPV} "${{@:1:$#-2}}" {option} "${{@: -2}}"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(profile_settings("raspberry-pi-hdmi", tmp_path))


def film(folder: Path) -> Path:
    """Return two seconds of white, with a sound."""
    path = folder / "film"
    sound = "--audio-file=av://lavfi:sine=duration=2"
    made = ["--no-config", "--really-quiet", f"--o={path}", "--of=mp4", "--ovc=mpeg4", "--oac=aac", sound]
    subprocess.run([str(MPV), *made, "av://lavfi:color=c=white:s=64x36:r=25:d=2"], check=True, timeout=60)
    return path


@needs_screen
@pytest.mark.parametrize("name", ["poster", "poster.m3u8", "poster.edl"])
async def test_a_picture_is_seen_and_gone_when_it_is_closed(
    tmp_path: Path, screen: Screen, room: Room, name: str
) -> None:
    (tmp_path / name).write_bytes(WHITE)
    assert screen.is_dark()
    room.renderer.start(make_play(tmp_path / name, dur_s=60, max_dur_s=60))
    await room.until(PlayEventKind.IMPRESSION)
    await screen.becomes(dark=False)
    room.renderer.close(PlayId("play-1"), CloseCause.PRESS)
    assert kinds(await room.rest()) == ["close"]
    await screen.becomes(dark=True)


@needs_screen
@pytest.mark.parametrize("dur_s", [2.0, 0.4], ids=["to-its-end", "cut"])
async def test_a_film_is_seen_whole_and_no_longer_than_was_agreed(
    tmp_path: Path, screen: Screen, room: Room, dur_s: float
) -> None:
    """Without a sound card, as here, too: mpv said then that it had failed, after all was seen."""
    room.renderer.start(make_play(film(tmp_path), mime="video/mp4", dur_s=dur_s))
    await room.until(PlayEventKind.IMPRESSION)
    await screen.becomes(dark=False)
    events = await room.rest()
    assert kinds(events)[-1] == "complete"
    await screen.becomes(dark=True)


async def test_without_a_screen_nothing_counts_as_seen(tmp_path: Path, room: Room) -> None:
    """By itself mpv then draws a picture into memory, and plays a film's sound alone."""
    (tmp_path / "poster").write_bytes(WHITE)
    for path, mime in ((tmp_path / "poster", "image/png"), (film(tmp_path), "video/mp4")):
        events = await room.play_out(make_play(path, mime=mime, dur_s=0.5))
        assert kinds(events) == ["loaded", "error"]
        assert "(--vo) device" in events[-1].detail


@pytest.mark.parametrize(
    ("mime", "content"),
    [
        ("image/png", WHITE[:8] + PLAYLIST),
        ("image/jpeg", b"\xff\xd8\xff" + PLAYLIST),
        ("video/mp4", b"#EXTftyp" + PLAYLIST),
    ],
)
async def test_what_begins_like_its_type_and_is_none_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: Room, mime: str, content: bytes
) -> None:
    install(tmp_path, monkeypatch, "", "--vo=null")
    (tmp_path / "poster.m3u8").write_bytes(content)
    events = await room.play_out(make_play(tmp_path / "poster.m3u8", mime=mime, dur_s=0.5))
    assert kinds(events) == ["loaded", "error"]
