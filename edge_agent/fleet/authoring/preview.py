"""Shell: renders a pack into a folder that a person can look at and hear: one page, its pictures and its sounds.

Pictures are put onto each device's screen as the devices put them: whole, in the middle, with black around. The page
is in `preview_page`. Needs the extra `operator`.
"""

import math
import shutil
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from PIL import Image

from edge_agent.fleet.authoring.finding import Finding
from edge_agent.fleet.authoring.fit import Fit, fits
from edge_agent.fleet.authoring.loudness import Loudness
from edge_agent.fleet.authoring.measurements import loudness_of
from edge_agent.fleet.authoring.pack_folder import PackFolder
from edge_agent.fleet.authoring.picture import read_picture
from edge_agent.fleet.authoring.preview_page import Screen, Shown, Sound, page
from edge_agent.fleet.durable import unwritten, write_durably
from edge_agent.model.campaign import Creative
from edge_agent.model.errors import FormatError, SettingsError
from edge_agent.settings.profile import DeviceProfile

MARK: Final = ".edge-agent-preview"
"""A file in a folder that a preview made, which the next preview may replace."""


def write_preview(
    pack: PackFolder,
    findings: Sequence[Finding],
    profiles: Sequence[DeviceProfile],
    out: Path,
    now: datetime,
    on_done: Callable[[str], None] = lambda _crid: None,
) -> Path:
    """Make the folder `out` and return its page. `on_done` is told each creative.

    Raises SettingsError when the folder is there and no preview made it, StorageError when it cannot be written.
    """
    try:
        if out.exists() and not (out / MARK).is_file():
            raise SettingsError(f"{out} is there already, and is no preview.", "Name another folder with --out.")
        shutil.rmtree(out, ignore_errors=True)
        (out / "files").mkdir(parents=True)
        (out / MARK).touch()
        shown = []
        for creative in pack.campaign.creatives:
            shown.append(_show(pack, creative, fits(pack, creative, profiles, now), out))
            on_done(creative.crid)
    except OSError as error:
        raise unwritten(out, error) from error
    path = out / "index.html"
    write_durably(path, page(pack, shown, findings).encode())
    return path


def _show(pack: PackFolder, creative: Creative, found: Sequence[Fit], out: Path) -> Shown:
    sounds = {name: _sound(pack, name, out) for name in creative.asset_names() if _kind(pack, name) == "audio"}
    return Shown(creative, tuple(_screens(pack, creative, found, out)), sounds)


def _kind(pack: PackFolder, name: str) -> str:
    return pack.media[name].mime.partition("/")[0]


def _sound(pack: PackFolder, name: str, out: Path) -> Sound:
    try:
        measured = loudness_of(pack.files[name])
    except FormatError:
        measured = Loudness(-math.inf, -math.inf)
    return Sound(_copy(pack, name, out), pack.media[name].dur, measured)


def _copy(pack: PackFolder, name: str, out: Path) -> str:
    shutil.copyfile(pack.files[name], out / "files" / name)
    return f"files/{name}"


def _screens(pack: PackFolder, creative: Creative, found: Sequence[Fit], out: Path) -> list[Screen]:
    """Render the creative once for each size of screen, with the devices that have it."""
    if creative.asset is None or _kind(pack, creative.asset) == "audio":
        return []
    sizes: dict[tuple[int, int], list[Fit]] = {}
    for fit in found:
        sizes.setdefault((fit.limit.w, fit.limit.h), []).append(fit)
    if not sizes:
        media = pack.media[creative.asset]
        sizes[media.w, media.h] = []
    screens = []
    for (w, h), devices in sorted(sizes.items()):
        file = _render(pack, creative, w, h, out)
        names = tuple((fit.profile.title, fit.trouble) for fit in devices)
        screens.append(Screen(file, pack.media[creative.asset].mime, w, h, names))
    return screens


def _render(pack: PackFolder, creative: Creative, w: int, h: int, out: Path) -> str:
    """Return the file of what that screen shows: a picture, or the asset itself where a browser has to draw it."""
    name = creative.asset or ""
    try:
        picture = read_picture(pack.files[name])
    except FormatError:
        return _copy(pack, name, out)
    if w and h:
        picture = on_screen(picture, w, h)
    file = f"files/{creative.crid}-{picture.width}x{picture.height}.png"
    picture.save(out / file)
    return file


def on_screen(picture: Image.Image, w: int, h: int) -> Image.Image:
    """Return what a screen of `w` by `h` pixels shows of a picture: all of it, in the middle, with black around."""
    scale = min(w / picture.width, h / picture.height)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    screen = Image.new("RGB", (w, h), "black")
    screen.paste(picture.resize(size, Image.Resampling.LANCZOS), ((w - size[0]) // 2, (h - size[1]) // 2))
    return screen
