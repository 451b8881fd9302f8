#!/usr/bin/env -S python3 -IBS
"""Show a placement on the virtual tv's screen. The work is in virtual_common/screen.py."""

import sys
from pathlib import Path

_HOOKS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(_HOOKS / "hook_kit"), str(_HOOKS / "virtual_common")]

from screen import show

show()
