"""The live feed: everything in order, or how much was lost; never a wait for whoever publishes."""

import asyncio

import pytest

from edge_agent.debug.feed import Feed
from edge_agent.debug.messages import WhyMessage
from edge_agent.debug.said import said_view
from tests.sentences import said


def why(number: int) -> WhyMessage:
    return WhyMessage(type="why", reason=str(number), said=said_view(said(str(number))))


async def test_every_subscriber_gets_everything_in_order() -> None:
    feed = Feed(depth=4)
    with feed.subscribe() as first, feed.subscribe() as second:
        for number in range(4):
            feed.publish(why(number))
        for messages in (first, second):
            assert [await anext(messages) for _ in range(4)] == [why(number) for number in range(4)]


async def test_what_was_published_before_is_not_repeated() -> None:
    feed = Feed()
    feed.publish(why(1))
    with feed.subscribe() as messages:
        feed.publish(why(2))
        assert await anext(messages) == why(2)


@pytest.mark.parametrize(("published", "lost"), [(3, 0), (4, 1), (10, 7)])
async def test_a_slow_subscriber_loses_the_oldest_and_is_told(published: int, lost: int) -> None:
    feed = Feed(depth=3)
    with feed.subscribe() as slow:
        for number in range(published):
            feed.publish(why(number))
        if lost:
            assert await anext(slow) == {"type": "dropped", "count": lost}
        assert [await anext(slow) for _ in range(3)] == [why(number) for number in range(published - 3, published)]


async def test_a_subscriber_waits_until_something_happens() -> None:
    feed = Feed()
    with feed.subscribe() as messages:
        waiting = asyncio.ensure_future(anext(messages))
        await asyncio.sleep(0)
        assert not waiting.done()
        feed.publish(why(1))
        assert await waiting == why(1)


@pytest.mark.parametrize("waiting", [0, 2])
async def test_what_was_erased_is_not_given_to_anybody_any_more(waiting: int) -> None:
    feed = Feed()
    with feed.subscribe() as messages:
        for number in range(waiting):
            feed.publish(why(number))
        feed.begin_anew()
        assert await anext(messages) == {"type": "dropped", "count": waiting}
        following = asyncio.ensure_future(anext(messages))
        await asyncio.sleep(0)
        assert not following.done()
        feed.publish(why(7))
        assert await following == why(7)


async def test_leaving_gives_the_place_up() -> None:
    feed = Feed()
    with feed.subscribe():
        assert feed.watchers == 1
    assert feed.watchers == 0
    feed.publish(why(1))
