"""Shell: opens a pack's sounds and pictures and measures what people would hear and read (extra `operator`)."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import soundfile

from edge_agent.fleet.authoring.finding import Finding, error, warning
from edge_agent.fleet.authoring.loudness import Loudness, measure
from edge_agent.fleet.authoring.pack_folder import PackFolder
from edge_agent.fleet.authoring.picture import LEAST_CONTRAST, measure_text, oddities, read_picture
from edge_agent.model.errors import FormatError

QUIETEST: Final = -24.0
LOUDEST: Final = -16.0
"""LUFS. EBU R 128 aims at -23 within 1; AES TD1008 (2021) lets sound for smart speakers and phones go up to -16."""

HIGHEST_PEAK: Final = -1.0
"""dBTP (EBU R 128)."""

_LOWEST_RATE: Final = 4000
_HIGHEST_RATE: Final = 384_000
"""What sound hardware has. Filters of a rate that a file merely claims may take gigabytes."""

_OPENED: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


def measure_files(pack: PackFolder, on_done: Callable[[int], None] = lambda _length: None) -> Iterator[Finding]:
    """Measure every sound and picture; `on_done` is told the bytes of each file."""
    codes = {creative.asset for creative in pack.campaign.creatives if creative.link is not None}
    for name, path in pack.files.items():
        mime = pack.media[name].mime
        if mime.startswith("audio/"):
            yield from _check_sound(name, path)
        elif mime in _OPENED:
            yield from _check_picture(name, path, pack.text.get(name, () if name in codes else None))
        on_done(path.stat().st_size)


def loudness_of(path: Path) -> Loudness:
    """Return how loud a sound file is. Raises FormatError when it cannot be decoded."""
    try:
        samples, rate = soundfile.read(path, dtype="float64", always_2d=True)
    except (soundfile.SoundFileError, OSError) as wrong:
        raise FormatError(f"{path.name} cannot be decoded.", "Export it again as a PCM WAV file.") from wrong
    if not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
        raise FormatError(f"{path.name} has a sampling rate of {rate} Hz.", "Export it again with 44100 or 48000 Hz.")
    return measure(samples, rate)


def _check_sound(name: str, path: Path) -> Iterator[Finding]:
    try:
        found = loudness_of(path)
    except FormatError as wrong:
        yield error("undecodable", name, str(wrong).replace(name, "It", 1), wrong.next_step)
        return
    if found.integrated == -math.inf:
        yield error("silent", name, "Nothing in it can be heard.", "Record or export it again.")
        return
    if not QUIETEST <= found.integrated <= LOUDEST:
        direction = "quiet" if found.integrated < QUIETEST else "loud"
        yield warning(
            "loudness",
            name,
            f"It is too {direction}: {found.integrated:.1f} LUFS.",
            f"Bring it to -23 LUFS (EBU R 128; {QUIETEST:g} to {LOUDEST:g} pass).",
        )
    if found.true_peak > HIGHEST_PEAK:
        yield warning(
            "true_peak",
            name,
            f"It peaks at {found.true_peak:+.1f} dBTP and would distort.",
            f"Keep it below {HIGHEST_PEAK:g} dBTP.",
        )


def _check_picture(name: str, path: Path, boxes: tuple[tuple[int, int, int, int], ...] | None) -> Iterator[Finding]:
    try:
        picture = read_picture(path)
    except FormatError as wrong:
        yield error("undecodable", name, str(wrong).replace(name, "It", 1), wrong.next_step)
        return
    for odd in oddities(path):
        yield warning(odd[0], name, *odd[1:])
    if boxes is None:
        yield warning(
            "text_unknown",
            name,
            "Whether its text can be read was not measured.",
            f'Say where there is text: [assets."{name}"] text = [[x, y, width, height]], or text = [].',
        )
        return
    for text in measure_text(picture, boxes):
        where = f"The text at {text.box[0]}, {text.box[1]}"
        if not text.is_inside:
            yield error("text_outside", name, f"{where} is not in the picture.", "Correct its box.")
            continue
        if text.contrast < LEAST_CONTRAST:
            yield warning(
                "contrast",
                name,
                f"{where} has a contrast of {text.contrast:.1f} to 1 with its ground.",
                f"Make it {LEAST_CONTRAST:g} to 1 or more (WCAG 2.2).",
            )
        if not text.is_safe:
            yield warning(
                "safe_area",
                name,
                f"{where} reaches into the outer 5 %, which some screens cut off.",
                "Move it inwards (EBU R 95).",
            )
