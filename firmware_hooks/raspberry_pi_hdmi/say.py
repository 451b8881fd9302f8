#!/usr/bin/env -S python3 -IBS
"""Play a mention through ALSA's default device with aplay.

aplay prints `Playing WAVE` once the sound device is open, which is our impression, and ends with status 0 when the
last sample was played. The service's user must be in the group audio.
"""

import sys
from pathlib import Path

_HOOKS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(_HOOKS / "hook_kit"), str(_HOOKS / "raspberry_pi_hdmi")]

from hook_io import HookIo
from player import render

io = HookIo()
asset = io.request.get("asset")
if not asset:
    io.fail("this device has no voice of its own; the mention needs an audio asset")
render(io, ["aplay", "--", asset], b"Playing WAVE", float(io.request["creative"]["dur"]), until_s=None)
