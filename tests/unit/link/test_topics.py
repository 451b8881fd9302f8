from typing import get_args

import pytest

from edge_agent.link.topics import (
    Chunk,
    DeviceStateTopic,
    Metadata,
    ReportTopic,
    Target,
    Timestamp,
    Topic,
    check_topic,
    format_topic,
    parse_topic,
)
from edge_agent.model.errors import LinkError

SHA = "0123456789abcdef" * 4

SAMPLES: dict[str, Topic] = {
    "edge/repo/meta/timestamp": Timestamp(),
    "edge/repo/meta/7/root": Metadata(7, "root"),
    "edge/repo/meta/12/packs~acme": Metadata(12, "packs.acme"),
    f"edge/repo/target/{SHA}": Target(SHA),
    f"edge/repo/chunk/{SHA}": Chunk(SHA),
    "edge/device/tv-1/state": DeviceStateTopic("tv-1"),
    "edge/report/15": ReportTopic(15),
}


@pytest.mark.parametrize(("text", "topic"), SAMPLES.items())
def test_each_topic_reads_as_it_is_written(text: str, topic: Topic) -> None:
    assert format_topic("edge", topic) == text
    assert parse_topic("edge", text) == topic
    assert parse_topic("edge", text.encode()) == topic


def test_every_kind_of_topic_has_a_sample() -> None:
    assert {type(topic) for topic in SAMPLES.values()} == set(get_args(Topic))


@pytest.mark.parametrize(
    "text",
    [
        "edge",
        "edge/",
        "other/repo/meta/timestamp",
        "edge/repo/meta/timestamp/",
        "edge/repo/meta/timestamp\n",
        "edge/repo/meta/01/root",
        "edge/repo/meta/0/root",
        "edge/repo/meta/-1/root",
        "edge/repo/meta/1/",
        "edge/repo/meta/1.root",
        "edge/repo/meta/1/ro.ot",
        "edge/repo/meta/1/Root",
        "edge/repo/meta/1/ro+t",
        "edge/repo/meta/1/root\n",
        "edge/repo/meta/\u0661/root",
        "edge/repo/meta/99999999999/root",
        "edge/repo/meta/#",
        "edge/repo/+/timestamp",
        f"edge/repo/chunk/{SHA.upper()}",
        f"edge/repo/chunk/{SHA}\x00",
        f"edge/repo/chunk/{SHA[:-1]}",
        f"edge/repo/target/{SHA}/x",
        "edge/device//state",
        "edge/device/../state",
        "edge/device/tv-\u00e9/state",
        "edge/report/1024",
        "edge/report/" + "1" * 5000,
        b"edge/device/\xff/state",
        "",
    ],
)
def test_hostile_topics_are_refused(text: str | bytes) -> None:
    with pytest.raises(LinkError):
        parse_topic("edge", text)


@pytest.mark.parametrize("name", ["", "a/b", "#", "+", "a+b", "x\x00", "\udc80", "A", "-x", "x" * 65, "x\n", "é"])
def test_names_that_could_reach_another_topic_are_refused(name: str) -> None:
    for make in (DeviceStateTopic, Target, Chunk, lambda role: Metadata(1, role)):
        with pytest.raises(LinkError):
            make(name)


@pytest.mark.parametrize("root", ["", "/edge", "edge/", "a//b", "#", "a/+", "a b", "é", "/".join(["x" * 64] * 4)])
def test_an_unusable_root_is_refused(root: str) -> None:
    with pytest.raises(LinkError):
        format_topic(root, Chunk(SHA))


def test_the_longest_topic_that_managed_brokers_take_is_the_limit() -> None:
    longest = "/".join(["x" * 63] * 4)
    assert check_topic(longest + "x") == longest + "x"
    with pytest.raises(LinkError):
        check_topic(longest + "xx")
