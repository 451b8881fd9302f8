"""Layered configuration: defaults < profile < signed remote (fleet, group, device) < agent.toml.

The resident's limits are not a layer here: they are applied by the permission rules, which take the tighter of both,
so that no layer can widen them. `load_settings` is a pure function of the files' contents once these are read.
"""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from edge_agent.model.complaints import complaint
from edge_agent.model.device import PlacementPolicy
from edge_agent.model.errors import SettingsError
from edge_agent.model.identity import Identifier
from edge_agent.settings.profile import DeviceProfile
from edge_agent.settings.rooms import (
    DebugSettings,
    LinkSettings,
    MeasureSettings,
    PacksSettings,
    RenderSettings,
    VoiceSettings,
)
from edge_agent.shipped import shipped

Layer = Mapping[str, Any]
_Model = TypeVar("_Model", bound=BaseModel)

SECTIONS: Final = ("mqtt", "packs", "voice", "render", "measure", "debug", "placements")
"""The tables of agent.toml. Each fills one room's slice; `placements` is the operator's policy."""


class Settings(BaseModel):
    """Everything this device was told, one frozen slice a room. `groups` choose remote configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device_id: Identifier
    groups: tuple[Identifier, ...]
    profile: DeviceProfile
    lang: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
    timezone: str
    state_directory: Path
    runtime_directory: Path
    mqtt: LinkSettings
    packs: PacksSettings
    voice: VoiceSettings
    render: RenderSettings
    measure: MeasureSettings
    debug: DebugSettings
    placements: PlacementPolicy

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"there is no time zone {name!r}; use a name such as Europe/Berlin") from error
        return name

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which quiet hours, dayparts and reporting days are meant."""
        return ZoneInfo(self.timezone)

    @property
    def database(self) -> Path:
        """Where the one database is."""
        return self.measure.database


def load_profile(name: str, *, beside: Path | None = None) -> DeviceProfile:
    """Load a shipped profile by name, or one from a path (relative to `beside`). Raises SettingsError."""
    path = shipped("device_profiles") / f"{name}.toml"
    if "/" in name or name.endswith(".toml"):
        path = (beside or Path()) / name
    elif not path.is_file():
        known = ", ".join(sorted(found.stem for found in path.parent.glob("*.toml")))
        raise SettingsError(
            f'There is no device profile "{name}".', f"Use one of {known}, or the path of a TOML file."
        )
    return _validated(DeviceProfile, read_toml(path), str(path))


def load_settings(path: Path, remote: Sequence[Layer] = ()) -> Settings:
    """Read agent.toml at `path` and its profile, lay `remote` between them, and check the whole.

    `remote` are the verified documents from least to most specific (see `remote.parse_remote`). Relative paths in
    agent.toml are relative to its folder. Raises SettingsError naming the file, the field and what would be right.
    """
    local = read_toml(path)
    base = path.parent.resolve()
    for section in SECTIONS:
        if not isinstance(local.get(section, {}), dict):
            raise SettingsError(f"{path}: {section} must be a table.", f"Write it as [{section}].")
    profile_name = local.get("profile")
    if not isinstance(profile_name, str):
        raise SettingsError(f"{path}: profile is missing.", 'Add a line such as profile = "virtual-tv".')
    profile = load_profile(profile_name, beside=base)
    return merge(profile, remote, local, base=base, name=str(path))


def merge(
    profile: DeviceProfile, remote: Sequence[Layer], local: Layer, *, base: Path, name: str = "agent.toml"
) -> Settings:
    """Lay the layers over each other, field by field, and validate the result. Raises SettingsError."""
    state = _place(base, str(local.get("state_directory", "state")))
    runtime = _place(base, str(local.get("runtime_directory", state / "runtime")))
    layers = (_from_profile(profile, local, state, runtime), *remote, _with_paths(local, base))
    merged: dict[str, Any] = {
        section: {key: value for layer in layers for key, value in layer.get(section, {}).items()}
        for section in SECTIONS
    }
    top = {key: value for key, value in local.items() if key not in SECTIONS}
    merged |= {"groups": (), "lang": profile.lang, "timezone": "UTC", **top}
    merged |= {"profile": profile, "state_directory": state, "runtime_directory": runtime}
    merged["voice"].setdefault("lang", merged["lang"])
    return _validated(Settings, merged, name)


def _from_profile(profile: DeviceProfile, local: Layer, state: Path, runtime: Path) -> Layer:
    hooks = Path(profile.hooks_directory)
    return {
        "mqtt": {"device_id": local.get("device_id", "")},
        "packs": {
            "directory": state / "packs",
            "root_json": state / "root.json",
            "kind": profile.kind,
            "budget_bytes": profile.budget_bytes,
        },
        "voice": {
            "source": profile.voice_source,
            "wake_phrases": profile.wake_phrases,
            "models_directory": state / "models",
        },
        "render": {
            "hooks_directory": hooks if hooks.is_absolute() else shipped("firmware_hooks") / hooks,
            "hooks": profile.hooks,
            "runtime_directory": runtime,
            "boot_directory": state / "boot",
        },
        "measure": {"database": state / "agent.db"},
        "debug": {"socket": runtime / "agent.sock"},
        "placements": profile.policy.model_dump(exclude_unset=True),
    }


_PATHS: Final = {
    "mqtt": ("ca_file", "credentials_file"),
    "packs": ("directory", "root_json", "mirror_ca_file"),
    "voice": ("model", "models_directory"),
    "render": ("hooks_directory", "runtime_directory", "boot_directory"),
    "measure": ("database",),
    "debug": ("socket", "token_file"),
}


def _with_paths(local: Layer, base: Path) -> Layer:
    """Make the paths of agent.toml absolute, so that they do not depend on where the agent is started."""
    resolved = {section: dict(local.get(section, {})) for section in SECTIONS}
    for section, keys in _PATHS.items():
        for key in keys:
            if isinstance(resolved[section].get(key), str):
                resolved[section][key] = _place(base, resolved[section][key])
    return resolved


def _place(base: Path, path: str) -> Path:
    if "\0" in path:  # TOML can write one; no file system can
        raise SettingsError(f"The path {path!r} has a NUL character in it.", "Correct that path.")
    return base / path


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; SettingsError says what is wrong and where."""
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be read: {error.strerror}.", "Check the path and its permissions."
        ) from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}.", "Correct that line.") from error


def _validated(model: type[_Model], value: object, name: str) -> _Model:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise SettingsError(f"{name}: {first_problem(error)}", "Correct it and start again.") from error


def first_problem(error: ValidationError) -> str:
    """Return the first validation problem as one sentence, with how many more there are."""
    problems = error.errors(include_url=False)
    first = problems[0]
    where = ".".join(str(part) for part in first["loc"]) or "the document"
    more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{where}: {complaint(first)}{more}."
