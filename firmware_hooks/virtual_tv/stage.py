#!/usr/bin/env -S python3 -IBS
"""Keep a boot screen ready for the virtual tv's next power-on. The work is in virtual_common/boot.py."""

import sys
from pathlib import Path

_HOOKS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(_HOOKS / "hook_kit"), str(_HOOKS / "virtual_common")]

from boot import stage

stage()
