#!/usr/bin/env -S python3 -IBS
"""Play a short sound through ALSA's default device with aplay."""

import shutil
import subprocess
import sys
from pathlib import Path

_HOOKS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(_HOOKS / "hook_kit")]

from hook_io import HookIo

io = HookIo()
if shutil.which("aplay") is None:
    io.fail("aplay is not installed; run: sudo apt install alsa-utils")
played = subprocess.run(
    ["aplay", "-q", "--", io.request["asset"]], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
)
if played.returncode != 0:
    io.fail(f"aplay: {played.stderr.strip() or played.returncode}")
io.say("complete")
