"""What can be measured of the text in a picture, given where it is. Shell: reads picture files with Pillow.

A raster picture does not say where its text is, so whoever makes the pack does: boxes of x, y, width and height in
pixels. Within a box the pixels are divided where light and dark are furthest apart (Otsu, "A threshold selection
method from gray-level histograms", 1979), and the contrast of the two halves' medians is taken to be that of text and
ground (WCAG 2.2, "contrast ratio" and "relative luminance"). A box that holds more than text and an even ground
measures its strongest division, which may be another; the thin edges of letters count for neither half.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from edge_agent.model.errors import FormatError

LEAST_CONTRAST: Final = 4.5
"""WCAG 2.2, success criterion 1.4.3, for text that is not large."""

TITLE_SAFE: Final = 0.05
"""Text keeps 5 % of width and height free on each side (EBU R 95, "graphics safe"; SMPTE ST 2046-1, "safe title")."""

ACTION_SAFE: Final = 0.035
"""Everything that matters keeps 3.5 % free on each side (EBU R 95 and SMPTE ST 2046-1, "safe action")."""

_MOST_PIXELS: Final = 64_000_000
_LEVELS: Final = 256
_LINEAR_BELOW: Final = 0.04045  # sRGB (IEC 61966-2-1)

Box = tuple[int, int, int, int]
"""x, y, width and height in pixels, from the top left."""


@dataclass(frozen=True, slots=True)
class TextBox:
    """One box of text: its contrast ratio (1 to 21), and whether it is within the safe area for text."""

    box: Box
    contrast: float
    is_inside: bool
    is_safe: bool


def read_picture(path: Path) -> Image.Image:
    """Return the whole picture, decoded, as RGB on white. Raises FormatError when it cannot be decoded."""
    try:
        with Image.open(path) as found:
            if found.width * found.height > _MOST_PIXELS:
                raise FormatError(f"{path.name} is {found.width} by {found.height}.", "Make it smaller.")
            picture = found.convert("RGBA")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise FormatError(f"{path.name} is damaged: it cannot be decoded.", "Export the file again.") from error
    ground = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(ground, picture).convert("RGB")


def oddities(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield what screens show in different ways, of a picture that can be read: a code, what it is, what to do."""
    with Image.open(path) as found:
        if getattr(found, "is_animated", False):
            yield "animated", "It moves, and screens may show its first picture alone.", "Export a still picture."
        if found.mode == "CMYK":
            yield (
                "cmyk",
                "Its colours are those of print (CMYK), which screens may show wrongly.",
                "Export it in RGB.",
            )
        if _orientation(found) != 1:
            yield "turned", "It is stored turned, and screens may show it so.", "Export it upright."


def _orientation(picture: Image.Image) -> object:
    try:
        return picture.getexif().get(ExifTags.Base.Orientation, 1)
    except (OSError, SyntaxError, ValueError, struct.error):  # what cannot be read turns nothing
        return 1


def measure_text(picture: Image.Image, boxes: tuple[Box, ...]) -> list[TextBox]:
    """Measure each box."""
    w, h = picture.size
    found = []
    for box in boxes:
        x, y, width, height = box
        inside = width > 0 and height > 0 and x >= 0 and y >= 0 and x + width <= w and y + height <= h
        safe = (
            x >= TITLE_SAFE * w
            and y >= TITLE_SAFE * h
            and x + width <= (1 - TITLE_SAFE) * w
            and y + height <= (1 - TITLE_SAFE) * h
        )
        contrast = contrast_in(picture.crop((x, y, x + width, y + height))) if inside else 1.0
        found.append(TextBox(box, contrast, inside, inside and safe))
    return found


def contrast_in(part: Image.Image) -> float:
    """Return the contrast ratio between the light and the dark half of a picture; 1 where it is even."""
    luminance = _luminance(np.asarray(part.convert("RGB"), dtype=np.float64) / 255).ravel()
    split = _otsu(np.cbrt(luminance))
    light, dark = luminance[np.cbrt(luminance) > split], luminance[np.cbrt(luminance) <= split]
    if not len(light) or not len(dark):
        return 1.0
    return float((np.median(light) + 0.05) / (np.median(dark) + 0.05))


def _luminance(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = np.where(rgb <= _LINEAR_BELOW, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    found: NDArray[np.float64] = linear @ np.array([0.2126, 0.7152, 0.0722])
    return found


def _otsu(values: NDArray[np.float64]) -> float:
    """Return where to divide values from 0 to 1 so that the halves differ most."""
    counts, edges = np.histogram(values, bins=_LEVELS, range=(0, 1))
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    above = len(values) - below
    sums = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = below * above * ((sums[:-1] / below) - (sums[-1] - sums[:-1]) / above) ** 2
    best = np.flatnonzero(apart == np.nanmax(np.nan_to_num(apart)))
    return float(edges[1:-1][best[len(best) // 2]]) if len(best) else 0.5
