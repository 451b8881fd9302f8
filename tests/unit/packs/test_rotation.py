"""Keys are replaced under a device that is only told of it by the repository."""

import json
import logging
import os
import shutil
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner

from edge_agent.fleet.signing.keys import KeyFolder
from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.fleet.signing.rotation import rotate_key
from edge_agent.model.errors import SettingsError
from tests.fleets import TIMESTAMP, Device, MemorySource, SmallFleet


class StolenKeys(KeyFolder):
    """Signs with the key under `role`'s name where devices believe none that is here."""

    def __init__(self, directory: Path, role: str) -> None:
        super().__init__(directory)
        self._role = role

    def signers(self, keyids: Collection[str] | None = None) -> list[CryptoSigner]:
        return super().signers(keyids) or [self.signer(self._role)]


@pytest.mark.parametrize("role", ["root", "targets", "snapshot", "timestamp", "config", "advertiser-acme"])
async def test_a_device_follows_a_new_key_and_forgets_the_old(role: str, tmp_path: Path) -> None:
    fleet, source = SmallFleet(tmp_path / "operator"), MemorySource()
    fleet.sign()
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        keys = fleet.fleet.keys
        before = (keys.directory / f"{role}.pem").read_bytes()
        rotate_key(fleet.fleet, role, fleet.now)
        assert (keys.directory / f"{role}.retired-1.pem").read_bytes() == before
        fleet.fleet = FleetRepository.open(tmp_path / "operator" / "fleet")
        rotate_key(fleet.fleet, role, fleet.now)
        fleet.sign("summer")
        fleet.put_into(source)
        await device.until(lambda: device.playable() == {"acme/spring": 1, "acme/summer": 1})
        assert device.shelf.status().root_version == (1 if role in {"config", "advertiser-acme"} else 3)

        current = keys.directory / f"{role}.pem"
        current.write_bytes(before)  # somebody stole the first key and signs with it
        fleet.fleet.keys = StolenKeys(keys.directory, role)
        if role != "root":
            fleet.fleet.touch({"advertiser-acme": "packs-acme"}.get(role, "config"))
            fleet.fleet.touch("targets")
            fleet.fleet.commit(fleet.now)
            fleet.put_into(source)
            await device.until(
                lambda: (
                    "is not signed by the keys" in device.shelf.status().problem
                    or role in {"config", "advertiser-acme"}
                )
            )
            assert device.playable() == {"acme/spring": 1, "acme/summer": 1}


async def test_a_backup_older_than_what_was_published_is_gone_on_with_under_new_keys(tmp_path: Path) -> None:
    """What the lost folder signed has the numbers that this one gives next: by its keys alone is it told apart."""
    fleet, source = SmallFleet(tmp_path / "operator"), MemorySource()
    folder, backup = tmp_path / "operator" / "fleet", tmp_path / "backup"
    fleet.sign()
    fleet.put_into(source)
    shutil.copytree(folder, backup)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        fleet.sign("summer")
        for _ in range(3):
            fleet.fleet.renew(fleet.now)
            fleet.fleet.commit(fleet.now)
        fleet.put_into(source)
        await device.until(lambda: device.playable() == {"acme/spring": 1, "acme/summer": 1})
        shutil.rmtree(folder)
        backup.rename(folder)
        fleet.fleet = FleetRepository.open(folder)
        for role in ("timestamp", "snapshot", "targets", "config", "advertiser-acme"):
            rotate_key(fleet.fleet, role, fleet.now)
        fleet.sign("winter")
        fleet.put_into(source)
        await device.until(lambda: device.playable() == {"acme/spring": 1, "acme/winter": 1})
        assert device.shelf.status().problem == ""


async def test_no_number_of_roots_is_the_last_that_a_device_follows(tmp_path: Path) -> None:
    """A look takes 64 new ones, beside all that were believed before."""
    fleet, source = SmallFleet(tmp_path / "operator"), MemorySource()
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        for count in (61, 67):
            while fleet.fleet.root_version < count:
                rotate_key(fleet.fleet, "timestamp", fleet.now)
            fleet.put_into(source)
            await device.until(lambda count=count: device.shelf.status().root_version == count)  # type: ignore[misc]


async def test_new_keys_undo_what_a_thief_of_the_old_ones_said_of_the_time(tmp_path: Path) -> None:
    fleet, source = SmallFleet(tmp_path / "operator"), MemorySource()
    fleet.sign()
    fleet.put_into(source)
    now, months_ahead = fleet.now, fleet.now + timedelta(days=200)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        fleet.fleet.commit(months_ahead)  # somebody stole the key of the timestamp
        fleet.put_into(source)
        await device.until(lambda: not device.clocks()[-1].trusted)
        assert device.shelf.status().floor == months_ahead.replace(microsecond=0)
        rotate_key(fleet.fleet, "timestamp", now)
        fleet.sign("summer")
        fleet.put_into(source)
        await device.until(lambda: device.playable() == {"acme/spring": 1, "acme/summer": 1})
        await device.until(lambda: device.clocks()[-1].trusted)
        assert device.shelf.status().floor == now.replace(microsecond=0)
    async with Device(tmp_path / "tv", fleet.root_json, MemorySource()) as restarted:
        await restarted.until(lambda: restarted.playable() == {"acme/spring": 1, "acme/summer": 1})
        assert [clock.trusted for clock in restarted.clocks()] == [True]


def test_a_role_that_there_is_not_is_named(tmp_path: Path) -> None:
    fleet = SmallFleet(tmp_path)
    with pytest.raises(SettingsError, match="There is no key queen") as caught:
        rotate_key(fleet.fleet, "queen", fleet.now)
    assert "advertiser-acme" in caught.value.next_step


@pytest.mark.parametrize("role", ["timestamp", "config"], ids=["an older root", "an older timestamp"])
async def test_a_device_whose_metadata_is_lost_takes_nothing_older_than_it_had(role: str, tmp_path: Path) -> None:
    """Its own record remembers: a broker that hands out a genuine past gains nothing by a damaged disk."""
    fleet, source = SmallFleet(tmp_path / "operator"), MemorySource()
    fleet.sign()
    past = fleet.messages()
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        rotate_key(fleet.fleet, role, fleet.now)
        fleet.sign("summer")
        fleet.put_into(source)
        await device.until(lambda: device.has_recorded(2))
        known = device.shelf.status()

    shutil.rmtree(tmp_path / "tv" / "tuf")
    source.retained = dict(past)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: "was rolled back" in device.shelf.status().problem)
        assert device.playable() == {"acme/spring": 1, "acme/summer": 1}
        fleet.put_into(source)
        await device.until(
            lambda: device.shelf.status().problem == "" and device.shelf.status().checked_at is not None
        )
        assert device.shelf.status().version == known.version
        assert device.playable() == {"acme/spring": 1, "acme/summer": 1}


@pytest.mark.parametrize("is_whole", [True, False], ids=["in a look", "in a look that fails after it"])
async def test_a_root_that_was_taken_is_on_the_disk_when_the_look_ends(
    is_whole: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut must not bring keys back that were replaced, nor leave a device at a root that nobody keeps."""
    fleet, source = SmallFleet(tmp_path / "operator"), MemorySource()
    fleet.put_into(source)
    flushed: list[Path] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        flushed.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.shelf.status().root_version == 1)
        old = source.retained[TIMESTAMP]
        rotate_key(fleet.fleet, "timestamp", fleet.now)
        flushed.clear()
        source.retained.update(fleet.messages() if is_whole else fleet.messages() | {TIMESTAMP: old})
        device.shelf.refresh()
        await device.until(
            lambda: device.shelf.status().root_version == 2 if is_whole else bool(device.shelf.status().problem)
        )
    history = tmp_path / "tv" / "tuf" / "root_history"
    assert flushed.index(history / "2.root.json") < flushed.index(history)


async def test_a_fleet_that_goes_on_from_two_copies_is_told_of_while_both_show_the_same_version(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is older and everything is signed: a version alone does not tell one copy's from the other's."""
    fleet, source = SmallFleet(tmp_path / "operator"), MemorySource()
    folder, copy = tmp_path / "operator" / "fleet", tmp_path / "copy"
    fleet.sign()
    shutil.copytree(folder, copy)
    fleet.sign("summer")
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.has_recorded(2))
        held = device.shelf.status().version
        shutil.rmtree(folder)
        copy.rename(folder)
        fleet.fleet, fleet.now = FleetRepository.open(folder), fleet.now + timedelta(seconds=1)
        fleet.sign("winter")
        assert fleet.fleet.timestamp.version == held
        fleet.put_into(source)
        await device.until(lambda: "role timestamp" in device.shelf._troubles.lasting)
        assert device.playable() == {"acme/spring": 1, "acme/summer": 1}
        for _ in range(3):
            checked_at = device.shelf.status().checked_at
            device.shelf.refresh()
            await device.until(lambda checked_at=checked_at: device.shelf.status().checked_at != checked_at)  # type: ignore[misc]
        fleet.fleet.commit(fleet.now)
        fleet.put_into(source)
        await device.until(lambda: "role timestamp" not in device.shelf._troubles.lasting)
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(said) == 1
    assert said[0].startswith(f"The broker shows another signed timestamp of version {held} than this device holds")


async def test_the_same_timestamp_with_more_signatures_is_no_other(tmp_path: Path) -> None:
    fleet, source = SmallFleet(tmp_path / "operator"), MemorySource()
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.shelf.status().version > 0)
        same = json.loads(source.retained[TIMESTAMP])
        same["signatures"].append({"keyid": "0" * 64, "sig": "00"})
        source.retained[TIMESTAMP] = json.dumps(same).encode()
        checked_at = device.shelf.status().checked_at
        source.push()
        await device.until(lambda: device.shelf.status().checked_at != checked_at)
        assert not device.shelf._troubles.lasting
