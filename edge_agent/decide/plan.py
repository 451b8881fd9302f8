"""Even pacing: where a line item should be in its flight by now, on this device. Pure.

The first impression is due when the flight starts and each next one after an equal part of it, so that the goal is
met, and never passed, when the flight ends. Time is the flight's own, nights and dayparts included.
"""

from datetime import timedelta
from typing import Final

from edge_agent.decide.question import Question
from edge_agent.decide.tally import between
from edge_agent.model.campaign import CapScope, Pacing
from edge_agent.model.catalog import Candidate

_TICK: Final = timedelta(microseconds=1)


def is_ahead(candidate: Candidate, question: Question) -> bool:
    """Whether the next impression is not due yet. Never for `asap`."""
    item = candidate.line_item
    if item.pacing is not Pacing.EVEN or item.goal is None:
        return False
    given, elapsed, flight = _progress(candidate, question)
    return given * flight > item.goal * elapsed


def behind(candidate: Candidate, question: Question) -> float:
    """Return the part of the goal by which the line item is late: 0 while no impression is overdue, and for `asap`.

    An impression is overdue when the one after it is due as well. Being late by the same part of the goal is equally
    urgent, so that large and small bookings catch up side by side.
    """
    item = candidate.line_item
    if item.pacing is not Pacing.EVEN or item.goal is None:
        return 0.0
    given, elapsed, flight = _progress(candidate, question)
    due = item.goal * elapsed // flight
    return max(0, due - given) / item.goal


def _progress(candidate: Candidate, question: Question) -> tuple[int, int, int]:
    """Return impressions given in this flight, the time gone and the whole time, in µs.

    They are whole numbers, since no timedelta holds a large goal times the length of a flight.
    """
    item, campaign = candidate.line_item, candidate.pack.campaign
    asked = (id(campaign), id(item))
    known = question.progress.get(asked)
    if known is None:
        flight = item.flight
        given = between(question.history, CapScope.LINE_ITEM, candidate, flight.start, flight.end)
        # Each step crosses to UTC, so that a flight written in one local zone is measured in real time.
        elapsed = (question.now - flight.start) // _TICK
        known = question.progress[asked] = (given, elapsed, elapsed + (flight.end - question.now) // _TICK)
    return known
