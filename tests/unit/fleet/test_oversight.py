"""What an operator sees of a broker and its devices, and what may be cleared away, on a real broker."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_agent.fleet.publishing.broker import BrokerAddress, connected
from edge_agent.fleet.publishing.garbage import find_garbage, remove_garbage
from edge_agent.fleet.publishing.ledger import Ledger
from edge_agent.fleet.publishing.oversight import Oversight, look
from edge_agent.fleet.publishing.send import current_messages, send
from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.fleet.signing.revoke import revoke
from edge_agent.link.reported_state import Health, ReportedState
from edge_agent.model.errors import LinkError, SettingsError
from tests.brokers import MOSQUITTO, Mosquitto, RunningBroker
from tests.fleets import TIMESTAMP, SmallFleet, png, random_bytes, silent
from tests.proxies import Proxy


@pytest.fixture
def address(broker: RunningBroker, root: str) -> BrokerAddress:
    return BrokerAddress(broker.host, broker.port, root)


@pytest.fixture
def small(tmp_path: Path) -> SmallFleet:
    fleet = SmallFleet(tmp_path, datetime(2026, 11, 21, tzinfo=UTC))
    fleet.sign()
    return fleet


async def seen(fleet: SmallFleet, address: BrokerAddress, *, chunks: bool = True) -> Oversight:
    return await look(fleet.fleet, address, silent, chunks=chunks)


async def put(address: BrokerAddress, topic: str, content: bytes) -> None:
    async with connected(address) as broker:
        await broker.put([(topic, lambda: content)], lambda _topic, _length: None)


async def test_what_the_broker_lacks_is_counted_and_its_devices_are_heard(
    small: SmallFleet, address: BrokerAddress
) -> None:
    assert (await seen(small, address)).problem == "The broker holds nothing of this fleet."
    await send(small.fleet, address, silent)
    version = small.fleet.timestamp.version
    tv = ReportedState(online=True, version="0.1.0", profile="virtual-tv", repository_version=version - 2)
    fridge = tv.model_copy(update={"health": Health.DEGRADED, "repository_version": version})
    await put(address, "device/tv/state", tv.to_payload())
    await put(address, "device/fridge/state", fridge.to_payload())
    await put(address, "device/odd/state", b"{]")
    found = await seen(small, address)
    assert (found.is_current, found.problem, found.missing) == (True, "", ())
    assert found.parts_seen == len(current_messages(small.fleet))
    assert [(device.device_id, device.behind) for device in found.devices] == [
        ("fridge", 0),
        ("odd", None),
        ("tv", 2),
    ]
    assert [device.state for device in found.devices] == [fridge, None, tv]

    lost = [topic for topic in current_messages(small.fleet) if "/chunk/" in topic][:2]
    for topic in lost:
        await put(address, topic, b"")
    assert (await seen(small, address)).missing == tuple(sorted(lost))
    assert (await seen(small, address, chunks=False)).missing == ()
    small.sign("summer")
    assert not (await seen(small, address)).is_current


async def test_devices_that_are_named_are_asked_for_without_a_wildcard(
    small: SmallFleet, address: BrokerAddress
) -> None:
    """RabbitMQ and its like hand what they retain out to exact topics only."""
    await send(small.fleet, address, silent)
    state = ReportedState(online=True, version="0.1.0", profile="virtual-tv")
    names = [f"tv-{number}" for number in range(11)]
    for name in (*names, "fridge"):
        await put(address, f"device/{name}/state", state.to_payload())
    found = await look(small.fleet, address, silent, chunks=False, named=[*names, "tv-none"])
    assert [device.device_id for device in found.devices] == sorted(names)
    with pytest.raises(LinkError, match="cannot be part of a topic"):
        await look(small.fleet, address, silent, chunks=False, named=["+"])


@pytest.mark.skipif(MOSQUITTO is None, reason="the embedded broker keeps everything")
async def test_a_broker_that_acknowledges_what_it_does_not_keep_is_found_out(small: SmallFleet) -> None:
    """Mosquitto does so over its message_size_limit with 3.1.1; others do over a number or sum of messages."""
    with Mosquitto(lines=["message_size_limit 60000"]) as broker:
        address = BrokerAddress(broker.host, broker.port, "edge", protocol="3.1.1")
        with pytest.raises(LinkError, match=r"does not keep them all: repo/chunk/[0-9a-f]{64} \(\d+ bytes\)"):
            await send(small.fleet, address, silent)
        assert not Ledger(small.fleet.directory, address).topics, "it is all sent again next time"
        async with connected(address) as there:
            assert await there.look(TIMESTAMP, 10**6) is None, "no device is told of what is not there"


async def test_another_fleets_broker_is_told_apart(small: SmallFleet, tmp_path: Path, address: BrokerAddress) -> None:
    theirs = SmallFleet(tmp_path / "theirs")
    await send(theirs.fleet, address, silent)
    found = await seen(small, address)
    assert "another fleet" in found.problem
    with pytest.raises(SettingsError, match="another fleet"):
        await remove_garbage(small.fleet, address, find_garbage(small.fleet, address, 0), silent)


async def test_what_no_version_names_goes_and_the_rest_stays(small: SmallFleet, address: BrokerAddress) -> None:
    for number in range(3):
        small.sign(poster=png(filling=random_bytes(300_000, f"version {number}")))
    small.sign("summer")
    await send(small.fleet, address, silent)
    revoke(small.fleet, "summer", small.now)
    kept = find_garbage(small.fleet, address, keep=1)
    everything = find_garbage(small.fleet, address, keep=0)
    assert 0 < len(kept.files) < len(everything.files)
    assert kept.topics == everything.topics

    await remove_garbage(small.fleet, address, kept, silent)
    left = find_garbage(small.fleet, address, keep=0)
    assert set(left.files) == set(everything.files) - set(kept.files)
    await remove_garbage(small.fleet, address, left, silent)
    assert find_garbage(small.fleet, address, keep=0).files == ()
    again = FleetRepository.open(small.directory / "fleet")
    await send(again, address, silent)
    found = await look(again, address, silent, chunks=True)
    assert (found.is_current, found.missing) == (True, ())
    async with connected(address) as broker:
        assert set(await broker.absent(kept.topics, 10**6, lambda _seen: None)) == set(kept.topics)


async def test_what_a_killed_command_left_half_written_goes(small: SmallFleet, address: BrokerAddress) -> None:
    left = [small.fleet.directory / folder / ".tmp0abc_d9" for folder in ("targets", "chunks")]
    for path in left:
        path.write_bytes(b"half")
    found = find_garbage(small.fleet, address, keep=1)
    assert (list(found.files), found.topics) == (left, ())


async def test_a_connection_that_is_lost_while_looking_says_nothing_of_what_is_there(
    small: SmallFleet, address: BrokerAddress, broker: RunningBroker
) -> None:
    await send(small.fleet, address, silent)
    async with Proxy(broker) as proxy:
        proxy.cut_after(150_000)  # in the middle of the chunks
        with pytest.raises(LinkError, match="lost"):
            await seen(small, BrokerAddress(proxy.host, proxy.port, address.root))
