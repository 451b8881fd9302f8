#!/usr/bin/env -S python3 -IBS
"""Play a mention through ALSA's default device with aplay.

aplay prints `Playing WAVE` once the sound device is open, which is our impression, and ends with status 0 when the
last sample was played. The service's user must be in the group audio.

What is no WAV file aplay would play as it is, which is noise: so nothing else is given to it.
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
with Path(asset).open("rb") as file:
    beginning = file.read(12)
if beginning[:4] != b"RIFF" or beginning[8:] != b"WAVE":
    io.fail("the asset is no audio/wav")
render(io, ["aplay", "--", asset], b"Playing WAVE", float(io.request["creative"]["dur"]), until_s=None)
