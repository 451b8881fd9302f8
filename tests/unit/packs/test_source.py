"""The topics of a repository: names that every kind of broker hands out as they were sent."""

import pytest

from edge_agent.link.topics import Metadata, check_topic, format_topic, parse_topic
from edge_agent.packs.source import chunk_topic, metadata_name, metadata_topic, target_topic


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("timestamp", "repo/meta/timestamp"),
        ("12.snapshot", "repo/meta/12/snapshot"),
        ("3.packs-acme", "repo/meta/3/packs-acme"),
        ("3.packs-acme.example", "repo/meta/3/packs-acme~example"),
    ],
)
def test_metadata_is_named_without_a_dot_and_read_back(name: str, topic: str) -> None:
    """RabbitMQ hands out `4/snapshot` for `4.snapshot`, and NATS hangs up on a dot."""
    assert metadata_topic(name) == topic
    assert metadata_name(topic) == name
    assert check_topic(f"edge/{topic}") == f"edge/{topic}"


def test_the_link_knows_metadata_by_the_same_topics() -> None:
    topic = metadata_topic("7.packs-acme.example")
    assert parse_topic("edge", f"edge/{topic}") == Metadata(7, "packs-acme.example")
    assert format_topic("edge", Metadata(7, "packs-acme.example")) == f"edge/{topic}"


@pytest.mark.parametrize(
    "topic", [chunk_topic("0" * 64), target_topic("0" * 64), "device/tv/state", "repo/meta/x/root", ""]
)
def test_what_is_no_metadata_has_no_name(topic: str) -> None:
    assert metadata_name(topic) is None
