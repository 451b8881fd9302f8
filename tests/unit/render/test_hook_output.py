"""Limits are exact: at the limit all is well, one past it is a breach."""

from edge_agent.render.hook_output import Breach, Line, LineFramer, OutputLimits

LIMITS = OutputLimits(line_bytes=4, total_bytes=12, lines_per_window=3, window_s=1.0)


def test_a_line_at_its_limit_and_one_past_it() -> None:
    assert LineFramer(LIMITS).feed(b"1234\n", 0) == [Line(b"1234")]
    (breach,) = LineFramer(LIMITS).feed(b"12345\n", 0)
    assert isinstance(breach, Breach)


def test_an_unfinished_line_past_its_limit_is_not_waited_for() -> None:
    framer = LineFramer(LIMITS)
    assert framer.feed(b"1234", 0) == []
    (breach,) = framer.feed(b"5", 0)
    assert isinstance(breach, Breach)
    assert framer.finish() == []


def test_the_total_at_its_limit_and_one_past_it() -> None:
    framer = LineFramer(LIMITS)
    assert framer.feed(b"123\n123\n123\n", 0) == [Line(b"123")] * 3
    (breach,) = framer.feed(b"1", 5)
    assert isinstance(breach, Breach)


def test_the_rate_counts_any_window_of_its_length() -> None:
    limits = OutputLimits(line_bytes=4, total_bytes=None, lines_per_window=3, window_s=1.0)
    framer = LineFramer(limits)
    assert framer.feed(b"a\nb\n", 0.0) == [Line(b"a"), Line(b"b")]
    assert framer.feed(b"c\n", 0.5) == [Line(b"c")]
    assert framer.feed(b"d\n", 1.0) == [Line(b"d")]
    (breach,) = LineFramer(limits).feed(b"a\nb\nc\nd\n", 0.999)[3:]
    assert isinstance(breach, Breach)


def test_after_a_breach_nothing_more_is_read() -> None:
    framer = LineFramer(LIMITS)
    assert [type(item) for item in framer.feed(b"ok\n12345\nok\n", 0)] == [Line, Breach]
    assert framer.feed(b"ok\n", 9) == []
