"""Signs configuration for the whole fleet, a group or one device; every device judges it again before it applies."""

import json
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.model.errors import FormatError, SettingsError
from edge_agent.model.identity import Identifier
from edge_agent.settings.remote import first_unfit, parse_remote

_CONFIGURATIONS: Final = ("config/fleet.json", "config/group/", "config/device/")


def config_target(*, group: str | None = None, device: str | None = None) -> str:
    """Return the document's name: the fleet's when neither is given. Raises SettingsError for an unusable id."""
    for part, text in (("group", group), ("device", device)):
        if text is not None:
            return f"config/{part}/{check_identifier(f'a {part}', text)}.json"
    return "config/fleet.json"


def is_configuration(name: str) -> bool:
    """Whether a document of that name configures devices; `config` signs other things, too."""
    return name.startswith(_CONFIGURATIONS)


def check_identifier(what: str, text: str) -> str:
    """Return `text` when it may name `what`; raise SettingsError otherwise."""
    try:
        return TypeAdapter(Identifier).validate_python(text)
    except ValidationError as error:
        raise SettingsError(
            f'"{text}" cannot name {what}.', 'Use lower-case letters, digits, ".", "_" and "-".'
        ) from error


def check_advertiser(name: str) -> str:
    """Return `name` when it may name an advertiser who is to get a key; raise SettingsError otherwise."""
    if name.endswith(".next") or ".retired-" in name:  # see KeyFolder: of whoever has the name without it
        raise SettingsError(
            f'"{name}" cannot name an advertiser: ".next" and ".retired-" belong to other keys\' files.',
            "Choose another name.",
        )
    return check_identifier("an advertiser", name)


def push_config(fleet: FleetRepository, name: str, file: Path, now: datetime) -> int:
    """Sign `file` (TOML or JSON, sections as in agent.toml) as `name`, commit, and return its version.

    `v` and `version` are filled in. Raises SettingsError when a field is not one that may be set from afar
    or has a value that no device could take, FormatError when the file cannot be read.
    """
    value = _read(file)
    version = 1
    if name in fleet.files:
        version = parse_remote(name, fleet.document(name))[0] + 1
    content = json.dumps({**value, "v": 1, "version": version}, default=str, separators=(",", ":")).encode()
    unfit = first_unfit(parse_remote(str(file), content)[1])
    if unfit is not None:
        raise SettingsError(f"{file}: {unfit}.", "Correct it; nothing was signed.")
    fleet.put(name, content)
    fleet.commit(now)
    return version


def withdraw_config(fleet: FleetRepository, name: str, now: datetime) -> None:
    """Take a configuration back and commit. Raises SettingsError when there is none."""
    fleet.remove(name)
    fleet.commit(now)


def _read(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text("utf-8-sig")
        value = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise FormatError(f"{file} cannot be read: {error.strerror or error}.", "Check the path.") from error
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{file} cannot be read: {error}.", "Correct it.") from error
    if not isinstance(value, dict):
        raise FormatError(f"{file} is not an object.", "Write sections with fields, as in agent.toml.")
    return value
