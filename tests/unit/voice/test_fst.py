"""The structure of a graph is looked at before native code reads it."""

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.model.errors import VoiceError
from edge_agent.voice.fst import check_const, check_lookahead
from edge_agent.voice.models import packaged_models

GRAPH = packaged_models()["en"] / "graph"
HCL, G = (GRAPH / "HCLr.fst").read_bytes(), (GRAPH / "Gr.fst").read_bytes()
CONST_AT = HCL.index(b"const") - 8
COUNTS_AT = HCL.index(b"const") + len(b"const") + 4 + len(b"standard") + 24
STATES, ARCS = struct.unpack_from("<qq", HCL, COUNTS_AT)
ARCS_AT = COUNTS_AT + 16 + STATES * 20


def patched(at: int, content: bytes) -> bytes:
    return HCL[:at] + content + HCL[at + len(content) :]


def test_what_openfst_wrote_is_whole_and_speaks_of_the_same_words() -> None:
    words = [int(line.split()[1]) for line in (GRAPH / "words.txt").read_text("utf-8").splitlines()]
    assert check_lookahead(HCL, "HCLr.fst").given <= max(words)
    assert check_const(G, "Gr.fst").taken == max(words)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (b"", "no graph"),
        (HCL[:40], "cut short"),
        (HCL[:100], "looks ahead|cut short"),
        (HCL[: ARCS_AT + 100], "cut short"),
        (HCL[:-1], "cut short"),
        (HCL[:-400_000], "cut short"),
        (HCL + bytes(4), "cut short"),
        (G, "looks ahead"),
        (bytes(len(HCL)), "no graph"),
        (patched(COUNTS_AT - 24, struct.pack("<i", 1)), "no graph"),
        (patched(COUNTS_AT - 8, struct.pack("<q", STATES)), "no graph"),
        (patched(COUNTS_AT - 8, struct.pack("<q", -1)), "no graph"),
        (patched(COUNTS_AT, struct.pack("<q", -1)), "no graph"),
        (patched(COUNTS_AT, struct.pack("<q", 2**40)), "cut short"),
        (patched(COUNTS_AT, struct.pack("<qq", STATES - 1, ARCS)), "refers|no graph|cut short"),
        (patched(ARCS_AT + 12, struct.pack("<i", STATES)), "refers to what it does not have"),
        (patched(ARCS_AT + 12, struct.pack("<i", -1)), "refers to what it does not have"),
        (patched(ARCS_AT, struct.pack("<i", -5)), "refers to what it does not have"),
        (patched(COUNTS_AT + 16 + 4, struct.pack("<I", ARCS)), "refers to what it does not have"),
    ],
    ids=[
        "empty", "header cut", "inner header cut", "arcs cut", "last byte cut", "what is looked ahead with cut",
        "too long", "another type", "zeros", "aligned", "begins beyond its end", "begins nowhere",
        "negative count", "huge count", "one state fewer",
        "arc out of the table", "arc before the table", "negative label", "arcs out of the table",
    ],
)  # fmt: skip
def test_a_broken_graph_is_refused_in_one_sentence(broken: bytes, said: str) -> None:
    with pytest.raises(VoiceError, match=said):
        check_lookahead(broken, "HCLr.fst")


@given(at=st.integers(0, 200), value=st.binary(min_size=1, max_size=8))
def test_a_torn_header_is_refused_or_still_a_graph_and_never_another_error(at: int, value: bytes) -> None:
    torn = G[:at] + value + G[at + len(value) :]
    for check in (check_const, check_lookahead):
        _refused_or_not(check, torn)


def _refused_or_not(check: Callable[[bytes, str], object], content: bytes) -> None:
    try:
        check(content, "Gr.fst")
    except VoiceError as error:
        assert "Gr.fst" in str(error)  # noqa: PT017  either outcome is right
