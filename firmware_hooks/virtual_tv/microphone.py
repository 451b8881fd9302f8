#!/usr/bin/env -S python3 -IBS
"""Show on the virtual TV what its microphone is doing. The work is in virtual_common/light.py."""

import sys
from pathlib import Path

_HOOKS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(_HOOKS / "hook_kit"), str(_HOOKS / "virtual_common")]

from light import microphone

microphone()
