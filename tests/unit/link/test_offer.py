"""What a CONNACK's properties come to, and how large our packets are."""

from types import SimpleNamespace

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge_agent.link.offer import IN_FLIGHT, MOST_BYTES, BrokerOffer, packet_bytes
from edge_agent.model.errors import LinkError


def test_a_broker_that_says_nothing_takes_everything() -> None:
    assert BrokerOffer.of(None) == BrokerOffer() == BrokerOffer.of(Properties(PacketTypes.CONNACK))  # type: ignore[no-untyped-call]


def test_what_a_broker_says_is_what_it_gets() -> None:
    properties = Properties(PacketTypes.CONNACK)  # type: ignore[no-untyped-call]
    properties.MaximumPacketSize = 5000
    properties.ReceiveMaximum = 3
    properties.RetainAvailable = 0
    properties.MaximumQoS = 0
    properties.WildcardSubscriptionAvailable = 0
    assert BrokerOffer.of(properties) == BrokerOffer(
        5000, 3, keeps_retained=False, acknowledges=False, has_wildcards=False
    )


def test_zeros_that_the_protocol_forbids_stop_nothing_for_ever() -> None:
    offer = BrokerOffer.of(SimpleNamespace(MaximumPacketSize=0, ReceiveMaximum=0))
    assert (offer.most_packet_bytes, offer.in_flight) == (MOST_BYTES, IN_FLIGHT)


def test_no_more_than_our_own_window_is_used() -> None:
    assert BrokerOffer.of(SimpleNamespace(ReceiveMaximum=65535)).in_flight == IN_FLIGHT


def test_the_boundary_is_the_packet_and_not_the_payload() -> None:
    size = packet_bytes("edge/a", 1000)
    BrokerOffer(most_packet_bytes=size).refuse_oversize("edge/a", 1000)
    with pytest.raises(LinkError, match=f"{size} bytes; this broker takes {size - 1}"):
        BrokerOffer(most_packet_bytes=size - 1).refuse_oversize("edge/a", 1000)


@pytest.mark.parametrize("length", [0, 100, 127, 128, 16_000, 16_384, 128 * 1024, 2**21])
def test_a_packet_is_as_long_as_paho_makes_it(length: int) -> None:
    expiry = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    expiry.MessageExpiryInterval = 1
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    made: list[bytes] = []
    client._packet_queue = lambda _command, packet, *_: made.append(packet)  # type: ignore[method-assign, assignment]
    client._sock = object()  # type: ignore[assignment]
    client._send_publish(1, b"edge/a", bytes(length), 1, retain=True, properties=expiry)
    client._sock = None
    assert [len(packet) for packet in made] == [packet_bytes("edge/a", length)]
