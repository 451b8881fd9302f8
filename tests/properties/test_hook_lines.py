"""Whatever bytes a hook prints, and however they are cut, reading them never fails and never differs."""

import itertools
import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.model.play import PlayEventKind
from edge_agent.render.hook_output import Line, LineFramer, OutputLimits
from edge_agent.render.hook_protocol import HookEvent, Unusable, parse_hook_line
from edge_agent.render.watch_protocol import parse_watch_line

NOW = datetime(2026, 11, 21, tzinfo=UTC)
SMALL = OutputLimits(line_bytes=6, total_bytes=40, lines_per_window=6, window_s=1.0)
TEXT = st.lists(st.sampled_from([b"\n", b"a", b"bc", b"{}", b"\xff"]), max_size=30).map(b"".join)


@given(TEXT, st.lists(st.integers(0, 40), max_size=6))
def test_lines_do_not_depend_on_how_the_bytes_were_cut(text: bytes, cuts: list[int]) -> None:
    at_once, in_pieces = LineFramer(SMALL), LineFramer(SMALL)
    edges = [0, *sorted(cuts), len(text)]
    pieces = [text[start:end] for start, end in itertools.pairwise(edges)]
    whole = [*at_once.feed(text, 0), *at_once.finish()]
    parts = [item for piece in pieces for item in in_pieces.feed(piece, 0)] + in_pieces.finish()
    assert [item for item in parts if isinstance(item, Line)][: len(whole)] == [
        item for item in whole if isinstance(item, Line)
    ]
    assert [type(item) for item in whole] == [type(item) for item in parts]


@given(st.binary(max_size=200))
def test_any_bytes_are_an_event_or_a_reason(line: bytes) -> None:
    said = parse_hook_line(line)
    if isinstance(said, Unusable):
        assert said.reason.endswith(".")
    parse_watch_line(line, NOW)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.sampled_from(["state", "moment", "press", "event", "kind"]), JSON))
def test_any_object_is_an_event_or_a_reason(value: object) -> None:
    line = json.dumps(value).encode()
    parse_hook_line(line)
    parse_watch_line(line, NOW)


@given(st.sampled_from(PlayEventKind), st.integers(0, 86_400_000), st.text(max_size=300))
def test_an_event_reads_back_as_it_was_written(kind: PlayEventKind, t_ms: int, detail: str) -> None:
    event = HookEvent(event=kind, t_ms=t_ms, detail=detail)
    assert parse_hook_line(event.model_dump_json().encode()) == event
