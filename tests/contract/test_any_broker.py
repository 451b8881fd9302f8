"""What a fleet asks of a broker, whichever it is: docs/brokers.md, as tests.

They run on mosquitto and the embedded broker. To run them on yours, name it:

    EDGE_AGENT_BROKER=broker.example:1883 pytest tests/contract/test_any_broker.py -k named

EDGE_AGENT_BROKER_FOR_DEVICES is where devices connect, if that is another node of a cluster,
EDGE_AGENT_BROKER_CREDENTIALS a file with `user:password`, and EDGE_AGENT_BROKER_ROOT (`edge-test`) what topics begin
with. What a test retained there, it clears.
"""

import asyncio
import os
import threading
import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest

from edge_agent.fleet.publishing.broker import BrokerAddress, connected, device_states, parse_broker
from edge_agent.fleet.publishing.send import Sent, send
from edge_agent.fleet.reports.subscription import CollectorSettings, subscribed
from edge_agent.fleet.signing.revoke import revoke_advertiser
from edge_agent.link.credentials import read_credentials
from edge_agent.link.session import Link
from edge_agent.model.errors import LinkError, NotRetainedError
from edge_agent.packs.source import MAX_METADATA_BYTES, metadata_topic
from edge_agent.settings.rooms import LinkSettings
from tests.brokers import MOSQUITTO, Embedded, Mosquitto
from tests.fleets import SmallFleet, on_broker, png, random_bytes, silent
from tests.links import running
from tests.proxies import Proxy

OPERATORS = os.environ.get("EDGE_AGENT_BROKER", "")
DEVICES = os.environ.get("EDGE_AGENT_BROKER_FOR_DEVICES", "") or OPERATORS
CREDENTIALS = os.environ.get("EDGE_AGENT_BROKER_CREDENTIALS", "")
PREFIX = os.environ.get("EDGE_AGENT_BROKER_ROOT", "edge-test")

HOUR = timedelta(hours=1)
"""A patience that no test can wait for: what ends sooner was known sooner."""

Version = Literal["5.0", "3.1.1"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody connects."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Kind:
    """A broker, by where the operator and the devices connect, and the version that is spoken to it."""

    operators: Place
    devices: Place
    protocol: Version
    credentials_file: Path | None = None
    root: str = field(default_factory=lambda: f"{PREFIX}/{uuid.uuid4().hex}")
    retained: set[str] = field(default_factory=set)
    """Topics below the root, to be cleared at the end."""

    @property
    def address(self) -> BrokerAddress:
        """The broker as the operator's commands know it."""
        where = self.operators
        return BrokerAddress(
            where.host, where.port, self.root, credentials_file=self.credentials_file, protocol=self.protocol
        )

    def link(self, place: Place | Proxy, *, will: tuple[str, bytes] | None = None) -> Link:
        """Return the link of a device of its own name."""
        settings = LinkSettings(
            device_id=f"tv-{uuid.uuid4().hex[:12]}",
            host=place.host,
            port=place.port,
            root=self.root,
            protocol=self.protocol,
            credentials_file=self.credentials_file,
            reconnect_min=timedelta(milliseconds=100),
            reconnect_max=timedelta(seconds=1),
        )
        return Link(settings, will=will)

    async def send(self, fleet: SmallFleet) -> Sent:
        """Publish what is signed."""
        self.retained.update(fleet.messages())
        return await send(fleet.fleet, self.address, silent)

    async def clear(self) -> None:
        """Leave nothing behind."""
        async with connected(self.address) as broker:
            await broker.put([(topic, bytes) for topic in sorted(self.retained)], lambda _topic, _length: None)


@pytest.fixture(params=["mosquitto-5.0", "mosquitto-3.1.1", "embedded-3.1.1", "named-5.0", "named-3.1.1"])
async def kind(request: pytest.FixtureRequest) -> AsyncIterator[Kind]:
    which, _, version = request.param.partition("-")
    if which == "named":
        if not OPERATORS:
            pytest.skip("EDGE_AGENT_BROKER names no broker")
        credentials = Path(CREDENTIALS) if CREDENTIALS else None
        found = Kind(Place(*parse_broker(OPERATORS)), Place(*parse_broker(DEVICES)), version, credentials)
        if version == "5.0" and not await takes(found):
            pytest.skip(f"{OPERATORS} does not take MQTT 5.0")
        yield found
        await found.clear()
        return
    if which == "mosquitto" and MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    with Mosquitto() if which == "mosquitto" else Embedded() as broker:
        place = Place(broker.host, broker.port)
        yield Kind(place, place, version)


async def takes(kind: Kind) -> bool:
    """Whether the operator gets a connection in this version of MQTT."""
    try:
        async with connected(kind.address):
            return True
    except LinkError:
        return False


async def until_retained(link: Link, topic: str, wanted: bytes | None) -> None:
    """Return once that is retained, or nothing: a broker may acknowledge a message a moment before it keeps it."""
    found: bytes | None = b"not asked yet"
    while found != wanted:
        try:
            found = await link.fetch(topic, MAX_METADATA_BYTES, patience=HOUR)
        except NotRetainedError:
            found = None


async def test_a_pack_arrives_changes_and_is_revoked(kind: Kind, tmp_path: Path) -> None:
    fleet = SmallFleet(tmp_path / "operator")
    same, other = random_bytes(900_000), random_bytes(60_000, "other")
    fleet.sign(poster=png(filling=same))
    first = await kind.send(fleet)
    async with on_broker(
        tmp_path / "first", fleet, kind.devices, kind.root, kind.protocol, kind.credentials_file
    ) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        fleet.sign(poster=png(filling=same[:-60_000] + other))
        second = await kind.send(fleet)
        assert second.sent_bytes < first.sent_bytes / 2, "only what changed is sent"
        await device.until(lambda: device.playable() == {"acme/spring": 2})
        revoke_advertiser(fleet.fleet, "acme", fleet.now, "Paused.")
        await kind.send(fleet)
        await device.until(lambda: any(pack.revoked for pack in device.shelf.catalog.packs))
    again = await kind.send(fleet)
    assert (again.messages, again.sent_bytes) == (1, 0), "the broker kept all of it"


async def test_an_advertiser_with_a_dot_in_its_name(kind: Kind, tmp_path: Path) -> None:
    """Brokers that speak AMQP or NATS inside part names with dots; no topic of a repository has one."""
    fleet = SmallFleet(tmp_path / "operator")
    fleet.add_advertiser("acme.example")
    fleet.sign(advertiser="acme.example")
    await kind.send(fleet)
    assert not [topic for topic in fleet.messages() if "." in topic]
    async with on_broker(
        tmp_path / "tv", fleet, kind.devices, kind.root, kind.protocol, kind.credentials_file
    ) as device:
        await device.until(lambda: device.playable() == {"acme.example/spring": 1})


async def test_the_largest_message_is_kept_and_forgotten_when_it_is_cleared(kind: Kind) -> None:
    topic, largest = metadata_topic("2.targets"), random_bytes(MAX_METADATA_BYTES)
    kind.retained.update((topic, metadata_topic("timestamp")))
    async with connected(kind.address) as broker, running(kind.link(kind.devices), 120) as link:
        await link.connected()
        for name, content in ((topic, largest), (metadata_topic("timestamp"), b"{}")):
            await broker.put([(name, lambda content=content: content)], lambda _topic, _length: None)  # type: ignore[misc]
        await until_retained(link, f"{kind.root}/{topic}", largest)
        await broker.put([(topic, bytes)], lambda _topic, _length: None)
        await until_retained(link, f"{kind.root}/{topic}", None)


async def test_of_many_messages_each_arrives_and_what_is_not_there_is_known(kind: Kind) -> None:
    """Also when they are asked for again: a repeated SUBSCRIBE brings a retained message again."""
    here = {f"repo/chunk/{number:064x}": random_bytes(2_000, str(number)) for number in range(200)}
    absent = [f"{kind.root}/repo/chunk/{number:064x}" for number in range(200, 210)]
    messages = here | {metadata_topic("timestamp"): b"{}"}
    kind.retained.update(messages)
    async with connected(kind.address) as broker, running(kind.link(kind.devices), 120) as link:
        await link.connected()
        await broker.put(
            ((topic, lambda topic=topic: messages[topic]) for topic in messages),  # type: ignore[misc]
            lambda _topic, _length: None,
        )
        await until_retained(link, f"{kind.root}/{list(here)[-1]}", messages[list(here)[-1]])
        wanted = [*(f"{kind.root}/{topic}" for topic in here), *absent]
        for _ in range(2):
            found = dict[str, bytes | LinkError]()
            async with aclosing(link.fetch_many(wanted, 16, 4_000, patience=HOUR)) as answers:
                async for topic, answer in answers:
                    found[topic] = answer
            assert {topic for topic, answer in found.items() if isinstance(answer, NotRetainedError)} == set(absent)
            assert {topic: found[f"{kind.root}/{topic}"] for topic in here} == here


async def test_a_device_that_vanishes_is_told_of_by_its_will(kind: Kind) -> None:
    topic, there, gone = "device/tv-1/state", b'{"online":true}', b'{"online":false}'
    kind.retained.add(topic)
    async with (
        Proxy(kind.devices) as proxy,
        running(kind.link(proxy, will=(f"{kind.root}/{topic}", gone)), 120) as link,
        running(kind.link(kind.devices), 120) as watching,
    ):
        news = asyncio.Queue[bytes]()
        watching.on(f"{kind.root}/{topic}", lambda _topic, payload: news.put_nowait(payload))
        await watching.connected()
        await link.connected()
        await link.publish(f"{kind.root}/{topic}", there, retain=True)
        while await news.get() != there:
            continue
        assert await device_states(kind.address, ["tv-1"]) == {"tv-1": there}
        proxy.cut()
        while await news.get() != gone:
            continue
        assert await device_states(kind.address, ["tv-1"]) == {"tv-1": gone}


async def test_reports_wait_for_a_collector_that_is_away(
    kind: Kind, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if "embedded" in request.node.callspec.id:
        pytest.skip("the embedded broker keeps no session of a client that is away")
    user = None if kind.credentials_file is None else read_credentials(kind.credentials_file)
    settings = CollectorSettings(
        kind.operators.host,
        kind.operators.port,
        tmp_path,
        kind.root,
        uuid.uuid4().hex[:12],
        user=None if user is None else user.user,
        password=None if user is None else user.password,
        protocol=kind.protocol,
    )

    def collect(wanted: int) -> list[bytes]:
        ready, found = threading.Event(), list[bytes]()
        with subscribed(settings, ready.set) as subscription:
            assert ready.wait(60)
            for _ in range(60):
                if len(found) >= wanted:
                    break
                batch = subscription.next_batch(1)
                subscription.acknowledge(batch)
                found += [arrival.payload for arrival in batch]
        return found

    assert await asyncio.to_thread(collect, 0) == []
    sealed = [random_bytes(2_000, str(number)) for number in range(20)]
    async with running(kind.link(kind.devices), 120) as link:
        await link.connected()
        for number, report in enumerate(sealed):
            await link.publish(f"{kind.root}/report/{number}", report)
    assert sorted(await asyncio.to_thread(collect, len(sealed))) == sorted(sealed)
