"""Where the files that travel with the package are: profiles, hooks and units, in a wheel as in a checkout."""

from importlib.resources import files
from pathlib import Path


def shipped(name: str) -> Path:
    """Return the folder of that name: `device_profiles`, `firmware_hooks` or `systemd`.

    A wheel carries them inside the package; a checkout (or editable install) has them beside it. A
    FileNotFoundError means a broken installation, which is a packager's bug.
    """
    package = Path(str(files("edge_agent")))
    for place in (package / "_shipped" / name, package.parent / name):
        if place.is_dir():
            return place
    raise FileNotFoundError(f"{name} is missing from the installation")
