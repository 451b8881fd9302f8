"""The protocol's messages: what the package writes is read, what we write the package reads, the rest is refused."""

import io
import json
import math

import pytest
from wyoming.event import Event, read_event, write_event

from edge_agent.model.errors import SettingsError, WyomingError
from edge_agent.voice.wyoming.protocol import (
    LONGEST_DATA_BYTES,
    LONGEST_HEADER_BYTES,
    LONGEST_PAYLOAD_BYTES,
    Address,
    AudioFormat,
    Detect,
    Inbox,
    Message,
    Stamped,
    read_message,
)

MESSAGES = [
    Message("describe"),
    Message("detect", {"names": ["hey_kitchen", "你好"]}),
    Message("audio-chunk", {"rate": 16000, "width": 2, "channels": 1}, bytes(range(256))),
    Message("x", payload=b"\n{}\n"),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.type)
def test_the_package_reads_what_we_write(message: Message) -> None:
    event = read_event(io.BytesIO(message.encode()))
    assert event is not None
    assert (event.type, event.data, event.payload or b"") == (message.type, message.data, message.payload)


@pytest.mark.parametrize("step", [1, 7, 10_000], ids=lambda step: f"{step}-bytes")
def test_we_read_what_the_package_writes_however_it_is_cut(step: int) -> None:
    written = io.BytesIO()
    for message in MESSAGES:
        write_event(Event(message.type, dict(message.data), message.payload or None), written)
    sent = written.getvalue()
    inbox = Inbox()
    pieces = [sent[start : start + step] for start in range(0, len(sent), step)]
    assert [message for piece in pieces for message in inbox.feed(piece)] == MESSAGES
    assert not inbox.is_mid_message


def test_data_in_the_header_is_read_too_and_what_follows_outranks_it() -> None:
    sent = b'{"type":"x","data":{"a":1,"b":1},"data_length":7,"new_field":0}\n{"b":2}'
    assert list(Inbox().feed(sent)) == [Message("x", {"a": 1, "b": 2})]


def test_what_a_header_says_to_be_null_is_not_there_as_the_package_has_it() -> None:
    sent = b'{"type":"x","data":null,"data_length":null,"payload_length":null}\n'
    event = read_event(io.BytesIO(sent))
    assert event is not None
    assert (event.type, event.payload) == ("x", None)
    assert list(Inbox().feed(sent)) == [Message("x")]


def test_a_message_that_is_not_here_in_full_is_waited_for() -> None:
    inbox = Inbox()
    assert list(inbox.feed(b'{"type":"x","payload_length":2}\n1')) == []
    assert inbox.is_mid_message
    assert list(inbox.feed(b"2")) == [Message("x", {}, b"12")]
    assert not inbox.is_mid_message


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"GET / HTTP/1.1\r\n", "malformed"),
        (b"\n", "malformed"),
        (b"[]\n", "malformed"),
        (b"{}\n", "malformed"),
        (b'{"type":1}\n', "malformed"),
        (b"\xff\xfe\n", "malformed"),
        (b'{"type":"x","data":[]}\n', "malformed"),
        (b'{"type":"x","data_length":"9"}\n', "malformed"),
        (b'{"type":"x","data_length":-1}\n', "malformed"),
        (b'{"type":"x","payload_length":1e99}\n', "malformed"),
        (b'{"type":"x","payload_length":true}\n', "malformed"),
        (b'{"type":"x","data_length":2}\n[]', "malformed"),
        (b"[" * 30_000 + b"\n", "malformed"),
        (b"x" * (LONGEST_HEADER_BYTES + 1), "too-long"),
        (b'{"type":"x","data_length":%d}\n' % (LONGEST_DATA_BYTES + 1), "too-long"),
        (b'{"type":"x","payload_length":%d}\n' % (LONGEST_PAYLOAD_BYTES + 1), "too-long"),
    ],
    ids=[
        "http",
        "empty-line",
        "array",
        "no-type",
        "number-as-type",
        "no-utf-8",
        "array-as-data",
        "text-as-length",
        "negative",
        "huge",
        "boolean-as-length",
        "array-as-later-data",
        "deep",
        "endless-header",
        "long-data",
        "long-payload",
    ],
)
def test_what_is_no_message_is_refused_before_it_is_kept(sent: bytes, code: str) -> None:
    with pytest.raises(WyomingError) as caught:
        list(Inbox().feed(sent))
    assert caught.value.code == code


def test_the_longest_header_is_read() -> None:
    padding = LONGEST_HEADER_BYTES - len('{"type": "x", "data": {"a": ""}}')
    header = json.dumps({"type": "x", "data": {"a": "y" * padding}}).encode() + b"\n"
    assert len(header) == LONGEST_HEADER_BYTES + 1
    assert [message.type for message in Inbox().feed(header)] == ["x"]


@pytest.mark.parametrize(
    "data",
    [{}, {"rate": "16000", "width": 2, "channels": 1}, {"rate": 16000, "width": 0, "channels": 1}, {"rate": 10**9}],
    ids=["empty", "text", "no-width", "too-fast"],
)
def test_audio_of_no_possible_format_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(WyomingError, match="cannot be"):
        read_message(AudioFormat, data)


@pytest.mark.parametrize("timestamp", [0, 5000, -1, 1.5, 2**63 + 1, None], ids=str)
def test_a_timestamp_is_taken_as_it_is(timestamp: float | None) -> None:
    assert repr(read_message(Stamped, {"timestamp": timestamp}).timestamp) == repr(timestamp)


@pytest.mark.parametrize("timestamp", ["5000", True, math.nan, math.inf, -math.inf], ids=str)
def test_a_timestamp_that_is_no_number_is_refused(timestamp: object) -> None:
    with pytest.raises(WyomingError, match=r"timestamp\S* that cannot be"):
        read_message(Stamped, {"timestamp": timestamp})


def test_names_must_be_names() -> None:
    assert read_message(Detect, {"names": None, "context": {}}).names is None
    with pytest.raises(WyomingError):
        read_message(Detect, {"names": [1]})


@pytest.mark.parametrize(
    ("text", "address", "ours"),
    [
        ("tcp://127.0.0.1:10400", Address("127.0.0.1", 10400), True),
        ("localhost:1", Address("localhost", 1), True),
        ("tcp://[::1]:10400", Address("::1", 10400), True),
        ("192.168.1.20:10700", Address("192.168.1.20", 10700), False),
        ("tcp://0.0.0.0:10400", Address("0.0.0.0", 10400), False),  # noqa: S104  only its text is read
        ("kitchen.local:10700", Address("kitchen.local", 10700), False),
        ("unix:///run/ear", Address(path="/run/ear"), True),
        ("/run/ear", Address(path="/run/ear"), True),
    ],
)
def test_an_address_is_read_and_written(text: str, address: Address, *, ours: bool) -> None:
    assert Address.parse(text) == address
    assert Address.parse(str(address)) == address
    assert address.is_of_this_machine is ours


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "tcp://x",
        "tcp://:1",
        "x:y",
        "x:70000",
        "http://x:1",
        "unix://",
        "unix://host/x",
        "tcp://u@x:1",
        "[::1",
        "kitchen..local:1",
        "k\u00fcche..local:1",
        "kitchen\0:1",
        "unix:///run/\0",
    ],
)
def test_anything_else_is_no_address(text: str) -> None:
    with pytest.raises(SettingsError, match="no address"):
        Address.parse(text)
