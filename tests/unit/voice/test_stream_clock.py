"""When audio was heard, where it comes late, in pieces, and not at all for a while."""

import pytest

from edge_agent.voice.sources import LATE_S
from edge_agent.voice.stream_clock import StreamClock


def test_audio_that_begins_a_moment_after_the_stream_was_heard_then() -> None:
    clock = StreamClock(100.0)
    for tenth in range(1, 5):
        clock.take(0.0, 100.0 + tenth / 10)
    clock.take(0.05, 100.45)
    assert clock.heard_at_s(0.05) == pytest.approx(100.45)


def test_between_two_pieces_nothing_waits_and_what_comes_next_was_heard_already() -> None:
    clock = StreamClock(100.0)
    clock.take(0.25, 100.25)
    clock.take(0.0, 100.25 + LATE_S / 2)
    clock.take(0.25, 100.5)
    assert clock.heard_at_s(0.5) == pytest.approx(100.5)
    clock.take(0.0, 100.5 + 2 * LATE_S)
    assert clock.newest_s == pytest.approx(100.5 + 2 * LATE_S), "silence of that length is the present"
