"""Whatever a stranger's document holds, it is read or refused in one sentence; what is read is written alike."""

import itertools
import json
import re
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge_agent.link.reported_state import ReportedState
from edge_agent.measure.report_key import read_report_key
from edge_agent.model.errors import EdgeAgentError, FormatError
from edge_agent.packs.formats.documents import MAX_DEPTH, parse_json
from edge_agent.packs.formats.revocations import parse_revocations
from edge_agent.packs.formats.voice_pack import parse_voice_pack
from edge_agent.settings.layers import load_profile, merge
from edge_agent.settings.remote import first_unfit, parse_remote, settable
from edge_agent.voice.wyoming.protocol import Inbox, Message

SHA256 = "0" * 64
PACKED = {"sha256": SHA256, "length": 9, "mime": "application/zlib", "chunks": [{"sha256": SHA256, "length": 9}]}
VOICE = {
    "v": 1,
    "version": 2,
    "lang": "en",
    "base": SHA256,
    "phrases": ["hey glowbar"],
    "files": {"graph/Gr.fst": {"sha256": SHA256, "length": 9, "packed": PACKED}},
}
REVOKED = {"v": 1, "version": 4, "revoked": {"acme/spring": {"at": "2026-11-21T18:00:00Z", "reason": "It ended."}}}
KEY = {"v": 1, "kem": "X25519", "public_key": "A" * 42 + "A="}
STATE = {
    "v": 1,
    "online": True,
    "version": "0.1.0",
    "profile": "virtual-tv",
    "config": {"version": 1, "outcome": "refused", "reason": "It is too loud."},
    "health": "ok",
    "problems": ["The microphone is lost."],
}
FIELDS = sorted((section, field) for section, fields in settable().items() for field in fields)
LOCAL = {"profile": "virtual-tv", "device_id": "tv-1"}
PROFILE = load_profile("virtual-tv")

odd = st.sampled_from(
    [10**400, -1, 2**64, 1e308, 5e-324, float("nan"), float("inf"), "\ud800", "a\nb", "x" * 9_999, "P1D"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | odd,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.just("\ud800"), inner, max_size=3)
    ),
    max_leaves=6,
)


def voice_pack(content: bytes) -> bytes:
    return parse_voice_pack(content, "config/voice/en.json").to_bytes()


def revocations(content: bytes) -> bytes:
    read = parse_revocations(content)
    assert all(sentence.encode() for sentence in read.sentences())
    return read.to_bytes()


def report_key(content: bytes) -> bytes:
    return read_report_key(content).model_dump_json().encode()


def reported_state(content: bytes) -> bytes:
    return ReportedState.from_payload(content).to_payload()


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) in a document."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    return [(value, key) for key in keys] + [place for key in keys for place in places(value[key])]


def expect_a_sentence(error: EdgeAgentError) -> None:
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", error.for_person())
    assert error.for_person().encode()
    assert len(error.for_person()) < 1000


@pytest.mark.parametrize(
    ("document", "read"),
    [(VOICE, voice_pack), (REVOKED, revocations), (KEY, report_key), (STATE, reported_state)],
    ids=["voice-pack", "deny-list", "report-key", "device-state"],
)
@settings(max_examples=200)
@given(at=st.integers(0, 99), value=JSON | odd, name=st.none() | st.text(max_size=9) | st.just("\ud800"))
def test_whatever_stands_in_a_field_it_is_read_or_refused(
    document: dict[str, Any], read: Callable[[bytes], bytes], at: int, value: Any, name: str | None
) -> None:
    changed = deepcopy(document)
    found = places(changed)
    place, key = found[at % len(found)]
    if name is None or isinstance(place, list):
        place[key] = value
    else:
        place[name] = place.pop(key)
    try:
        written = read(json.dumps(changed).encode())
    except EdgeAgentError as error:
        expect_a_sentence(error)
    else:
        assert read(written) == written


@given(
    field=st.sampled_from(FIELDS),
    value=JSON | st.sampled_from([1, 0.5, 3600, 2**30, [], ["hey glowbar"], ["hey \ud800"]]),
)
def test_whatever_is_configured_from_afar_is_lived_by_or_refused(field: tuple[str, str], value: Any) -> None:
    content = json.dumps({"v": 1, "version": 1, field[0]: {field[1]: value}}).encode()
    try:
        _, layer = parse_remote("config/fleet.json", content)
        if first_unfit(layer) is None:
            assert merge(PROFILE, [layer], LOCAL, base=Path("/nowhere")).model_dump_json()
    except EdgeAgentError as error:
        expect_a_sentence(error)


texts = st.lists(st.sampled_from([b'"', b"\\", b"[", b"{", b"]", b"}", b"a", b":", b",", b"1", b"\xff"]), max_size=60)


@given(texts.map(b"".join))
@example(b'{"a": "' + b"[" * 20 + b'"}')
@example(b'{"a": "\\\\"' + b', "b": [' * 20)
def test_what_is_too_deep_is_known_before_it_is_read(content: bytes) -> None:
    try:
        found = parse_json(content, "It")
    except FormatError:
        return
    assert depth_of(found) <= MAX_DEPTH
    assert found == json.loads(content)


def depth_of(value: Any) -> int:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


messages = st.builds(
    Message,
    st.text(max_size=9),
    st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9), max_size=3),
    st.binary(max_size=40),
)


@settings(deadline=None)
@given(
    stream=st.lists(messages.map(Message.encode) | st.binary(max_size=30), max_size=4).map(b"".join),
    cuts=st.lists(st.integers(0, 200), max_size=6),
)
def test_messages_of_a_wyoming_peer_are_the_same_however_they_are_cut(stream: bytes, cuts: list[int]) -> None:
    def heard(edges: list[int]) -> tuple[list[Message], str]:
        inbox, found = Inbox(), list[Message]()
        try:
            for start, end in itertools.pairwise(edges):
                found.extend(inbox.feed(stream[start:end]))
        except EdgeAgentError as error:
            return found, str(error)
        return found, ""

    assert heard([0, *sorted(cuts), len(stream)]) == heard([0, len(stream)])
