"""Shell: the report keys in a fleet's `keys/` folder, all of which open reports, and giving devices a new one.

Whoever comes by a private report key opens what was recorded of the broker's traffic while devices sealed to it. So
it is replaced now and then, and removed once no report that counts can have been sealed to it any more.
"""

from datetime import date, datetime
from pathlib import Path
from typing import Final

from edge_agent.fleet.durable import write_durably
from edge_agent.fleet.reports.key_pair import OpeningKey, new_report_key, read_private_key
from edge_agent.fleet.signing.keys import REPORT_KEY
from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.measure.report_key import TARGET, Kem, read_report_key
from edge_agent.model.errors import FormatError, SettingsError

REPORTS: Final = "reports"
"""What people call this key, beside `root`, `config` and the others."""

PRIVATE_NAMES: Final = "report-key*.private.json"

_NEXT: Final = "report-key.next.private.json"
_RETIRED: Final = "report-key.retired-"


def opening_keys(fleet_dir: Path) -> list[OpeningKey]:
    """Read every private report key of a fleet, the newest first.

    Raises FormatError when there is none, SettingsError when it may not be read.
    """
    folder = fleet_dir / "keys"
    try:
        try:
            documents = _documents(folder)
        except FileNotFoundError:
            documents = _documents(folder)  # a rotation gave one another name meanwhile
    except (FileNotFoundError, NotADirectoryError):
        documents = []
    except OSError as error:
        raise SettingsError(
            f"The private report key in {folder} cannot be read: {error.strerror or error}.",
            "Run this as the owner of the fleet's folder, or check who may read it.",
        ) from error
    if not documents:
        raise FormatError(f"There is no private report key in {folder}.", "Run `edge-agent fleet keys init` first.")
    return [read_private_key(document) for document in documents]


def rotate_report_key(fleet: FleetRepository, now: datetime, kem: Kem | None = None) -> None:
    """Sign a new report key, of the KEM that the present one has unless another is asked for, and commit.

    What devices seal is opened throughout: the new private half is on the disk before its public half is signed, and
    the old one stays as `report-key.retired-<date>.private.json`. A rotation that was interrupted leaves nothing to
    finish. Raises SettingsError and FormatError as `create_fleet` does, having signed nothing.
    """
    published = read_report_key(fleet.document(TARGET))
    public, private = new_report_key(kem or published.kem)
    folder = fleet.keys.directory
    prepared = folder / _NEXT
    if prepared.exists() and read_private_key(prepared.read_bytes()).public == published:  # of a time before
        _promote(folder, now.date())
    write_durably(prepared, private, 0o600)
    fleet.put(TARGET, public)
    fleet.commit(now)
    _promote(folder, now.date())


def retired_since(fleet_dir: Path) -> dict[Path, date]:
    """Return the private keys that a rotation retired, and when."""
    found = {}
    for path in sorted((fleet_dir / "keys").glob(f"{_RETIRED}*.private.json")):
        try:
            found[path] = date.fromisoformat(path.name.removeprefix(_RETIRED)[:10])
        except ValueError:
            continue  # somebody's own name
    return found


def _documents(folder: Path) -> list[bytes]:
    # glob would take a folder that it may not read for an empty one
    paths = (path for path in folder.iterdir() if path.match(PRIVATE_NAMES))
    newest_first = sorted(paths, key=lambda path: (_RETIRED not in path.name, path.name), reverse=True)
    return [path.read_bytes() for path in newest_first]


def _promote(folder: Path, today: date) -> None:
    """Put the prepared key in the place of the old one, which is kept under the day of its retirement."""
    current = folder / REPORT_KEY
    retired, number = folder / f"{_RETIRED}{today}.private.json", 1
    while retired.exists():
        number += 1
        retired = folder / f"{_RETIRED}{today}-{number}.private.json"
    if current.exists():
        current.rename(retired)
    (folder / _NEXT).rename(current)
