"""What is read of a broker's bytes beside paho is what paho reads of them, however they are cut."""

import itertools
import socket
import struct
from typing import Any, Self

import paho.mqtt.client as mqtt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion, _ConnectionState
from paho.mqtt.exception import MQTTException

from edge_agent.link.inflow import Acknowledged, Inflow, PassedOver, Plain
from tests.packets import framed

MOST = 64
"""Longer messages of 3.1.1 are passed over."""

Heard = tuple[object, ...]


bodies = st.binary(max_size=20) | st.integers(0, 150).map(bytes)
topics = st.sampled_from([b"edge/1", b"edge/1", "ü".encode(), b"edge/#", b"", b"\xed\xa0\x80"])
others = st.builds(framed, first=st.sampled_from([0x30, 0x31, 0x40, 0x62, 0xD0, 0xE0, 0xF0]), body=bodies)


def streams(*, modern: bool) -> st.SearchStrategy[bytes]:
    """Return packets in a row: most as they should be, some nearly."""
    said = [b"", b"\0", b"\0", b"\2\1\1", b"\1\0"] if modern else [b"", b"", b"", b"\0"]
    properties, mids = st.sampled_from(said), st.sampled_from([b"\0\7", b"\1\7"])
    published = st.builds(
        lambda first, off, topic, mid, more, payload: framed(
            first, struct.pack("!H", len(topic) + off) + topic + (mid if first & 6 else b"") + more + payload
        ),
        first=st.sampled_from([0x30, 0x31, 0x30, 0x31, 0x32, 0x33, 0x34, 0x38, 0x3B, 0x36]),
        off=st.sampled_from([0, 0, 0, 0, 0, 1]),
        topic=topics,
        mid=mids,
        more=properties,
        payload=bodies,
    )
    acknowledged = st.builds(
        lambda first, mid, more, codes: framed(first, mid + more + bytes(codes)),
        first=st.sampled_from([0x90, 0xB0]),
        mid=mids,
        more=properties,
        codes=st.lists(st.sampled_from([0, 0x80]), max_size=3),
    )
    return st.lists(st.one_of(published, published, acknowledged, others), max_size=5).map(b"".join)


class Listening:
    """paho's client at one end of a socket, as if it had connected."""

    def __init__(self, *, modern: bool) -> None:
        self.heard: list[Heard] = []
        self._modern = modern
        self._near, self._far = socket.socketpair()
        self._near.settimeout(0)
        protocol = MQTTProtocolVersion.MQTTv5 if modern else MQTTProtocolVersion.MQTTv311
        self._client: Any = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="tv-1", protocol=protocol)
        self._client._sock, self._client._state = self._near, _ConnectionState.MQTT_CS_CONNECTED
        self._client.on_message = lambda _client, _userdata, message: self._message(message)
        self._client.on_subscribe = self._client.on_unsubscribe = self._acknowledged
        self._client.on_disconnect = lambda *_: self.heard.append(("hung up",))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client._sock = None
        self._near.close()
        self._far.close()

    def _message(self, message: Any) -> None:
        topic = message._topic.decode()
        length = 2 + len(message._topic) + (2 if message.qos else 0) + len(message.payload)
        if not self._modern and message.qos < 2 and len(framed(0x30, bytes(length))) > MOST:
            self.heard.append(("passed over", topic, len(message.payload), message.retain))
        else:
            self.heard.append(("message", topic, message.payload, message.retain))

    def _acknowledged(self, _client: object, _userdata: object, mid: int, codes: Any, _properties: object) -> None:
        self.heard.append(("acknowledged", mid, bytes(code.value for code in codes)))

    @property
    def is_over(self) -> bool:
        return self._client._sock is None

    def read(self, stream: bytes) -> None:
        """Have paho read all of it, or up to where it gives up."""
        self._far.sendall(stream)
        try:
            for _ in stream:  # it reads a packet in as many turns as it likes
                if not self.is_over:
                    self._client.loop_read()
        except (ValueError, struct.error, IndexError, MQTTException) as error:
            self.heard.append((type(error),))
            self._client._sock = None


def take(found: Plain | Acknowledged | PassedOver | memoryview, beside: Listening) -> None:
    match found:
        case Plain(topic=topic, payload=payload, retained=retained):
            beside.heard.append(("message", topic, payload, retained))
        case Acknowledged(mid=mid, codes=codes):
            beside.heard.append(("acknowledged", mid, codes))
        case PassedOver(topic=topic, length=length, retained=retained):
            beside.heard.append(("passed over", topic, length, retained))
        case handed:
            beside.read(bytes(handed))


@pytest.mark.parametrize("modern", [True, False], ids=["5.0", "3.1.1"])
@settings(deadline=None, max_examples=150)
@given(data=st.data(), cuts=st.lists(st.integers(0, 200), max_size=6))
def test_messages_and_acknowledgements_are_those_that_paho_reads(
    *, modern: bool, data: st.DataObject, cuts: list[int]
) -> None:
    stream = data.draw(streams(modern=modern))
    inflow, edges = Inflow(modern=modern, most_bytes=MOST), [0, *sorted(cuts), len(stream)]
    with Listening(modern=modern) as alone, Listening(modern=modern) as beside:
        alone.read(stream)
        for start, end in itertools.pairwise(edges):
            piece = stream[start:end]
            inflow.room()[: len(piece)] = piece
            inflow.came(len(piece))
            while not beside.is_over and (found := inflow.take()) is not None:
                take(found, beside)
    for one, other in itertools.zip_longest(alone.heard, beside.heard):
        if other is not None and other[0] == "acknowledged" and (one is None or one[0] != "acknowledged"):
            return  # paho hangs up for codes that it does not know; here they are refusals
        assert one == other
