"""Shell: puts the QR code of a companion page beside its pack.toml, where the page has a link and no picture."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from edge_agent.fleet.authoring.qr_code import draw_qr_code
from edge_agent.fleet.durable import write_durably
from edge_agent.model.campaign import AssetName, Link
from edge_agent.model.errors import FormatError

_KIND: Final = slice(24, 26)
"""Where a PNG says how many bits a pixel has, and of what; a code has one, black or white."""


def draw_pages(folder: Path, creatives: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Give each such creative its picture as `asset`; yield a sentence for each.

    Raises FormatError where a picture of that name is there that is no code: it is the person's own.
    """
    for creative in creatives:
        link, crid = creative.get("link"), creative.get("crid")
        if not isinstance(link, str) or "asset" in creative:
            continue
        try:
            TypeAdapter(Link).validate_python(link)
            name = TypeAdapter(AssetName).validate_python(f"{crid}-qr.png")
        except ValidationError:
            continue  # judged with everything else
        drawn, path = draw_qr_code(link), folder / name
        there = _content(path)
        if there is not None and there[_KIND] != drawn[_KIND]:
            raise FormatError(
                f"{folder.name}/{name} is a picture of your own, and the code of {link} would take its place.",
                f'Write asset = "{name}" into the creative {crid} to show it, or rename it.',
            )
        if there != drawn:
            write_durably(path, drawn)
        creative["asset"] = name
        yield f"{name} shows the QR code of {link}."


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FormatError(f"{path} cannot be read: {error.strerror or error}.", "Check the file.") from error
