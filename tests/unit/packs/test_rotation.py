"""Keys are replaced under a device that is only told of it by the repository."""

from collections.abc import Collection
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner

from edge_agent.fleet.keys import KeyFolder
from edge_agent.fleet.repository import FleetRepository
from edge_agent.fleet.rotation import rotate_key
from edge_agent.model.errors import SettingsError
from tests.fleets import Device, MemorySource, SmallFleet


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


def test_a_role_that_there_is_not_is_named(tmp_path: Path) -> None:
    fleet = SmallFleet(tmp_path)
    with pytest.raises(SettingsError, match="There is no key queen") as caught:
        rotate_key(fleet.fleet, "queen", fleet.now)
    assert "advertiser-acme" in caught.value.next_step
