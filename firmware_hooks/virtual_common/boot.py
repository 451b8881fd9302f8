"""The virtual firmware's boot partition: `$EDGE_AGENT_RUNTIME/boot/boot.json` and the picture it points at.

The picture is on the disk before the pointer is replaced, so a power cut leaves the old one, the new one or none.
"""

import os
import shutil
from pathlib import Path

from hook_io import HookIo, write_whole


def stage() -> None:
    """Keep the request's asset for the next power-on, or nothing when the request has none."""
    io = HookIo()
    boot = io.runtime / "boot"
    boot.mkdir(exist_ok=True)
    pointer = boot / "boot.json"
    try:
        if io.request["asset"] is None:
            pointer.unlink(missing_ok=True)
            _keep_only(boot, set())
        else:
            _stage(io, boot, pointer, Path(io.request["asset"]))
    except OSError as error:
        io.fail(f"the boot partition cannot be written: {error.strerror}")
    io.say("complete")


def _stage(io: HookIo, boot: Path, pointer: Path, asset: Path) -> None:
    kept = boot / asset.name
    partial = boot / f".{asset.name}.partial"
    shutil.copyfile(asset, partial)
    with partial.open("rb") as written:
        os.fsync(written.fileno())
    partial.replace(kept)
    creative = io.request["creative"]
    picture = {key: creative[key] for key in ("crid", "title", "advertiser", "transcript", "mime", "w", "h")}
    write_whole(pointer, {"play": io.request["play"], "asset": kept.name, "dur_s": creative["dur"], **picture})
    _keep_only(boot, {pointer.name, kept.name})


def _keep_only(boot: Path, names: set[str]) -> None:
    for path in boot.iterdir():
        if path.name not in names:
            path.unlink(missing_ok=True)
