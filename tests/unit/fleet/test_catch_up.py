"""A fleet's folder from an older backup takes over what a real broker holds, and nothing unverified."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import Metadata, Snapshot, TargetFile

from edge_agent.fleet.publishing.broker import BrokerAddress, connected
from edge_agent.fleet.publishing.catch_up import CaughtUp, catch_up
from edge_agent.fleet.publishing.handover import accept_bundle, build_signed
from edge_agent.fleet.publishing.send import current_messages, send
from edge_agent.fleet.signing.advertiser import AdvertiserFolder
from edge_agent.fleet.signing.config import push_config
from edge_agent.fleet.signing.deny_list import denied
from edge_agent.fleet.signing.keys import read_public_key
from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.fleet.signing.revoke import revoke
from edge_agent.fleet.signing.rotation import rotate_key
from edge_agent.fleet.signing.signed_packs import sign_pack
from edge_agent.model.errors import EdgeAgentError, LinkError, SettingsError, UntrustedError
from edge_agent.packs.source import chunk_topic, metadata_topic, target_topic
from tests.attacks.forger import Messages, forge
from tests.brokers import RunningBroker
from tests.fleets import TIMESTAMP, SmallFleet, on_broker, png, random_bytes, silent
from tests.proxies import Proxy

NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)


@pytest.fixture
def address(broker: RunningBroker, root: str) -> BrokerAddress:
    return BrokerAddress(broker.host, broker.port, root)


@pytest.fixture
async def lost(tmp_path: Path, address: BrokerAddress) -> SmallFleet:
    """The copy that is about to be lost; it has published the pack `acme/spring`."""
    fleet = SmallFleet(tmp_path / "lost")
    fleet.sign()
    await put(address, {TIMESTAMP: b"garbage"})  # a broker that holds nothing at all is asked for two seconds
    await send(fleet.fleet, address, silent)
    return fleet


@pytest.fixture
def backup(lost: SmallFleet, tmp_path: Path) -> Path:
    """Made before `went_on`."""
    shutil.copytree(lost.fleet.directory, tmp_path / "fleet")
    return tmp_path / "fleet"


async def went_on(lost: SmallFleet, address: BrokerAddress) -> None:
    """Publish, change, configure and revoke; add an advertiser who signs itself, and one who is gone again."""
    lost.add_advertiser("gone")
    lost.sign("away", advertiser="gone")
    lost.fleet.remove_advertiser("gone")
    lost.sign("summer")
    lost.sign("spring", png(filling=random_bytes(200_000, "changed")))
    calm = lost.directory / "calm.toml"
    calm.write_text("[placements]\nmax_per_day = 6\n")
    push_config(lost.fleet, "config/fleet.json", calm, lost.now)
    revoke(lost.fleet, "acme/summer/summer-poster", lost.now, "It shows the wrong price.")
    bolt = AdvertiserFolder.create(lost.directory / "bolt", "bolt")
    lost.fleet.add_advertiser("bolt", [read_public_key(bolt.public_key)])
    lost.fleet.commit(lost.now)
    accept_bundle(lost.fleet, bundle_of(lost, bolt), lost.now)
    await send(lost.fleet, address, silent)


def bundle_of(lost: SmallFleet, bolt: AdvertiserFolder) -> Path:
    folder, path = lost.directory / "boots", lost.directory / "boots.bundle"
    shutil.copytree(lost.directory / "folders" / "acme" / "spring", folder)
    written = folder / "pack.toml"
    written.write_text(written.read_text().replace("acme", "bolt").replace("spring", "boots"))
    build_signed(bolt, folder, path, lost.now, silent)
    return path


async def caught_up(backup: Path, address: BrokerAddress, *, dry_run: bool = False) -> CaughtUp:
    fleet = FleetRepository.open(backup)
    return await catch_up(fleet, address, NOW, silent, dry_run=dry_run)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def put(address: BrokerAddress, messages: Messages) -> None:
    async with connected(address) as broker:
        contents = {topic: partial(bytes, content) for topic, content in messages.items()}
        await broker.put(contents.items(), lambda _topic, _length: None)


async def test_a_folder_from_a_backup_goes_on_where_the_lost_one_ended(
    lost: SmallFleet, backup: Path, address: BrokerAddress, broker: RunningBroker, tmp_path: Path
) -> None:
    await went_on(lost, address)
    async with on_broker(tmp_path, lost, broker, address.root) as device:
        await device.until(lambda: device.has_recorded(3))
        with pytest.raises(SettingsError, match="from another copy") as refused:
            await send(FleetRepository.open(backup), address, silent)
        assert "edge-agent fleet catch-up" in refused.value.next_step
        before = contents(backup)
        shown = await caught_up(backup, address, dry_run=True)
        assert contents(backup) == before
        found = await caught_up(backup, address)
        assert (found.only_here, found.set_aside, found.lacking) == ((), "", {})
        assert found.differences == shown.differences
        told = {one.what: (one.here, one.there) for one in found.differences}
        assert told["acme/spring"] == (1, 2)
        assert told["acme/summer"] == told["bolt/boots"] == told["config/fleet.json"] == (None, 1)
        assert told["config/revoked.json"] == (None, 1)
        assert found.taken_bytes > 400_000

        restored = FleetRepository.open(backup)
        assert {**restored.files} == {**lost.fleet.files}
        assert current_messages(restored).keys() == current_messages(lost.fleet).keys()
        assert restored.metadata("timestamp") == lost.fleet.metadata("timestamp")
        assert denied(restored) == denied(lost.fleet)
        assert (await caught_up(backup, address)).differences == ()

        sign_pack(restored, lost.directory / "folders" / "acme" / "summer", lost.now, silent)
        lost.fleet = restored
        lost.sign("autumn")
        sent = await send(restored, address, silent)
        assert sent.sent_bytes < 300_000  # what the broker holds is not sent again
        await device.until(lambda: device.has_recorded(4))
        assert device.playable() == {"acme/spring": 2, "acme/summer": 1, "bolt/boots": 1, "acme/autumn": 1}


async def test_what_only_the_folder_has_is_named_and_kept(
    lost: SmallFleet, backup: Path, address: BrokerAddress
) -> None:
    await went_on(lost, address)
    lost.fleet = FleetRepository.open(backup)  # a person goes on with it before anything else
    lost.sign("winter")
    lost.add_advertiser("cafe")
    revoke(lost.fleet, "acme/winter/winter-poster", lost.now)
    with pytest.raises(SettingsError):
        await send(lost.fleet, address, silent)
    stood = {name: lost.fleet.metadata(name) for name in (*lost.fleet.metadata_names(), "timestamp")}
    own = contents(backup / "targets") | contents(backup / "chunks")
    found = await caught_up(backup, address)
    assert found.only_here == ("the advertiser cafe", "acme/winter", "the revocation of acme/winter/winter-poster")
    aside = contents(Path(found.set_aside))
    assert {name: aside[f"{name}.json"] for name in stood} == stood
    assert own.items() <= (contents(backup / "targets") | contents(backup / "chunks")).items()
    lost.fleet = FleetRepository.open(backup)
    assert "packs/acme/winter.json" not in lost.fleet.files
    lost.sign("winter")
    await send(lost.fleet, address, silent)


async def test_a_copy_that_signed_more_often_than_the_lost_one_takes_over_what_is_on_the_broker(
    lost: SmallFleet, backup: Path, address: BrokerAddress
) -> None:
    lost.sign("summer")
    await send(lost.fleet, address, silent)
    restored = FleetRepository.open(backup)
    for _ in range(3):
        restored.touch("config")
        restored.commit(NOW)
    found = await caught_up(backup, address)
    assert found.before > found.version == lost.fleet.timestamp.version
    lost.fleet = FleetRepository.open(backup)
    lost.sign("autumn")
    await send(lost.fleet, address, silent)


async def test_a_folder_that_is_ahead_of_its_broker_takes_nothing_over(
    lost: SmallFleet, address: BrokerAddress
) -> None:
    lost.sign("summer")
    before = contents(lost.fleet.directory)
    found = await caught_up(lost.fleet.directory, address)
    assert (found.differences, found.taken_bytes, found.lacking) == ((), 0, {})
    assert contents(lost.fleet.directory).items() >= before.items()
    await send(lost.fleet, address, silent)


def another_fleets(lost: SmallFleet) -> Messages:
    other = SmallFleet(lost.directory / "other")
    return {TIMESTAMP: other.fleet.metadata("timestamp")}


def stolen(role: str, signer: str) -> Callable[[SmallFleet], Messages]:
    """Metadata of the version that is named, signed by a key of this fleet that is not the role's."""

    def forge(lost: SmallFleet) -> Messages:
        name = next(name for name in lost.fleet.metadata_names() if name.partition(".")[2] == role)
        metadata: Metadata[Any] = Metadata.from_bytes(lost.fleet.metadata(name))
        metadata.sign(lost.fleet.keys.signer(signer))
        return {metadata_topic(name): metadata.to_bytes()}

    return forge


def altered_document(lost: SmallFleet) -> Messages:
    file = lost.fleet.files["config/fleet.json"]
    return {target_topic(file.hashes["sha256"]): lost.fleet.document("config/fleet.json").replace(b"6", b"9")}


def overreaching(lost: SmallFleet) -> Messages:
    """The advertiser signs its version a second time, with a name that is the operator's."""
    bolt = AdvertiserFolder.open(lost.directory / "bolt")
    content = b'{"v":1,"version":9,"revoked":{}}'
    bolt.metadata.signed.targets["config/revoked.json"] = TargetFile.from_data("x", content, ["sha256"])
    bolt.metadata.signatures.clear()
    bolt.metadata.sign(bolt.keys.signers()[0])
    name = f"{bolt.metadata.signed.version}.packs-bolt"
    return {
        metadata_topic(name): bolt.metadata.to_bytes(),
        target_topic(hashlib.sha256(content).hexdigest()): content,
    }


@pytest.mark.parametrize(
    ("plant", "complaint"),
    [
        (another_fleets, "timestamp is not signed by timestamp of this fleet"),
        (lambda _lost: {TIMESTAMP: b"{]"}, "timestamp is not signed"),
        (lambda _lost: {TIMESTAMP: b""}, "holds nothing of this fleet"),
        (stolen("snapshot", "timestamp"), "snapshot is not signed by snapshot of this fleet"),
        (stolen("targets", "config"), "targets is not signed by targets"),
        (stolen("config", "advertiser-acme"), "config is not signed by config"),
        (stolen("packs-bolt", "advertiser-acme"), "packs-bolt is not signed by advertiser-bolt"),
        (altered_document, "does not hold config/fleet.json as it was signed"),
        (overreaching, "advertiser-bolt signed 'config/revoked.json' on the broker, which it may not"),
    ],
)
async def test_what_does_not_verify_is_said_and_nothing_is_taken_over(
    plant: Callable[[SmallFleet], Messages],
    complaint: str,
    lost: SmallFleet,
    backup: Path,
    address: BrokerAddress,
) -> None:
    await went_on(lost, address)
    await put(address, plant(lost))
    before = contents(backup)
    for dry_run in (True, False):
        with pytest.raises(EdgeAgentError, match=complaint) as refused:
            await caught_up(backup, address, dry_run=dry_run)
        assert refused.value.next_step.startswith("Nothing was taken over.")
    assert contents(backup) == before


async def test_a_false_next_root_counts_as_none(lost: SmallFleet, backup: Path, address: BrokerAddress) -> None:
    await went_on(lost, address)
    await put(address, {metadata_topic("2.root"): SmallFleet(lost.directory / "x").fleet.metadata("1.root")})
    found = await caught_up(backup, address)
    assert found.version == lost.fleet.timestamp.version
    assert FleetRepository.open(backup).root_version == 1


async def test_a_thief_of_two_keys_turns_a_folder_that_was_sent_back_behind_nothing(
    lost: SmallFleet, address: BrokerAddress
) -> None:
    config = lost.fleet.snapshot.meta["config.json"].version

    def go_back(snapshot: Snapshot) -> None:
        snapshot.meta["config.json"].version = config

    lost.fleet.touch("config")
    lost.fleet.commit(NOW)
    await send(lost.fleet, address, silent)
    await put(address, forge(lost, "snapshot", go_back))
    with pytest.raises(UntrustedError, match=f"given version {config + 1} of config from here, and goes back"):
        await caught_up(lost.fleet.directory, address)


async def test_a_broker_that_was_set_back_since_is_written_over(
    lost: SmallFleet, backup: Path, address: BrokerAddress
) -> None:
    """The versions between the backup's and the one that was taken over are not in the folder."""
    lost.sign("summer")
    between = lost.messages()
    await went_on(lost, address)
    await caught_up(backup, address)
    await put(address, {TIMESTAMP: b""} | between)
    assert (await caught_up(backup, address)).differences == ()
    restored = FleetRepository.open(backup)
    await send(restored, address, silent)


async def test_what_was_interrupted_is_finished_by_doing_it_again(
    lost: SmallFleet, backup: Path, address: BrokerAddress, broker: RunningBroker
) -> None:
    await went_on(lost, address)
    async with Proxy(broker) as proxy:
        proxy.cut_after(200_000)  # in the middle of the chunks
        with pytest.raises(LinkError, match="lost"):
            await caught_up(backup, replace(address, host=proxy.host, port=proxy.port))
    found = await caught_up(backup, address)
    assert (found.differences, found.lacking) == ((), {})
    await send(FleetRepository.open(backup), address, silent, everything=True)


async def test_parts_that_are_nowhere_are_counted(lost: SmallFleet, backup: Path, address: BrokerAddress) -> None:
    lost.sign("summer")
    await send(lost.fleet, address, silent)
    summer = next(pack for pack in lost.packs() if pack.campaign.id == "summer")
    (asset,) = summer.assets.values()
    await put(address, {chunk_topic(chunk.sha256): b"" for chunk in asset.chunks[:2]})
    assert (await caught_up(backup, address)).lacking == {"acme/summer": 2}
    restored = FleetRepository.open(backup)
    sign_pack(restored, lost.directory / "folders" / "acme" / "summer", NOW, silent)  # as a person is told to
    await send(restored, address, silent)
    assert (await caught_up(backup, address)).lacking == {}


@pytest.mark.parametrize("key", ["root", "targets", "timestamp", "config"])
async def test_keys_that_were_changed_since_are_followed_and_replaced(
    key: str, lost: SmallFleet, backup: Path, address: BrokerAddress, broker: RunningBroker, tmp_path: Path
) -> None:
    rotate_key(lost.fleet, key, NOW)
    await went_on(lost, address)
    async with on_broker(tmp_path, lost, broker, address.root) as device:
        await device.until(lambda: device.has_recorded(3))
        await caught_up(backup, address)
        restored = FleetRepository.open(backup)
        assert restored.root_version == lost.fleet.root_version
        if key == "root":
            assert not restored.authority.can_sign("root")  # the one that is out of reach
        else:
            assert not restored.authority.can_sign(key)
            rotate_key(restored, key, NOW)
        lost.fleet = restored
        lost.sign("autumn")
        await send(restored, address, silent)
        await device.until(lambda: device.has_recorded(4))


async def test_a_folder_that_has_changed_keys_itself_is_to_be_restored_again(
    lost: SmallFleet, backup: Path, address: BrokerAddress
) -> None:
    rotate_key(lost.fleet, "timestamp", NOW)
    await send(lost.fleet, address, silent)
    rotate_key(FleetRepository.open(backup), "snapshot", NOW)
    with pytest.raises(SettingsError, match="This folder has changed keys") as refused:
        await caught_up(backup, address)
    assert "Restore the backup again" in refused.value.next_step
