#!/usr/bin/env -S python3 -IBS
"""Show a picture or a film on the Pi's HDMI output with mpv, straight through KMS/DRM, without a desktop.

mpv prints `--term-playing-msg` when playback starts (https://mpv.io/manual/stable/), which is our impression.
The service's user must be in the groups video and render.
"""

import sys
from pathlib import Path

_HOOKS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(_HOOKS / "hook_kit"), str(_HOOKS / "raspberry_pi_hdmi")]

from hook_io import HookIo
from player import render

_VISIBLE = "edge-agent: it is on the screen"

io = HookIo()
creative, slot, asset = io.request["creative"], io.request["slot"], io.request.get("asset")
if not asset:
    io.fail("there is nothing to show")
dur_s = min(float(creative["dur"]), float(slot["max_dur"]))
still = creative["mime"].startswith("image/")
command = [
    "mpv",
    "--no-config",
    "--quiet",
    "--fs",
    "--no-osc",
    "--no-input-terminal",
    f"--term-playing-msg={_VISIBLE}",
]
if still:
    command.append("--image-display-duration=inf")
render(io, [*command, "--", asset], _VISIBLE.encode(), dur_s, until_s=dur_s if still else None)
