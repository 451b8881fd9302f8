#!/usr/bin/env -S python3 -IBS
"""Show a picture or a film on the Pi's HDMI output with mpv, straight through KMS/DRM, without a desktop.

mpv prints `--term-playing-msg` when playback starts (https://mpv.io/manual/stable/), which is our impression. By
itself it would also play what nobody sees: without a screen it draws into memory, or plays the sound alone. So its
outputs are named, and it says whether one of them has the picture. Without a sound card, a film is shown without its
sound. Tried with mpv 0.35.1. The service's user must be in the groups audio, video and render.

What an advertiser signed may be anything, whatever it is called, and mpv would follow a playlist to any server: so
only what begins like its type is given to it, it is read as nothing else, and it follows nothing.
"""

import sys
from pathlib import Path

_HOOKS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(_HOOKS / "hook_kit"), str(_HOOKS / "raspberry_pi_hdmi")]

from hook_io import HookIo
from player import render

_VISIBLE = "edge-agent: it is on the screen: "
_TYPES = {
    "image/png": (0, b"\x89PNG\r\n\x1a\n", "png_pipe"),
    "image/jpeg": (0, b"\xff\xd8\xff", "jpeg_pipe"),
    "video/mp4": (4, b"ftyp", "mov"),
}
"""Where, and with what, each type of the profile's begins, and what FFmpeg calls it."""

io = HookIo()
creative, slot, asset = io.request["creative"], io.request["slot"], io.request.get("asset")
if not asset:
    io.fail("there is nothing to show")
dur_s = min(float(creative["dur"]), float(slot["max_dur"]))
still = creative["mime"].startswith("image/")
at, mark, kind = _TYPES.get(creative["mime"], (0, None, ""))
with Path(asset).open("rb") as file:
    beginning = file.read(16)
if mark is None or not beginning[at:].startswith(mark):
    io.fail(f"the asset is no {creative['mime']}")
command = [
    "mpv",
    "--no-config",
    "--load-scripts=no",
    "--vo=gpu,drm",
    "--gpu-context=drm",
    "--ao=alsa,null",
    "--stop-playback-on-init-failure=yes",
    "--demuxer=lavf",
    f"--demuxer-lavf-format={kind}",
    "--access-references=no",
    "--no-ytdl",
    "--quiet",
    "--fs",
    "--no-osc",
    "--no-input-terminal",
    f"--term-playing-msg={_VISIBLE}${{vo-configured}}",
    "--image-display-duration=inf" if still else f"--length={dur_s}",
]
render(io, [*command, "--", asset], f"{_VISIBLE}yes".encode(), dur_s, until_s=dur_s if still else None)
