"""Shell: provisions a fleet: its keys, its root of trust, the collector's key, and an empty signed repository."""

import shutil
from datetime import datetime
from pathlib import Path

from edge_agent.fleet.reports.key_pair import new_report_key
from edge_agent.fleet.signing.keys import REPORT_KEY
from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.measure.report_key import TARGET, Kem


def create_fleet(directory: Path, now: datetime, kem: Kem = Kem.HYBRID) -> FleetRepository:
    """Make a fleet in `directory`. Raises SettingsError when there is one, FormatError when `kem` is unknown here.

    Where `directory` is not there yet, it is made under another name and gets its own at the end: what was
    interrupted is no fleet without a report key, but none at all.
    """
    public, private = new_report_key(kem)
    if directory.exists():
        return _create(directory, now, public, private)
    waiting = directory.with_name(f".{directory.name}.new")
    shutil.rmtree(waiting, ignore_errors=True)  # of a time before
    _create(waiting, now, public, private)
    waiting.rename(directory)
    return FleetRepository.open(directory)


def _create(directory: Path, now: datetime, public: bytes, private: bytes) -> FleetRepository:
    fleet = FleetRepository.create(directory, now)
    fleet.keys.write_secret(REPORT_KEY, private)
    fleet.put(TARGET, public)
    fleet.commit(now)
    return fleet
