#!/usr/bin/env -S python3 -IBS
"""Show a picture or a film on the Pi's HDMI output with mpv, straight through KMS/DRM, without a desktop.

mpv prints `--term-playing-msg` when playback starts (https://mpv.io/manual/stable/), which is our impression.
The service's user must be in the groups video and render.

What an advertiser signed may be anything, whatever it is called, and mpv would follow a playlist to any server: so
only what begins like its type is given to it, and it follows nothing.
"""

import sys
from pathlib import Path

_HOOKS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(_HOOKS / "hook_kit"), str(_HOOKS / "raspberry_pi_hdmi")]

from hook_io import HookIo
from player import render

_VISIBLE = "edge-agent: it is on the screen"
_BEGINS = {"image/png": (0, b"\x89PNG\r\n\x1a\n"), "image/jpeg": (0, b"\xff\xd8\xff"), "video/mp4": (4, b"ftyp")}
"""Where, and with what, each type of the profile's begins."""

io = HookIo()
creative, slot, asset = io.request["creative"], io.request["slot"], io.request.get("asset")
if not asset:
    io.fail("there is nothing to show")
dur_s = min(float(creative["dur"]), float(slot["max_dur"]))
still = creative["mime"].startswith("image/")
at, mark = _BEGINS.get(creative["mime"], (0, None))
with Path(asset).open("rb") as file:
    beginning = file.read(16)
if mark is None or not beginning[at:].startswith(mark):
    io.fail(f"the asset is no {creative['mime']}")
command = [
    "mpv",
    "--no-config",
    "--access-references=no",
    "--no-ytdl",
    "--quiet",
    "--fs",
    "--no-osc",
    "--no-input-terminal",
    f"--term-playing-msg={_VISIBLE}",
]
if still:
    command.append("--image-display-duration=inf")
render(io, [*command, "--", asset], _VISIBLE.encode(), dur_s, until_s=dur_s if still else None)
