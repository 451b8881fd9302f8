"""What is read of a broker's bytes without paho, and that nothing else is lost, added or put out of order."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.link.inflow import CAPACITY_BYTES, Acknowledged, Inflow, PassedOver, Plain
from tests.packets import framed

SUBACK = b"\x90\x04\x00\x01\x00\x00"
PINGRESP = b"\xd0\x00"
LONGEST_LENGTH = b"\xff\xff\xff\x7f"
MOST = 2 * CAPACITY_BYTES

Found = Plain | Acknowledged | PassedOver | bytes


def publish(
    topic: bytes, payload: bytes, *, first: int = 0x30, modern: bool = True, properties: bytes = b""
) -> bytes:
    said = bytes([len(properties)]) + properties if modern else b""
    return framed(first, struct.pack("!H", len(topic)) + topic + said + payload)


def read(inflow: Inflow, stream: bytes, step: int = CAPACITY_BYTES) -> list[Found]:
    """Return what `stream` comes to when it arrives `step` bytes at a time; neighbouring bytes are put together."""
    taken: list[Found] = []
    while stream:
        room = inflow.room()
        count = min(step, len(room), len(stream))
        room[:count], stream = stream[:count], stream[count:]
        inflow.came(count)
        while (found := inflow.take()) is not None:
            if isinstance(found, Plain | Acknowledged | PassedOver):
                taken.append(found)
            elif taken and isinstance(taken[-1], bytes):
                taken[-1] += bytes(found)
            else:
                taken.append(bytes(found))
    return taken


@pytest.mark.parametrize("modern", [True, False], ids=["5.0", "3.1.1"])
@given(
    payloads=st.lists(st.binary(max_size=400), max_size=6),
    others=st.lists(st.binary(max_size=300), max_size=6),
    step=st.integers(1, 500),
)
def test_messages_and_other_packets_come_out_in_order_however_they_are_cut(
    modern: bool, payloads: list[bytes], others: list[bytes], step: int
) -> None:
    stream, expected = b"", list[Found]()
    for number, payload in enumerate(payloads):
        stream += publish(f"edge/{number}".encode(), payload, first=0x31, modern=modern)
        expected.append(Plain(f"edge/{number}", payload, retained=True))
        for other in others[number : number + 1]:
            stream += framed(0xD0, other)
            expected.append(framed(0xD0, other))
    assert read(Inflow(modern=modern, most_bytes=MOST), stream, step) == expected


def test_a_stream_much_longer_than_what_is_held_comes_out_whole() -> None:
    messages = [Plain(f"edge/{n}", bytes([n]) * (1000 * n + 77_777), retained=False) for n in range(50)]
    stream = b"".join(publish(message.topic.encode(), message.payload) + PINGRESP for message in messages)
    for step in (1_009, 65_536, CAPACITY_BYTES):
        found = read(Inflow(modern=True, most_bytes=MOST), stream, step)
        assert found[::2] == messages
        assert set(found[1::2]) == {PINGRESP}


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param(publish(b"edge/1", b"x", first=0x32), id="QoS 1"),
        pytest.param(publish(b"edge/1", b"x", first=0x38), id="a duplicate"),
        pytest.param(publish(b"edge/1", b"x", properties=b"\x01\x00"), id="properties"),
        pytest.param(publish(b"edge/\xff", b"x"), id="a topic that is not UTF-8"),
        pytest.param(publish(b"", b"x"), id="no topic"),
        pytest.param(publish(b"edge/1", bytes(CAPACITY_BYTES)), id="longer than what is held"),
        pytest.param(framed(0x30, b""), id="an empty PUBLISH"),
        pytest.param(framed(0x30, b"\x00"), id="half a topic's length"),
        pytest.param(framed(0x30, b"\x00\x09edge"), id="a topic longer than its packet"),
        pytest.param(framed(0x30, b"\x00\x04edge"), id="no word on properties"),
        pytest.param(b"\x30\xff\xff\xff\xff\x01" + bytes(20), id="a length that never ends"),
        pytest.param(b"\x90\x06\x00\x01\x02\x1f\x00\x00", id="a SUBACK with properties"),
        pytest.param(framed(0xB0, b"\x00"), id="half an UNSUBACK"),
        pytest.param(framed(0x00, b"1234"), id="no packet that MQTT knows"),
    ],
)
def test_what_is_not_plain_is_handed_on_as_it_is(packet: bytes) -> None:
    assert (
        b"".join(
            bytes(part) for part in read(Inflow(modern=True, most_bytes=MOST), packet) if isinstance(part, bytes)
        )
        == packet
    )


def test_acknowledgements_are_read_in_both_versions() -> None:
    assert read(Inflow(modern=True, most_bytes=MOST), SUBACK * 2) == [Acknowledged(1, b"\x00")] * 2
    assert read(Inflow(modern=False, most_bytes=MOST), framed(0x90, b"\x01\x02\x00\x80")) == [
        Acknowledged(0x102, b"\x00\x80")
    ]
    assert read(Inflow(modern=False, most_bytes=MOST), framed(0xB0, b"\x01\x02")) == [Acknowledged(0x102, b"")]


def test_an_endless_packet_is_handed_on_as_it_comes_and_holds_no_memory() -> None:
    inflow = Inflow(modern=True, most_bytes=MOST)
    read(inflow, b"\x30" + LONGEST_LENGTH)
    for _ in range(100):
        piece = bytes(CAPACITY_BYTES)
        assert read(inflow, piece) == [piece]


def test_in_3_1_1_a_message_without_a_payload_is_one() -> None:
    assert read(Inflow(modern=False, most_bytes=MOST), framed(0x31, b"\x00\x04edge")) == [
        Plain("edge", b"", retained=True)
    ]


@pytest.mark.parametrize(
    ("first", "mid", "passed_over"),
    [
        (0x30, b"", PassedOver("edge/long", 2 * MOST, retained=False, mid=None)),
        (0x33, b"\x01\x02", PassedOver("edge/long", 2 * MOST, retained=True, mid=0x102)),
    ],
    ids=["QoS 0", "retained, QoS 1"],
)
@pytest.mark.parametrize("step", [1_009, CAPACITY_BYTES])
def test_in_3_1_1_a_message_that_nobody_takes_is_passed_over(
    first: int, mid: bytes, passed_over: PassedOver, step: int
) -> None:
    short = publish(b"edge/short", b"x", modern=False)
    long = publish(b"edge/long", mid + bytes(2 * MOST), first=first, modern=False)
    found = read(Inflow(modern=False, most_bytes=MOST), short + long + PINGRESP + short, step)
    expected = Plain("edge/short", b"x", retained=False)
    assert found == [expected, passed_over, PINGRESP, expected]


def test_what_is_too_long_is_handed_on_where_it_is_no_message_or_was_forbidden() -> None:
    for packet, modern in (
        (publish(b"edge/\xff", bytes(MOST), modern=False), False),
        (framed(0xD0, bytes(MOST + 1)), False),
        (publish(b"edge/1", bytes(MOST)), True),
    ):
        assert read(Inflow(modern=modern, most_bytes=MOST), packet) == [packet]
