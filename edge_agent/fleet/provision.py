"""Provisions a fleet: its keys, its root of trust, the collector's key, and an empty signed repository."""

from datetime import datetime
from pathlib import Path

from edge_agent.fleet.keys import REPORT_KEY
from edge_agent.fleet.report_key import new_report_key
from edge_agent.fleet.repository import FleetRepository
from edge_agent.measure.report_key import TARGET, Kem


def create_fleet(directory: Path, now: datetime, kem: Kem = Kem.HYBRID) -> FleetRepository:
    """Make a fleet in `directory`. Raises SettingsError when there is one, FormatError when `kem` is unknown here."""
    public, private = new_report_key(kem)
    fleet = FleetRepository.create(directory, now)
    fleet.keys.write_secret(REPORT_KEY, private)
    fleet.put(TARGET, public)
    fleet.commit(now)
    return fleet
