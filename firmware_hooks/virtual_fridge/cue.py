#!/usr/bin/env -S python3 -IBS
"""Play a short sound through the virtual fridge's speaker. The work is in virtual_common/speaker.py."""

import sys
from pathlib import Path

_HOOKS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(_HOOKS / "hook_kit"), str(_HOOKS / "virtual_common")]

from speaker import cue

cue()
