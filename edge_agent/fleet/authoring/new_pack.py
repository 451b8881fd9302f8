"""Shell: begins a pack folder for a person: a commented pack.toml, and their files beside it."""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from edge_agent.fleet.authoring.media import inspect_media
from edge_agent.fleet.authoring.pack_folder import MOMENTS
from edge_agent.fleet.durable import unwritten, write_durably
from edge_agent.model.errors import FormatError, StorageError
from edge_agent.model.formats import Format

_HEAD: Final = """\
# A pack: one campaign and its files. Every field is explained by: edge-agent docs packs
advertiser = {advertiser}
{id}name = {name}
adomain = [{domain}]       # the advertiser's own web domains
# cat = ["210"]            # what it is about (IAB Content Taxonomy 3.0); residents may block a category
# kinds = ["tv", "fridge"] # which devices it is for; every kind when left out
"""
_CREATIVE: Final = """
[[creatives]]
crid = {crid}
format = {format}
asset = {asset}
transcript = {transcript}
lang = {lang}
{dur}"""
_TAIL: Final = """
# When it may be placed. Without this: for 30 days from when it is first published, at the moments that suit the
# formats above.
# [[line_items]]
# id = "mornings"
# crids = [{crids}]
# flight = {{ start = 2027-01-01T00:00:00Z, end = 2027-02-01T00:00:00Z }}
# targeting = {{ moments = [{moments}] }}
# dayparts = [{{ start = 06:00:00, end = 11:00:00 }}]
# caps = [{{ scope = "campaign", count = 2, per = 86400 }}]
"""

PLACEHOLDER: Final = "A few words about this."
"""What stands for the words until a person writes them."""

_CHINESE: Final = re.compile("[\u4e00-\u9fff]")
_DUR_S: Final = {"boot_screen": 5, "idle_poster": 15}
"""What the shipped devices have room for: a boot screen of at most ten seconds."""


def write_new_pack(folder: Path, advertiser: str, text: str, files: Mapping[str, Path]) -> Path:
    """Make `folder` with a pack.toml for `files` (by format) and copies of them; return the pack.toml's path.

    Raises FormatError when the folder is there already, no file is given, or one is missing,
    StorageError when it cannot be written; then nothing of it is left.
    """
    try:
        is_there = folder.exists()
    except OSError as error:
        raise unwritten(folder, error) from error
    if is_there:
        raise FormatError(f"{folder} is there already.", "Name a new folder.")
    if not files:
        raise FormatError("A pack needs at least one file.", "Give --poster, --boot or --mention.")
    for file in files.values():
        if not file.is_file():
            raise FormatError(f"There is no file {file}.", "Check its path.")
    for form, file in files.items():
        _check_kind(form, file)
    own = folder.resolve().name
    parts = [
        _HEAD.format(
            advertiser=_quoted(advertiser),
            id="" if own == _id(own, advertiser) else f"id = {_quoted(_id(own, advertiser))}\n",
            name=_quoted(own.replace("-", " ").replace("_", " ").capitalize()),
            domain=_quoted(f"{advertiser}.example"),
        )
    ]
    crids = []
    for form, file in files.items():
        crid = form.replace("_", "-")
        crids.append(crid)
        asset = f"{crid}{file.suffix.lower()}"
        dur = "" if form.startswith("voice_") else f"dur = {_DUR_S[form]:<22} # seconds\n"
        parts.append(
            _CREATIVE.format(
                crid=_quoted(crid),
                format=_quoted(form),
                asset=_quoted(asset),
                transcript=_quoted(text),
                lang=_quoted("zh" if _CHINESE.search(text) else "en"),
                dur=dur,
            )
        )
    moments = sorted({MOMENTS[Format(form)] for form in files})
    parts.append(_TAIL.format(crids=", ".join(map(_quoted, crids)), moments=", ".join(map(_quoted, moments))))
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise unwritten(folder, error) from error
    try:
        return _fill(folder, files, "".join(parts))
    except (StorageError, UnicodeEncodeError):
        shutil.rmtree(folder, ignore_errors=True)  # or the next try would find it there already
        raise


def _fill(folder: Path, files: Mapping[str, Path], text: str) -> Path:
    for form, file in files.items():
        copy = folder / f"{form.replace('_', '-')}{file.suffix.lower()}"
        try:
            shutil.copyfile(file, copy)
        except OSError as error:
            raise unwritten(copy, error) from error
    path = folder / "pack.toml"
    write_durably(path, text.encode())
    return path


def _check_kind(form: str, file: Path) -> None:
    wanted, kind = ("audio/", "WAV file") if form.startswith("voice_") else ("image/", "PNG or JPEG picture")
    try:
        is_right = inspect_media(file.name, file.read_bytes()).mime.startswith(wanted)
    except OSError as error:
        raise FormatError(f"{file} cannot be read: {error.strerror or error}.", "Check its permissions.") from error
    except FormatError:
        is_right = False
    if not is_right:
        raise FormatError(f"{file} is not a {kind}.", "Export it as one; other kinds are described in pack.toml.")


def _id(name: str, advertiser: str) -> str:
    """Return what is nearest to a folder's name and may name a campaign; the advertiser's where nothing is left."""
    return re.sub("[^a-z0-9._-]+", "-", name.lower()).strip("-._")[:64] or advertiser


def _quoted(text: str) -> str:
    """Return a TOML basic string; JSON's escapes are among TOML's."""
    return json.dumps(text, ensure_ascii=False)
