"""Changes of keys that are interrupted, or that cannot be: devices follow what comes after, and no key is lost."""

from datetime import timedelta
from pathlib import Path

import pytest

from edge_agent.fleet.publishing.broker import BrokerAddress
from edge_agent.fleet.publishing.send import send
from edge_agent.fleet.signing.keys import KeyFolder, make_key_pair, read_private_key, read_public_key
from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.fleet.signing.root_proposal import PENDING, read_proposal, sign_proposal, write_proposal
from edge_agent.fleet.signing.rotation import adopt_root, change_keys, rotate_key
from edge_agent.model.errors import SettingsError, StorageError
from tests.disks import full_disk
from tests.fleets import Device, MemorySource, SmallFleet, silent
from tests.unit.fleet.interrupted import StopsBeforeCommit

EVERY_KEY = ["root", "targets", "snapshot", "timestamp", "config", "advertiser-acme"]


class StopsBeforePromotion(KeyFolder):
    """The keys of a person who presses Ctrl-C before the new one has the old one's name."""

    def promote(self, role: str) -> None:  # noqa: ARG002
        raise KeyboardInterrupt


def interrupted(fleet: SmallFleet, step: str) -> FleetRepository:
    """Return the fleet as somebody has it who stops before that step."""
    directory = fleet.fleet.directory
    if step == "commit":
        return StopsBeforeCommit.open(directory)
    found = FleetRepository.open(directory)
    found.keys = StopsBeforePromotion(directory / "keys")
    return found


def reopened(fleet: SmallFleet) -> FleetRepository:
    fleet.fleet = FleetRepository.open(fleet.fleet.directory)
    return fleet.fleet


@pytest.mark.parametrize("limit", [0, 64])
def test_a_full_disk_leaves_no_half_of_a_key_which_everything_signed_later_would_stumble_over(
    limit: int, tmp_path: Path
) -> None:
    fleet = SmallFleet(tmp_path / "operator")
    with full_disk(limit), pytest.raises(StorageError, match=r"timestamp\.next\.pem cannot be written"):
        rotate_key(fleet.fleet, "timestamp", fleet.now)
    reopened(fleet)
    assert not fleet.fleet.keys.has("timestamp.next")
    assert fleet.sign().changed


@pytest.mark.parametrize("step", ["commit", "promotion"])
@pytest.mark.parametrize("key", EVERY_KEY)
async def test_an_interrupted_rotation_is_finished_by_the_next_command_and_loses_no_key(
    key: str, step: str, tmp_path: Path
) -> None:
    fleet, source = SmallFleet(tmp_path / "operator"), MemorySource()
    fleet.sign()
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        with pytest.raises(KeyboardInterrupt):
            rotate_key(interrupted(fleet, step), key, fleet.now)
        reopened(fleet).commit(fleet.now)  # as by `fleet refresh`
        fleet.fleet.refuse_unfinished()
        fleet.sign("summer")
        fleet.put_into(source)
        await device.until(lambda: device.playable() == {"acme/spring": 1, "acme/summer": 1})

        with pytest.raises(KeyboardInterrupt):
            rotate_key(interrupted(fleet, step), key, fleet.now)
        rotate_key(reopened(fleet), key, fleet.now)
        rotate_key(reopened(fleet), key, fleet.now)
        fleet.sign("autumn")
        fleet.put_into(source)
        await device.until(lambda: len(device.playable()) == 3)


@pytest.mark.parametrize("key", ["targets", "snapshot", "timestamp"])
async def test_nothing_is_sent_while_a_change_of_keys_is_half_done(key: str, tmp_path: Path) -> None:
    fleet = SmallFleet(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        rotate_key(interrupted(fleet, "commit"), key, fleet.now)
    with pytest.raises(SettingsError, match="A change of keys was interrupted") as refused:
        await send(reopened(fleet), BrokerAddress(), silent)
    assert "fleet refresh" in refused.value.next_step


@pytest.mark.parametrize(("key", "lacking"), [("targets", "snapshot"), ("config", "targets")])
def test_a_rotation_for_which_another_key_is_elsewhere_changes_nothing(
    key: str, lacking: str, tmp_path: Path
) -> None:
    fleet = SmallFleet(tmp_path / "operator")
    keys, away = fleet.fleet.keys.directory, tmp_path / f"{lacking}.pem"
    (keys / away.name).rename(away)
    with pytest.raises(SettingsError, match=lacking):
        rotate_key(fleet.fleet, key, fleet.now)
    assert reopened(fleet).root_version == 1
    away.rename(keys / away.name)
    fleet.sign()


def test_a_threshold_that_the_keys_here_do_not_meet_is_not_asked_for(tmp_path: Path) -> None:
    fleet = SmallFleet(tmp_path / "operator")
    _, public = make_key_pair(tmp_path / "away", "second")
    change_keys(fleet.fleet, "snapshot", fleet.now, add=read_public_key(public))
    with pytest.raises(SettingsError, match=r"snapshot has to be signed with 2 .* and 1 of them are here") as refused:
        change_keys(fleet.fleet, "snapshot", fleet.now, threshold=2)
    assert "--keys" in refused.value.next_step
    assert reopened(fleet).root_version == 2
    fleet.sign()


def test_a_key_to_drop_has_to_be_named_and_one_to_add_to_be_another(tmp_path: Path) -> None:
    fleet = SmallFleet(tmp_path)
    _, public = make_key_pair(tmp_path / "away", "second")
    change_keys(fleet.fleet, "config", fleet.now, add=read_public_key(public))
    keyid = read_public_key(public).keyid
    for beginning, refused in (("", "too little"), (keyid[:5], "too little"), ("g" * 6, "no key that alone begins")):
        with pytest.raises(SettingsError, match=refused) as told:
            change_keys(fleet.fleet, "config", fleet.now, drop=beginning)
        assert keyid[:12] in told.value.next_step
    with pytest.raises(SettingsError, match=r"config has the key \w{8} already"):
        change_keys(fleet.fleet, "config", fleet.now, add=read_public_key(public))


def test_an_adoption_that_was_interrupted_is_finished_by_adopting_again(tmp_path: Path) -> None:
    fleet = SmallFleet(tmp_path)
    rotate_key(fleet.fleet, "targets", fleet.now, propose=True)
    with pytest.raises(KeyboardInterrupt):
        adopt_root(StopsBeforeCommit.open(fleet.fleet.directory), [], fleet.now)
    assert adopt_root(reopened(fleet), [], fleet.now) == 2
    assert not (fleet.fleet.directory / PENDING).exists()
    fleet.sign()
    reopened(fleet).refuse_unfinished()


def test_a_key_that_is_proposed_outlasts_another_attempt_to_replace_it(tmp_path: Path) -> None:
    fleet, safe = SmallFleet(tmp_path), tmp_path / "safe"
    safe.mkdir()
    directory = fleet.fleet.directory
    (directory / "keys" / "root.pem").rename(safe / "root.pem")
    rotate_key(fleet.fleet, "root", fleet.now, propose=True)
    with pytest.raises(SettingsError, match="Version 2 of the root is proposed already"):
        rotate_key(reopened(fleet), "root", fleet.now)
    proposal = read_proposal(directory / PENDING)
    sign_proposal(proposal, read_private_key(safe / "root.pem"), fleet.now)
    write_proposal(directory / PENDING, proposal)
    assert adopt_root(reopened(fleet), [], fleet.now) == 2
    rotate_key(reopened(fleet), "root", fleet.now)


async def test_an_operator_whose_clock_was_wrong_once_rotates_the_timestamp_and_devices_go_on(tmp_path: Path) -> None:
    fleet, source = SmallFleet(tmp_path / "operator"), MemorySource()
    now, fleet.now = fleet.now, fleet.now + timedelta(days=200)
    fleet.sign()
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        fleet.now = now
        rotate_key(fleet.fleet, "timestamp", now)
        fleet.sign("summer")
        fleet.put_into(source)
        await device.until(lambda: device.playable() == {"acme/spring": 1, "acme/summer": 1})
