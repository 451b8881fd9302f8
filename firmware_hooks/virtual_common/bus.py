"""The virtual device's buttons and sensors: JSON lines written to the FIFO `$EDGE_AGENT_RUNTIME/bus`.

Each line is checked and passed on to the agent; a wrong one is refused on stderr. The FIFO outlives its writers,
since this process holds its other end as well. Lines of up to 4096 bytes (PIPE_BUF) never mix with one another.
"""

import json
import os
import select
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import note
from hook_io import HookIo
from power import is_on, switch

_STATES = {"powered", "do_not_disturb", "call_in_progress", "media_playing"}
_KINDS = {
    "power_on", "standby", "idle", "pause", "assistant_answered", "phrase_heard",
    "sensor_reading", "tap", "scene_time", "follow_up",
}  # fmt: skip
_PRESSES = {"close", "not_interested"}
_LONGEST = 4096


def watch(*parts: str) -> None:
    """Tell the agent everything that happens to this device, until SIGTERM. `parts`: its `screen` and `speaker`."""
    io = HookIo()
    for part in parts:
        note.prepare(io.runtime / part)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT))
    bus = _open_bus(io.runtime / "bus")
    _pass_on({"state": {"powered": is_on(io.runtime)}})  # whoever sees this finds the bus open
    for line in _lines(bus, io):
        said = _checked(line)
        if said is None:
            print("a line on the bus means nothing and was dropped", file=sys.stderr, flush=True)
            continue
        _follow_power(io.runtime, said)
        _pass_on(said)


def _open_bus(path: Path) -> int:
    if path.exists() and not stat.S_ISFIFO(path.stat().st_mode):
        path.unlink()
    if not path.exists():
        os.mkfifo(path, 0o600)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK)


def _lines(bus: int, io: HookIo) -> Iterator[bytes]:
    partial = b""
    while True:
        is_readable = select.select([bus], [], [], 1.0)[0]
        if io.is_left_behind():  # the agent was killed: what comes now is for the one after it
            return
        if not is_readable:
            continue
        *whole, partial = (partial + os.read(bus, 65536)).split(b"\n")
        yield from whole
        partial = partial[: _LONGEST + 1]


def _checked(line: bytes) -> dict[str, Any] | None:
    """Return the line's object when the agent would take it."""
    try:
        said = json.loads(line) if len(line) <= _LONGEST else None
    except ValueError:
        return None
    match said:
        case {"state": dict(state), **rest} if not rest and state and set(state) <= _STATES:
            fine = all(isinstance(value, bool) for value in state.values())
        case {"moment": {"kind": str(kind), **more}, **rest} if not rest and set(more) <= {"topic", "attributes"}:
            fine = kind in _KINDS and isinstance(more.get("topic", ""), str)
        case {"press": str(button), **rest} if not rest:
            fine = button in _PRESSES
        case _:
            fine = False
    return said if fine else None


def _follow_power(runtime: Path, said: dict[str, Any]) -> None:
    """Move the power switch; a device that says power_on is on."""
    if said.get("moment", {}).get("kind") == "power_on":
        switch(runtime, powered=True)
        _pass_on({"state": {"powered": True}})
    elif "powered" in said.get("state", {}):
        switch(runtime, powered=said["state"]["powered"])


def _pass_on(said: dict[str, Any]) -> None:
    print(json.dumps(said), flush=True)
