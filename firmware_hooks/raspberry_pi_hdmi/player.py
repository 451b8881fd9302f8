"""Render with a player program that announces the moment at which it really plays, and report from what it does."""

import os
import select
import shutil
import signal
import subprocess
import time
from contextlib import suppress

from hook_io import Closed, HookIo, Quartiles

_STEP_S = 0.1
_START_S = 10.0
_STOP_S = 0.4
_FAREWELL = ("Exiting...", "Video: no video", "No video or audio streams selected")


def render(io: HookIo, command: list[str], announcement: bytes, dur_s: float, *, until_s: float | None) -> None:
    """Run `command` and report its play.

    The impression is reported when the player prints `announcement`. `until_s` stops a player that would go on for
    ever (a still picture); None lets it end by itself. Quartiles count against `dur_s`.
    """
    if shutil.which(command[0]) is None:
        io.fail(f"{command[0]} is not installed; run: sudo apt install {_package(command[0])}")
    io.say("loaded")
    player = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "LC_ALL": "C"},  # the announcement is matched in English
        preexec_fn=_hear_signals,  # noqa: PLW1509 - this process has one thread
    )
    try:
        printed = _await_announcement(io, player, announcement)
        if announcement not in printed:
            io.fail(f"{command[0]}: {_last_line(printed) or 'ended without playing'}")
        io.say("impression")
        _follow(io, player, dur_s, until_s)
    except Closed:
        _stop(player)
        io.say("close")
        return
    finally:
        _stop(player)
    if until_s is None and player.returncode != 0:
        io.fail(f"{command[0]} ended with status {player.returncode}")
    io.say("complete")


def _hear_signals() -> None:
    """Give the player the SIGTERM back that the kit blocks: it must put the screen in order before it goes."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT))


def _await_announcement(io: HookIo, player: "subprocess.Popen[bytes]", announcement: bytes) -> bytes:
    """Return what the player printed up to its announcement, its end or ten seconds."""
    printed = b""
    if player.stdout is None:
        return printed
    limit = time.monotonic() + _START_S
    while announcement not in printed and time.monotonic() < limit:
        io.wait_until(time.monotonic())
        if select.select([player.stdout], [], [], _STEP_S)[0]:
            chunk = os.read(player.stdout.fileno(), 4096)
            if not chunk:
                break
            printed = (printed + chunk)[-8192:]
    return printed


def _follow(io: HookIo, player: "subprocess.Popen[bytes]", dur_s: float, until_s: float | None) -> None:
    quartiles = Quartiles(io)
    began = time.monotonic()
    while player.poll() is None:
        passed_s = time.monotonic() - began
        quartiles.reached(passed_s / dur_s if dur_s else 0.0)
        if until_s is not None and passed_s >= until_s:
            return
        io.wait_until(time.monotonic() + _STEP_S)
        _drain(player)
    if until_s is not None:
        io.fail(f"the player ended early, with status {player.returncode}")


def _drain(player: "subprocess.Popen[bytes]") -> None:
    """Read what the player prints, so that it never waits for us."""
    while player.stdout is not None and select.select([player.stdout], [], [], 0)[0]:
        if not os.read(player.stdout.fileno(), 4096):
            return


def _stop(player: "subprocess.Popen[bytes]") -> None:
    if player.poll() is None:
        player.terminate()
        with suppress(subprocess.TimeoutExpired):
            player.wait(_STOP_S)
        player.kill()
    player.wait()


def _last_line(printed: bytes) -> str:
    """Return the last line that says why, which mpv's farewell does not."""
    lines = printed.decode("utf-8", "replace").strip().splitlines()
    return next((line for line in reversed(lines) if line and not line.startswith(_FAREWELL)), "")


def _package(program: str) -> str:
    return {"aplay": "alsa-utils"}.get(program, program)
