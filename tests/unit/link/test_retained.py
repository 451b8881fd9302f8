"""What counts as an answer when retained messages are read by topic."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from edge_agent.link.retained import RetainedReader
from edge_agent.model.errors import LinkError, NotRetainedError

SENTINEL, ROOT, CHUNK = "edge/repo/meta/timestamp", "edge/repo/meta/2/root", "edge/repo/chunk/aa"


class SlowLine:
    """A broker that answers nothing by itself, and whose UNSUBACKs never come; `on_asked` sees what is asked."""

    def __init__(self) -> None:
        self.on_asked: Callable[[str], object] = lambda _topic: None
        self.asked = asyncio.Event()

    async def subscribe(self, topics: Sequence[tuple[str, int]]) -> Mapping[str, LinkError]:
        for topic, _qos in topics:
            self.on_asked(topic)
        self.asked.set()
        return {}

    async def unsubscribe(self, _topics: Sequence[str]) -> None:
        await asyncio.Event().wait()


async def read_one(reader: RetainedReader, topic: str, timeout_s: float = 20) -> bytes | LinkError:
    reading = reader.read([topic], window=1, max_bytes=1000, timeout_s=timeout_s, hurry=True)
    try:
        return (await anext(reading))[1]
    finally:
        await reading.aclose()  # type: ignore[attr-defined]


async def give_up(reader: RetainedReader, line: SlowLine, topic: str) -> None:
    """Begin to read `topic` and end that before it came, as a download that is cancelled does."""
    cancelled = asyncio.create_task(read_one(reader, topic))
    await line.asked.wait()
    cancelled.cancel()
    await asyncio.gather(cancelled, return_exceptions=True)


async def test_a_late_message_that_nobody_wants_any_more_does_not_say_that_another_is_absent() -> None:
    line = SlowLine()
    reader = RetainedReader(line, SENTINEL, lambda _topic: None)
    await give_up(reader, line, CHUNK)

    def deliver_what_was_on_its_way(topic: str) -> None:
        if topic == SENTINEL:
            assert reader.deliver(CHUNK, b"late", retained=True), "it is still ours"

    line.on_asked = deliver_what_was_on_its_way
    answer = await read_one(reader, ROOT, timeout_s=0.5)
    assert isinstance(answer, LinkError)
    assert not isinstance(answer, NotRetainedError), "the sentinel never came: nothing is known of it"
    reader.close()


async def test_the_sentinel_alone_says_so() -> None:
    line = SlowLine()
    reader = RetainedReader(line, SENTINEL, lambda _topic: None)
    line.on_asked = lambda topic: topic == SENTINEL and reader.deliver(SENTINEL, b"{}", retained=True)
    assert isinstance(await read_one(reader, ROOT), NotRetainedError)


async def test_a_timestamp_that_somebody_publishes_meanwhile_is_no_answer() -> None:
    """Whoever may publish could otherwise have a device believe that there is no new root, and no revocation."""
    line = SlowLine()
    reader = RetainedReader(line, SENTINEL, lambda _topic: None)
    line.on_asked = lambda topic: topic == SENTINEL and reader.deliver(SENTINEL, b"{}", retained=False)
    answer = await read_one(reader, ROOT, timeout_s=0.5)
    assert isinstance(answer, LinkError)
    assert not isinstance(answer, NotRetainedError)
    reader.close()
