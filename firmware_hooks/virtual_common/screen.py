"""A virtual screen: `$EDGE_AGENT_RUNTIME/screen/now.json` and the asset beside it are what can be seen.

The note's shape is in note.py. A screen that is off shows nothing and says so.
"""

import os
import shutil
import time
from pathlib import Path

import note
from hook_io import Closed, HookIo, Quartiles
from power import is_on

_TICK_S = 0.1


def show() -> None:
    """Put the request's asset on the screen for its duration, then take it away."""
    io = HookIo()
    if not is_on(io.runtime):
        io.fail("the screen is off")
    if not io.request.get("asset"):
        io.fail("there is nothing to show")
    asset = Path(io.request["asset"])
    if not _fits(io):
        io.fail("the asset is larger than the screen")
    screen = io.runtime / "screen"
    screen.mkdir(exist_ok=True)
    shown = screen / f"asset-{os.getpid()}{asset.suffix}"
    try:
        _copy(asset, shown)
    except OSError as error:
        io.fail(f"the asset cannot be read: {error.strerror}")
    io.say("loaded")
    try:
        _hold(io, screen, shown)
    except Closed:
        _take_away(screen, shown)
        io.say("close")
    else:
        _take_away(screen, shown)
        io.say("complete")


def _hold(io: HookIo, screen: Path, shown: Path) -> None:
    creative, slot = io.request["creative"], io.request["slot"]
    dur_s = min(float(creative["dur"]), float(slot["max_dur"]))
    io.wait_until(0)
    note.put(screen, io, shown, dur_s)
    began = time.monotonic()
    io.say("impression")
    quartiles = Quartiles(io)
    while (seen_s := time.monotonic() - began) < dur_s:
        quartiles.reached(seen_s / dur_s)
        io.wait_until(min(began + dur_s, time.monotonic() + _TICK_S))
        if not is_on(io.runtime):
            raise Closed
    quartiles.reached(1.0)


def _fits(io: HookIo) -> bool:
    creative, slot = io.request["creative"], io.request["slot"]
    return not (0 < slot["w"] < creative["w"] or 0 < slot["h"] < creative["h"])


def _copy(asset: Path, shown: Path) -> None:
    shown.unlink(missing_ok=True)
    try:
        os.link(asset, shown)
    except OSError:
        shutil.copyfile(asset, shown)


def _take_away(screen: Path, shown: Path) -> None:
    note.clear(screen)
    shown.unlink(missing_ok=True)
