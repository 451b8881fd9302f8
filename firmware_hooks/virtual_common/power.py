"""Whether the virtual device is switched on: `$EDGE_AGENT_RUNTIME/power.json`. A new device is on."""

from pathlib import Path

from hook_io import read_object, write_whole


def is_on(runtime: Path) -> bool:
    """Tell whether it is on."""
    return read_object(runtime / "power.json").get("powered") is not False


def switch(runtime: Path, powered: bool) -> None:
    """Switch it; the position is kept when the agent restarts."""
    write_whole(runtime / "power.json", {"powered": powered})
