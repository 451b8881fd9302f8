"""Where the files that travel with the package are: profiles, hooks, units and pages, in a wheel as in a checkout.

`python -m edge_agent.shipped systemd` prints the folder, for people and for scripts.
"""

import sys
from importlib.resources import files
from pathlib import Path
from typing import Final

NAMES: Final = ("device_profiles", "firmware_hooks", "systemd", "docs")


def shipped(name: str) -> Path:
    """Return the folder of that name, one of `NAMES`.

    A wheel carries them inside the package; a checkout (or editable install) has them beside it. A
    FileNotFoundError means a broken installation, which is a packager's bug.
    """
    package = Path(str(files("edge_agent")))
    for place in (package / "_shipped" / name, package.parent / name):
        if place.is_dir():
            return place
    raise FileNotFoundError(f"{name} is missing from the installation")


if __name__ == "__main__":
    match sys.argv[1:]:
        case [asked] if asked in NAMES:
            sys.stdout.write(f"{shipped(asked)}\n")
        case _:
            sys.exit(f"edge-agent: say which folder: python -m edge_agent.shipped {' | '.join(NAMES)}")
