"""Remote configuration: what a signed document may set, and how it is tried, kept or rolled back (shell: one folder).

A document is a TUF target (`config/fleet.json`, `config/group/<g>.json`, `config/device/<id>.json`): a JSON object
`{"v": 1, "version": n, "<section>": {"<field>": value}}`. Only fields marked REMOTE in `rooms` and those of
`placements` may be set.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, TypeAdapter, ValidationError

from edge_agent.durable import flush, write_durably
from edge_agent.model.complaints import complaint
from edge_agent.model.device import PlacementPolicy
from edge_agent.model.errors import SettingsError, StorageError
from edge_agent.settings.layers import Layer
from edge_agent.settings.rooms import (
    LEAST_FROM_AFAR,
    DebugSettings,
    LinkSettings,
    MeasureSettings,
    PacksSettings,
    VoiceSettings,
)

_SLICES: Final[Mapping[str, type[BaseModel]]] = {
    "mqtt": LinkSettings,
    "packs": PacksSettings,
    "voice": VoiceSettings,
    "measure": MeasureSettings,
    "debug": DebugSettings,
}
_MAX_BYTES: Final = 64 * 1024
MAX_VERSION: Final = 2**53 - 1
"""Beyond it not every program can tell a number from the next (RFC 8259, section 6)."""
_OUTCOME: Final = "outcome"
_DETAIL: Final = "detail"
_TIMES: Final = "times"
"""Beside the documents in refused.json and trial.json, whose names all begin with `config/`."""


def settable() -> dict[str, frozenset[str]]:
    """Return the fields that remote configuration may set, by section."""
    found = {
        section: frozenset(
            name
            for name, field in model.model_fields.items()
            if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("remote")
        )
        for section, model in _SLICES.items()
    }
    found["placements"] = frozenset(PlacementPolicy.model_fields)
    return {section: names for section, names in found.items() if names}


def first_unfit(layer: Layer) -> str | None:
    """Return what is wrong with the first value that no device could take, on its own; None when each may be right.

    Whether values suit each other, and a device's own, is judged there when the layers are merged.
    """
    for section, fields in layer.items():
        model = PlacementPolicy if section == "placements" else _SLICES[section]
        for field, value in fields.items():
            found = model.model_fields[field]
            annotated: Any = Annotated[found.annotation, found]
            judge: TypeAdapter[Any] = TypeAdapter(annotated)
            try:
                judged = judge.validate_python(value)
            except ValidationError as error:
                first = error.errors()[0]
                where = ".".join((section, field, *map(str, first["loc"])))
                return f"{where}: {complaint(dict(first))}"
            marks = found.json_schema_extra
            least_s = marks.get(LEAST_FROM_AFAR) if isinstance(marks, dict) else None
            if isinstance(least_s, int) and judged < timedelta(seconds=least_s):
                return f"{section}.{field}: from afar it may be {least_s} seconds at least"
    return None


def parse_remote(name: str, content: bytes) -> tuple[int, Layer]:
    """Return the version and the layer of a verified document.

    Raises SettingsError naming the document and the first thing that is wrong with it; whether the values fit is
    judged when the layers are merged.
    """
    fix = "Publish a corrected configuration."
    if len(content) > _MAX_BYTES:
        raise SettingsError(f"{name} is larger than {_MAX_BYTES} bytes.", fix)
    try:
        document: Any = json.loads(content)
        json.dumps(document, ensure_ascii=False).encode()  # half a character would be believed, and told to nobody
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{name} is not JSON.", fix) from error
    if not isinstance(document, dict) or document.get("v") != 1:
        raise SettingsError(f"{name} is not a configuration of format 1.", fix)
    version = document.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or not 0 < version <= MAX_VERSION:
        raise SettingsError(f"{name}: version must be a whole number from 1 to {MAX_VERSION}.", fix)
    allowed = settable()
    layer: dict[str, Any] = {}
    for section, fields in document.items():
        if section in {"v", "version"}:
            continue
        if section not in allowed or not isinstance(fields, dict):
            raise SettingsError(f"{name}: {section[:80]} cannot be set from afar.", fix)
        if unknown := sorted(set(fields) - allowed[section]):
            raise SettingsError(f"{name}: {section}.{unknown[0][:80]} cannot be set from afar.", fix)
        layer[section] = fields
    return version, layer


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a set of documents does not hold: it is wrong (`refused`), or the agent could not live by it."""

    outcome: Literal["refused", "rolled_back"]
    detail: str


class RemoteShelf:
    """The remote documents that this device lives by, kept in one folder so that a start needs no network.

    `adopt` writes a trial; `confirm` makes it the last good one; `roll_back` gives it up. What was given up or
    refused last is remembered by its exact content, so that it is neither tried nor told of again. A trial found at
    start was cut short: by a power cut, or because the agent died on it. How often says which (`times`). What writes
    raises StorageError when the disk refuses.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._good = directory / "good.json"
        self._trial = directory / "trial.json"
        self._refused = directory / "refused.json"

    def good(self) -> dict[str, str]:
        """Return the last confirmed documents' text by name (empty before the first)."""
        return _counted(self._good)[0]

    def unconfirmed(self) -> dict[str, str]:
        """Return a trial that was never confirmed or rolled back."""
        return _counted(self._trial)[0]

    def times(self) -> int:
        """Return how often that trial was begun; 0 where there is none."""
        return _counted(self._trial)[1]

    def refusal(self, documents: Mapping[str, str]) -> Refusal | None:
        """Return why exactly these documents were given up or refused, if they were the last that were."""
        known = _read(self._refused)
        outcome, detail = known.pop(_OUTCOME, ""), known.pop(_DETAIL, "")
        if not documents or known != dict(documents):
            return None
        return Refusal("refused" if outcome == "refused" else "rolled_back", detail)

    def refuse(self, documents: Mapping[str, str], refusal: Refusal) -> None:
        """Remember that these documents do not hold, and why."""
        with self._translated():
            _write(self._refused, {**documents, _OUTCOME: refusal.outcome, _DETAIL: refusal.detail})

    def forget_refusal(self) -> None:
        """Let the documents that were refused or given up last be tried again."""
        with self._translated():
            self._refused.unlink(missing_ok=True)

    def adopt(self, documents: Mapping[str, str], times: int = 1) -> None:
        """Begin a trial of these documents, for the time that it is."""
        with self._translated():
            _write(self._trial, {**documents, _TIMES: str(times)})

    def confirm(self) -> None:
        """Make the trial the last good configuration."""
        with self._translated():
            self._trial.replace(self._good)
            flush(self._directory)

    def abandon(self) -> None:
        """Forget that the trial was begun this time, as it says nothing of the documents."""
        documents, times = _counted(self._trial)
        if times > 1:
            self.adopt(documents, times - 1)
            return
        with self._translated():
            self._trial.unlink()
            flush(self._directory)

    def roll_back(self, detail: str) -> None:
        """Give the trial up, and remember it with why."""
        self.refuse(self.unconfirmed(), Refusal("rolled_back", detail))
        with self._translated():
            self._trial.unlink()
            flush(self._directory)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            yield
        except OSError as error:
            raise StorageError(
                f"Remote configuration cannot be kept in {self._directory}: {error.strerror}.",
                "Free some space or check the disk; what held before holds until then.",
            ) from error


def _read(path: Path) -> dict[str, str]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(text) for name, text in value.items()} if isinstance(value, dict) else {}


def _counted(path: Path) -> tuple[dict[str, str], int]:
    """Return the documents in a file, and how often their trial was begun; an earlier version did not count."""
    documents = _read(path)
    times = documents.pop(_TIMES, "1")
    return documents, (int(times) if times.isascii() and times.isdigit() else 1) if documents else 0


def _write(path: Path, documents: Mapping[str, str]) -> None:
    write_durably(path, [json.dumps(dict(documents)).encode()], 0o644)
