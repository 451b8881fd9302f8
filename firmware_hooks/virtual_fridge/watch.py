#!/usr/bin/env -S python3 -IBS
"""Tell the agent what happens to the virtual fridge. The work is in virtual_common/bus.py."""

import sys
from pathlib import Path

_HOOKS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(_HOOKS / "hook_kit"), str(_HOOKS / "virtual_common")]

from bus import watch

watch("screen", "speaker")
