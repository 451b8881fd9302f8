"""Topics: parse and format are each other's inverse, and nothing else is accepted."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.link.topics import (
    Chunk,
    DeviceStateTopic,
    Metadata,
    ReportTopic,
    Target,
    Timestamp,
    Topic,
    format_topic,
    parse_topic,
)
from edge_agent.model.errors import LinkError

roots = st.from_regex(r"\A[A-Za-z0-9._-]{1,12}(/[A-Za-z0-9._-]{1,12}){0,3}\Z")
identifiers = st.from_regex(r"\A[a-z0-9][a-z0-9._-]{0,63}\Z")
digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
topics: st.SearchStrategy[Topic] = st.one_of(
    st.just(Timestamp()),
    st.builds(Metadata, st.integers(1, 9_999_999_999), identifiers),
    st.builds(Target, digests),
    st.builds(Chunk, digests),
    st.builds(DeviceStateTopic, identifiers),
    st.builds(ReportTopic, st.integers(0, 1023)),
)
fragments = st.sampled_from(
    [
        "repo",
        "meta",
        "target",
        "chunk",
        "device",
        "state",
        "report",
        "timestamp",
        "1",
        "root",
        "packs~acme",
        "0" * 64,
        "+",
        "#",
        "",
        "..",
    ]
)


@given(roots, topics)
def test_what_is_formatted_parses_to_the_same(root: str, topic: Topic) -> None:
    assert parse_topic(root, format_topic(root, topic)) == topic


@given(
    st.one_of(st.text(), st.binary(), st.lists(st.one_of(fragments, st.text(max_size=8)), max_size=5).map("/".join))
)
def test_what_parses_formats_to_the_same(rest: str | bytes) -> None:
    text: str | bytes = f"edge/{rest}" if isinstance(rest, str) else b"edge/" + rest
    with suppress(LinkError):
        formatted = format_topic("edge", parse_topic("edge", text))
        assert (formatted if isinstance(text, str) else formatted.encode()) == text


@given(roots, topics)
def test_no_topic_holds_a_wildcard_or_leaves_its_root(root: str, topic: Topic) -> None:
    text = format_topic(root, topic)
    assert text.startswith(f"{root}/")
    assert not set(text) & set("+#\x00$ ")
