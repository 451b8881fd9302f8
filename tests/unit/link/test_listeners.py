import logging

import pytest

from edge_agent.link.listeners import Listeners
from edge_agent.model.errors import LinkError


def ignore(_topic: str, _payload: bytes) -> None:
    pass


def also_ignore(_topic: str, _payload: bytes) -> None:
    pass


def test_a_retained_copy_is_news_once_per_connection() -> None:
    listeners = Listeners()
    listeners.add("t", ignore, 10)
    assert listeners.news("t", b"1", retained=True) == [ignore]
    assert listeners.news("t", b"1", retained=True) == []
    listeners.begin_connection()
    assert listeners.news("t", b"1", retained=True) == [ignore]


def test_a_retained_message_that_changed_is_news() -> None:
    listeners = Listeners()
    listeners.add("t", ignore, 10)
    listeners.news("t", b"1", retained=True)
    assert listeners.news("t", b"2", retained=True) == [ignore]


def test_a_message_published_now_is_always_news() -> None:
    listeners = Listeners()
    listeners.add("t", ignore, 10)
    assert listeners.news("t", b"1", retained=False) == [ignore]
    assert listeners.news("t", b"1", retained=False) == [ignore]


def test_the_second_listener_gets_the_copy_that_the_first_already_has() -> None:
    listeners = Listeners()
    listeners.add("t", ignore, 10)
    listeners.news("t", b"1", retained=True)
    listeners.add("t", also_ignore, 10)
    assert listeners.news("t", b"1", retained=True) == [also_ignore]


def test_the_size_limit_is_inclusive_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    listeners = Listeners()
    listeners.add("t", ignore, 3)
    assert listeners.news("t", b"123", retained=True) == [ignore]
    with caplog.at_level(logging.ERROR):
        assert listeners.news("t", b"1234", retained=True) == []
        assert listeners.news("t", b"1234", retained=True) == []
    assert [record.getMessage() for record in caplog.records] == [
        "A message of 4 bytes on t is too large and was dropped."
    ]


def test_removing_twice_is_harmless_and_leaves_the_others() -> None:
    listeners = Listeners()
    end = listeners.add("t", ignore, 3)
    listeners.add("t", also_ignore, 3)
    end()
    end()
    assert listeners.topics == ("t",)
    assert listeners.news("t", b"1", retained=False) == [also_ignore]


@pytest.mark.parametrize("topic", ["a/+", "#", "", "a//b", "x" * 300])
def test_only_exact_topics_can_be_listened_to(topic: str) -> None:
    with pytest.raises(LinkError):
        Listeners().add(topic, ignore, 3)
