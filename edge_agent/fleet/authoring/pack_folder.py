"""Shell: reads a pack as a person writes it: a folder with pack.toml (or pack.json) and the files beside it.

What the person leaves out is filled in where there is one sensible answer, and `PackFolder.assumed` says so.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from edge_agent.fleet.authoring.companion_pages import draw_pages
from edge_agent.fleet.authoring.media import Media, inspect_media
from edge_agent.model.campaign import AssetName, Campaign, Creative
from edge_agent.model.durations import Seconds
from edge_agent.model.errors import FormatError
from edge_agent.model.formats import Format
from edge_agent.model.identity import Identifier
from edge_agent.model.moment import MomentKind
from edge_agent.packs.formats.documents import first_complaint, validate

KINDS: Final = ("tv", "speaker", "fridge")
"""The kinds of devices that a pack may be for."""

_OWN_KEYS: Final = ("pack", "kinds", "assets")
_DEFAULT_FLIGHT: Final = timedelta(days=30)
_DEFAULT_STILL_S: Final = 15
_LONGEST_NAME: Final = 80
MOMENTS: Final = {
    Format.BOOT_SCREEN: MomentKind.POWER_ON,
    Format.STANDBY_SCREEN: MomentKind.STANDBY,
    Format.IDLE_POSTER: MomentKind.IDLE,
    Format.PAUSE_SCREEN: MomentKind.PAUSE,
    Format.VOICE_MENTION: MomentKind.ASSISTANT_ANSWERED,
    Format.COMPANION_PAGE: MomentKind.TAP,
}
"""When each format is placed if the pack does not say."""


class Stated(BaseModel):
    """What a pack may state about a file: `mime` and the rest where its header cannot be read, `text` of a picture.

    `text` are boxes of x, y, width and height in pixels in which there is text; none, where it is empty.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mime: str | None = Field(default=None, pattern=r"^[a-z]+/[a-z0-9.+-]{1,60}$")
    w: int = Field(default=0, ge=0)
    h: int = Field(default=0, ge=0)
    dur: Seconds = timedelta(0)
    text: tuple[tuple[int, int, int, int], ...] | None = None

    @model_validator(mode="after")
    def _size_needs_a_type(self) -> Self:
        if self.mime is None and (self.w or self.h or self.dur):
            raise ValueError("w, h and dur are stated together with mime")
        return self


@dataclass(frozen=True, slots=True)
class PackFolder:
    """A pack as it was written: `files` by asset name, `media` what each is. `assumed` are sentences for a person.

    `text` says by asset name where a picture has text, for those of which the pack says so. `is_flight_assumed` where
    the pack has no line items: it runs for 30 days from the first publication (see `still_running`).
    """

    pack: str
    kinds: tuple[str, ...]
    campaign: Campaign
    files: Mapping[str, Path]
    media: Mapping[str, Media]
    assumed: tuple[str, ...]
    text: Mapping[str, tuple[tuple[int, int, int, int], ...]]
    is_flight_assumed: bool


def read_pack_folder(folder: Path, now: datetime) -> PackFolder:
    """Read `folder`. Raises FormatError: one sentence that names the file and the field that is wrong."""
    description = _find_description(folder)
    raw = _read(description)
    where = f"{folder.name}/{description.name}"
    assumed: list[str] = []
    pack, kinds, stated = _own_fields(raw, where)
    if "id" not in raw:
        raw["id"] = _identifier(folder.resolve().name, where)
    assumed.extend(draw_pages(folder, _dicts(raw.get("creatives"))))
    files, media = _files(folder, raw, stated, where)
    _fill_durations(raw, media, assumed)
    is_flight_assumed = "line_items" not in raw
    if is_flight_assumed:
        _check_creatives(raw, where)
        _fill_line_items(raw, now)
    try:
        campaign = validate(Campaign, raw, where)
    except FormatError as error:
        raise FormatError(f"{error}.", "See edge-agent docs packs for every field.") from error
    text = {name: said.text for name, said in stated.items() if said.text is not None}
    if is_flight_assumed:
        assumed.append(_when(campaign))
    return PackFolder(pack or campaign.id, kinds, campaign, files, media, tuple(assumed), text, is_flight_assumed)


def still_running(written: PackFolder, published: Campaign, now: datetime) -> PackFolder:
    """Return the pack with the flight that was assumed when it was `published`, while that is not over.

    So publishing what has not changed changes nothing, and a corrected picture does not make it run for longer.
    """
    flight = published.line_items[0].flight
    was_assumed = len(published.line_items) == 1 and flight.end - flight.start == _DEFAULT_FLIGHT
    if not (written.is_flight_assumed and was_assumed and flight.covers(now)):
        return written
    (item,) = written.campaign.line_items
    campaign = written.campaign.model_copy(update={"line_items": (item.model_copy(update={"flight": flight}),)})
    return replace(written, campaign=campaign, assumed=(*written.assumed[:-1], _when(campaign)))


def _find_description(folder: Path) -> Path:
    if folder.is_file():
        raise FormatError(f"{folder} is a file.", f"Name the folder that it is in: {folder.parent}.")
    if not folder.is_dir():
        raise FormatError(f"There is no folder {folder}.", 'Make one with "edge-agent fleet pack new".')
    found = [folder / name for name in ("pack.toml", "pack.json") if (folder / name).is_file()]
    if len(found) != 1:
        problem = "has both a pack.toml and a pack.json" if found else "has no pack.toml"
        raise FormatError(f"{folder} {problem}.", "A pack is a folder with one pack.toml and its files beside it.")
    return found[0]


def _read(path: Path) -> dict[str, Any]:
    try:
        text = _content(path).decode("utf-8-sig")
        value = _with_zones(tomllib.loads(text) if path.suffix == ".toml" else json.loads(text))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path.parent.name}/{path.name} cannot be read: {error}.", "Correct it.") from error
    if not isinstance(value, dict):
        raise FormatError(f"{path} is not an object.", "Start from the example in edge-agent docs packs.")
    return value


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FormatError(f"{path} cannot be read: {error.strerror or error}.", "Check the file.") from error


def _with_zones(value: Any) -> Any:
    """Take a date, or a time without a zone, for UTC, as the file's author most likely cannot mean anything else."""
    match value:
        case dict():
            return {key: _with_zones(item) for key, item in value.items()}
        case list():
            return [_with_zones(item) for item in value]
        case datetime(tzinfo=None):
            return value.replace(tzinfo=UTC)
        case datetime():
            return value
        case date():
            return datetime.combine(value, time(), UTC)
        case _:
            return value


def _own_fields(raw: dict[str, Any], where: str) -> tuple[str | None, tuple[str, ...], dict[str, Stated]]:
    pack, kinds, assets = (raw.pop(key, None) for key in _OWN_KEYS)
    if pack is not None:
        pack = _identifier(pack, where, "pack")
    try:
        stated = TypeAdapter(dict[AssetName, Stated]).validate_python(assets or {})
    except ValidationError as error:
        raise FormatError(f"{where}: assets.{first_complaint(error)}.") from error
    if kinds is not None and not (isinstance(kinds, list) and all(kind in KINDS for kind in kinds)):
        raise FormatError(f'{where}: kinds must be a list such as ["tv", "fridge"]; there are {", ".join(KINDS)}.')
    return pack, tuple(kinds or ()), stated


def _identifier(text: Any, where: str, field: str = "id") -> str:
    try:
        return TypeAdapter(Identifier).validate_python(text)
    except ValidationError as error:
        raise FormatError(
            f'{where}: {field} "{text}" must be lower-case letters, digits, ".", "_" and "-".',
            f'Write {field} = "…" into it.',
        ) from error


def _files(
    folder: Path, raw: dict[str, Any], stated: Mapping[str, Stated], where: str
) -> tuple[dict[str, Path], dict[str, Media]]:
    files: dict[str, Path] = {}
    media: dict[str, Media] = {}
    for place, name in _named_assets(raw):
        if name in files:
            continue
        path = folder / name
        if len(name) > _LONGEST_NAME or Path(name).name != name or not path.is_file():
            shown = name[:_LONGEST_NAME]
            raise FormatError(f"{where}: {place} names {shown}, which is not beside it.", f"Put it into {folder}.")
        content = _content(path)
        if not content:
            raise FormatError(f"{folder.name}/{name} is empty.", "Export the file again.")
        said = stated.get(name)
        files[name] = path
        media[name] = (
            Media(said.mime, said.w, said.h, said.dur)
            if said is not None and said.mime is not None
            else inspect_media(f"{folder.name}/{name}", content)
        )
    for name in stated.keys() - files.keys():
        raise FormatError(f"{where}: assets.{name} is described, but no creative uses it.", "Remove it.")
    return files, media


def _named_assets(raw: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (field, asset name) for each file that the creatives name; shapes are judged later."""
    named: list[tuple[str, str]] = []
    for number, creative in enumerate(_dicts(raw.get("creatives"))):
        if isinstance(creative.get("asset"), str):
            named.append((f"creatives[{number}].asset", creative["asset"]))
        for at, turn in enumerate(_dicts(creative.get("turns"))):
            if isinstance(turn.get("say"), str):
                named.append((f"creatives[{number}].turns[{at}].say", turn["say"]))
    return named


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _fill_durations(raw: dict[str, Any], media: Mapping[str, Media], assumed: list[str]) -> None:
    for creative in _dicts(raw.get("creatives")):
        if "dur" in creative:
            continue
        spoken = [media[name] for _, name in _named_assets({"creatives": [creative]}) if media[name].dur]
        if spoken:
            creative["dur"] = sum((item.dur for item in spoken), timedelta(0))
        elif creative.get("asset") is not None:
            creative["dur"] = _DEFAULT_STILL_S
            assumed.append(f"{creative.get('crid', creative['asset'])} is shown for {_DEFAULT_STILL_S} s.")


def _check_creatives(raw: Mapping[str, Any], where: str) -> None:
    """Complain about the creatives before about line items, which follow from them."""
    for number, creative in enumerate(_dicts(raw.get("creatives"))):
        try:
            Creative.model_validate(creative)
        except ValidationError as error:
            raise FormatError(f"{where}: creatives[{number}].{first_complaint(error)}.") from error


def _fill_line_items(raw: dict[str, Any], now: datetime) -> None:
    every = _dicts(raw.get("creatives"))
    led_to = {creative.get(link) for creative in every for link in ("follow_up", "companion")}
    fitting = [creative for creative in every if creative["format"] in MOMENTS]
    creatives = [creative for creative in fitting if creative["crid"] not in led_to] or fitting
    moments = sorted({MOMENTS[Format(creative["format"])] for creative in creatives})
    if not moments:
        return
    start = datetime.combine(now.date(), time(), UTC)
    raw["line_items"] = [
        {
            "id": "default",
            "crids": [creative["crid"] for creative in creatives],
            "flight": {"start": start, "end": start + _DEFAULT_FLIGHT},
            "targeting": {"moments": moments},
        }
    ]


def _when(campaign: Campaign) -> str:
    (item,) = campaign.line_items
    return (
        f"It runs until {item.flight.end:%Y-%m-%d}, at: {', '.join(item.targeting.moments)} "
        f"(no line_items were given, and then it is {_DEFAULT_FLIGHT.days} days)."
    )
