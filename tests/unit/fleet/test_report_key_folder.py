"""Giving devices a new key to seal reports to: whatever is interrupted, what was sealed to any of them opens."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from edge_agent.fleet.key_status import RoleStatus, role_statuses
from edge_agent.fleet.reports.key_folder import opening_keys, retired_since, rotate_report_key
from edge_agent.fleet.reports.opening import OLDEST, Opener, Tally
from edge_agent.fleet.reports.store import ReportStore
from edge_agent.fleet.signing.keys import REPORT_KEY
from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.measure.report_key import TARGET, Kem, read_report_key
from edge_agent.measure.sealer import seal
from edge_agent.model.report import ImpressionReport, Reached
from tests.fleets import Device, MemorySource, SmallFleet
from tests.unit.fleet.interrupted import StopsAfterCommit, StopsBeforeCommit


def sealed(fleet: SmallFleet) -> bytes:
    """Return a report as a device seals it that follows what is signed now."""
    signed = FleetRepository.open(fleet.fleet.directory).document(TARGET)
    report = ImpressionReport(
        day=fleet.now.date(), campaign="spring", crid="poster", epsilon=2.0, answer=Reached.COMPLETE
    )
    return seal(report, read_report_key(signed))


def opened(fleet: SmallFleet, messages: list[bytes], tmp_path: Path) -> Tally:
    store = ReportStore(tmp_path / "reports.sqlite")
    try:
        return Opener(store, lambda: opening_keys(fleet.fleet.directory), fleet.now.date).take(messages)
    finally:
        store.close()


@pytest.mark.parametrize("folder", [StopsBeforeCommit, StopsAfterCommit])
def test_what_was_sealed_to_any_key_opens_however_often_a_rotation_is_interrupted(
    folder: type[FleetRepository], tmp_path: Path
) -> None:
    fleet = SmallFleet(tmp_path / "operator")
    directory = fleet.fleet.directory
    messages = [sealed(fleet)]
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            rotate_report_key(folder.open(directory), fleet.now)
        messages.append(sealed(fleet))
        rotate_report_key(FleetRepository.open(directory), fleet.now)
        messages.append(sealed(fleet))
    assert opened(fleet, messages, tmp_path) == Tally(accepted=5)
    current = (directory / "keys" / REPORT_KEY).read_bytes()
    for retired in retired_since(directory):
        retired.unlink()
    assert [path.name for path in (directory / "keys").glob("report-key*")] == [REPORT_KEY]
    assert opening_keys(directory)[0].public == read_report_key(FleetRepository.open(directory).document(TARGET))
    assert current == (directory / "keys" / REPORT_KEY).read_bytes()


def test_a_key_opens_nothing_that_was_sealed_before_it_or_after_it(tmp_path: Path) -> None:
    fleet = SmallFleet(tmp_path / "operator")
    keys = fleet.fleet.keys.directory
    messages = [sealed(fleet)]
    for days in (1, 2):
        rotate_report_key(fleet.fleet, fleet.now + timedelta(days=days))
        messages.append(sealed(fleet))
    first, second = retired_since(fleet.fleet.directory)
    first.unlink()
    (keys / REPORT_KEY).unlink()
    assert [path.name for path in keys.glob("report-key*")] == [second.name]
    assert [opened(fleet, [message], tmp_path).accepted for message in messages] == [0, 1, 0]


def test_a_collector_that_runs_takes_what_is_sealed_to_a_key_made_meanwhile(tmp_path: Path) -> None:
    fleet = SmallFleet(tmp_path / "operator")
    store = ReportStore(tmp_path / "reports.sqlite")
    opener = Opener(store, lambda: opening_keys(fleet.fleet.directory), fleet.now.date)
    assert opener.take([sealed(fleet)]) == Tally(accepted=1)
    rotate_report_key(fleet.fleet, fleet.now, Kem.HYBRID)
    assert opener.take([b"garbage", sealed(fleet), sealed(fleet)]) == Tally(accepted=2, refused=1)
    store.close()


async def test_devices_take_the_new_key_which_is_of_the_old_ones_kind_unless_another_is_asked_for(
    tmp_path: Path,
) -> None:
    fleet, source = SmallFleet(tmp_path / "operator"), MemorySource()
    fleet.put_into(source)
    kinds = []
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        told: list[bytes | None] = []
        device.shelf.on_document(TARGET, lambda _, content: told.append(content))
        for kem in (Kem.CLASSIC, None, Kem.HYBRID, None):
            await device.until(lambda: bool(told) and told[-1] == fleet.fleet.document(TARGET))
            rotate_report_key(fleet.fleet, fleet.now, kem)
            fleet.put_into(source)
            kinds.append(read_report_key(fleet.fleet.document(TARGET)).kem)
        await device.until(lambda: told[-1] == fleet.fleet.document(TARGET))
    assert kinds == [Kem.CLASSIC, Kem.CLASSIC, Kem.HYBRID, Kem.HYBRID]


def reports_status(fleet: SmallFleet) -> RoleStatus:
    return role_statuses(fleet.fleet, fleet.now)[-1]


def test_status_says_which_key_reports_are_sealed_to_and_which_is_of_no_use_any_more(tmp_path: Path) -> None:
    fleet = SmallFleet(tmp_path / "operator")
    keys = fleet.fleet.keys.directory
    before = reports_status(fleet)
    rotate_report_key(fleet.fleet, fleet.now)
    after = reports_status(fleet)
    assert before.keys[0].keyid != after.keys[0].keyid
    assert before.keys[0].is_here
    assert after.keys[0].is_here
    assert after.next_step == ""

    (retired,) = retired_since(fleet.fleet.directory)

    def retire(day: date) -> Path:
        return retired.rename(keys / f"report-key.retired-{day}.private.json")

    retired = retire(fleet.now.date() - OLDEST)
    assert reports_status(fleet).next_step == ""
    retired = retire(fleet.now.date() - OLDEST - timedelta(days=1))
    assert retired.name in reports_status(fleet).next_step

    (keys / REPORT_KEY).rename(tmp_path / REPORT_KEY)
    assert not reports_status(fleet).keys[0].is_here
