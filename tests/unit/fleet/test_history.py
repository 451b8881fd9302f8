"""A broker's history is never overwritten by another: not another fleet's, not a newer one, not a fork."""

import shutil
from pathlib import Path

import pytest

from edge_agent.fleet.publishing.broker import BrokerAddress, connected
from edge_agent.fleet.publishing.send import Sent, send
from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.fleet.signing.rotation import rotate_key
from edge_agent.model.errors import SettingsError, StorageError
from tests.brokers import RunningBroker
from tests.fleets import SmallFleet, silent


@pytest.fixture
def address(broker: RunningBroker, root: str) -> BrokerAddress:
    return BrokerAddress(broker.host, broker.port, root)


@pytest.fixture
def ours(tmp_path: Path) -> SmallFleet:
    fleet = SmallFleet(tmp_path / "ours")
    fleet.sign()
    return fleet


async def publish(fleet: FleetRepository, address: BrokerAddress, *, take_over: bool = False) -> Sent:
    return await send(fleet, address, silent, take_over=take_over)


async def on_the_broker(address: BrokerAddress) -> bytes | None:
    async with connected(address) as there:
        return await there.look("repo/meta/timestamp", 10**6)


async def test_another_fleets_packs_are_left_alone_until_a_person_says_otherwise(
    ours: SmallFleet, tmp_path: Path, address: BrokerAddress
) -> None:
    theirs = SmallFleet(tmp_path / "theirs")
    await publish(theirs.fleet, address)
    with pytest.raises(SettingsError, match="packs of another fleet") as refused:
        await publish(ours.fleet, address)
    assert "--take-over" in refused.value.next_step
    assert await on_the_broker(address) == theirs.fleet.metadata("timestamp")
    await publish(ours.fleet, address, take_over=True)
    assert await on_the_broker(address) == ours.fleet.metadata("timestamp")


async def left_behind(ours: SmallFleet, tmp_path: Path, address: BrokerAddress) -> Path:
    """Copy the fleet's folder, publish from the first, and return the copy, which knows nothing of that."""
    copy = tmp_path / "copy"
    shutil.copytree(ours.directory / "fleet", copy)
    ours.sign("summer")
    await publish(ours.fleet, address)
    return copy


async def test_an_older_copy_of_the_folder_does_not_turn_devices_back(
    ours: SmallFleet, tmp_path: Path, address: BrokerAddress
) -> None:
    copy = await left_behind(ours, tmp_path, address)
    for take_over in (False, True):
        with pytest.raises(SettingsError, match="holds version 5 of this fleet from another copy"):
            await publish(FleetRepository.open(copy), address, take_over=take_over)
    assert await on_the_broker(address) == ours.fleet.metadata("timestamp")


async def test_two_copies_that_went_apart_are_noticed_whichever_is_further(
    ours: SmallFleet, tmp_path: Path, address: BrokerAddress
) -> None:
    copy = await left_behind(ours, tmp_path, address)
    other = FleetRepository.open(copy)
    other.touch("config")
    other.commit(ours.now)
    for _ in range(2):  # the timestamps are alike at first: they name their snapshot by its version alone
        with pytest.raises(SettingsError, match=r"5\.snapshot differs there"):
            await publish(other, address)
        other.touch("config")
        other.commit(ours.now)


async def test_an_older_copy_is_refused_the_second_time_as_well(
    ours: SmallFleet, tmp_path: Path, address: BrokerAddress
) -> None:
    copy = await left_behind(ours, tmp_path, address)
    other = FleetRepository.open(copy)
    for refusal in ("holds version 5 of this fleet", r"5\.snapshot is not here", r"5\.snapshot is not here"):
        other.commit(ours.now)  # as each refresh does, before it sends: its timestamp is soon the newer one
        with pytest.raises(SettingsError, match=refusal):
            await publish(other, address)
    assert await on_the_broker(address) == ours.fleet.metadata("timestamp")


@pytest.mark.parametrize("both", [False, True], ids=["one-changed-keys", "both-did"])
@pytest.mark.parametrize("key", ["root", "snapshot", "timestamp"])
async def test_a_copy_in_which_keys_were_not_changed_takes_nothing_over(
    key: str, both: bool, ours: SmallFleet, tmp_path: Path, address: BrokerAddress
) -> None:
    shutil.copytree(ours.directory / "fleet", tmp_path / "copy")
    rotate_key(ours.fleet, key, ours.now)
    await publish(ours.fleet, address)
    other = FleetRepository.open(tmp_path / "copy")
    if both:
        rotate_key(other, key, ours.now)
    other.touch("config")
    for _ in range(2):
        other.commit(ours.now)  # its timestamp is the newer one
    for take_over in (False, True):
        with pytest.raises(SettingsError, match=r"has changed keys \(version 2 of the root"):
            await publish(other, address, take_over=take_over)
    assert await on_the_broker(address) == ours.fleet.metadata("timestamp")


async def test_what_is_damaged_or_gone_in_the_folder_is_said_and_devices_are_told_of_nothing(
    ours: SmallFleet, address: BrokerAddress
) -> None:
    chunk = next((ours.directory / "fleet" / "chunks").iterdir())
    chunk.write_bytes(bytes(chunk.stat().st_size))
    with pytest.raises(StorageError, match=f"{chunk.name} is damaged"):
        await publish(ours.fleet, address)
    chunk.unlink()
    with pytest.raises(StorageError, match=f"{chunk.name} cannot be read"):
        await publish(ours.fleet, address)
    assert await on_the_broker(address) is None
    ours.sign()  # the same pack: what is missing is written again
    await publish(ours.fleet, address)
    document = ours.fleet.target_path(ours.fleet.files["packs/acme/spring.json"].hashes["sha256"])
    document.unlink()
    with pytest.raises(StorageError, match=f"{document.name} cannot be read"):
        await publish(ours.fleet, address)


async def test_the_fleets_own_past_and_garbage_are_written_over(ours: SmallFleet, address: BrokerAddress) -> None:
    async with connected(address) as broker:
        await broker.put([("repo/meta/timestamp", lambda: b"{]")], lambda _topic, _length: None)
    await publish(ours.fleet, address)
    rotate_key(ours.fleet, "timestamp", ours.now)  # what is there was signed by the old key
    ours.sign("summer")
    (ours.directory / "fleet" / "sent.json").unlink()
    await publish(ours.fleet, address)
    assert await on_the_broker(address) == ours.fleet.metadata("timestamp")
