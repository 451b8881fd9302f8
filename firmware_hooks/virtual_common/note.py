"""`now.json` of a virtual screen or speaker: what it renders now, or `{"play": null}` when nothing.

A note carries `play`, `slot` and `creative` of the request, `asset` (the file that is rendered, absolute), `dur_s`,
`since` (UTC), and `by`: the hook's process. Who finds a note whose process is gone may clear it.
"""

import os
from pathlib import Path
from typing import Any

from hook_io import HookIo, now_text, read_object, write_whole

NOTHING = {"play": None}


def put(place: Path, io: HookIo, asset: Path | None, dur_s: float) -> None:
    """Write what is rendered from now on."""
    note: dict[str, Any] = {key: io.request[key] for key in ("play", "slot", "creative")}
    note |= {"asset": None if asset is None else str(asset), "dur_s": dur_s, "since": now_text(), "by": os.getpid()}
    write_whole(place / "now.json", note)


def clear(place: Path) -> None:
    """Say that nothing is rendered, unless somebody newer renders already."""
    if read_object(place / "now.json").get("by") == os.getpid():
        write_whole(place / "now.json", NOTHING)


def prepare(place: Path) -> None:
    """Make the device appear when it starts, and clear what a power cut left on it."""
    place.mkdir(exist_ok=True)
    by = read_object(place / "now.json").get("by")
    if not isinstance(by, int) or not Path("/proc", str(by)).exists():
        for left_over in (*place.glob("asset-*"), *place.glob(".playing-*")):
            left_over.unlink(missing_ok=True)
        write_whole(place / "now.json", NOTHING)
