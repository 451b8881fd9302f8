"""Frequency caps and even pacing: exactly at the cap, one below, one day, one day less a millisecond."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from edge_agent.decide.decision import decide
from edge_agent.model.campaign import CapScope, Flight, FrequencyCap, LineItem
from edge_agent.model.catalog import Catalog
from edge_agent.model.decision import EligibilityRule
from edge_agent.model.device import History
from tests.shelf import BERLIN, NOON, history, impression, line_item, pack, slot, surroundings

DAY = timedelta(days=1)
MILLISECOND = timedelta(milliseconds=1)


def failing(item: LineItem, past: History, now: datetime = NOON) -> tuple[EligibilityRule, str] | None:
    outcome = decide(slot(), Catalog((pack(item),)), surroundings(history=past), now, 0.5)
    return next(((rejection.rule, rejection.detail) for rejection in outcome.rejections), None)


def capped(count: int, per: timedelta = DAY, scope: CapScope = CapScope.CREATIVE) -> LineItem:
    return line_item(caps=(FrequencyCap(scope=scope, count=count, per=per),))


def test_one_below_the_cap_and_exactly_at_it() -> None:
    past = history(NOON - timedelta(hours=2), NOON - timedelta(hours=1))
    assert failing(capped(3), past) is None
    assert failing(capped(2), past) == (
        EligibilityRule.FREQUENCY_CAP,
        "The limit of 2 in one day for this creative is reached.",
    )


def test_one_day_and_one_day_less_a_millisecond() -> None:
    assert failing(capped(1), history(NOON - DAY)) is None
    assert failing(capped(1), history(NOON - DAY + MILLISECOND)) is not None


def test_a_window_is_real_time_on_the_night_that_repeats_an_hour() -> None:
    first = datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN)
    item = line_item(
        flight=Flight(start=first - DAY, end=first + DAY), caps=(FrequencyCap(count=1, per=timedelta(hours=1)),)
    )
    second = first.replace(fold=1)
    assert failing(item, history(first), second) is None
    assert failing(item, history(first), second - timedelta(minutes=1)) is not None


def test_setting_the_clock_back_frees_nothing_and_a_wrong_year_blocks_nothing() -> None:
    assert failing(capped(1), history(NOON + timedelta(hours=1))) is not None
    assert failing(capped(1), history(NOON + timedelta(days=3650))) is None


OTHERS: list[tuple[CapScope, dict[str, str]]] = [
    (CapScope.CREATIVE, {"crid": "other"}),
    (CapScope.CREATIVE, {"campaign": "other"}),
    (CapScope.CREATIVE, {"advertiser": "other"}),
    (CapScope.LINE_ITEM, {"line_item": "other"}),
    (CapScope.LINE_ITEM, {"campaign": "other"}),
    (CapScope.CAMPAIGN, {"campaign": "other"}),
    (CapScope.CAMPAIGN, {"advertiser": "other"}),
    (CapScope.ADVERTISER, {"advertiser": "other"}),
]
SAME: list[tuple[CapScope, dict[str, str]]] = [
    (CapScope.CREATIVE, {"line_item": "other"}),
    (CapScope.LINE_ITEM, {"crid": "other"}),
    (CapScope.CAMPAIGN, {"crid": "other", "line_item": "other"}),
    (CapScope.ADVERTISER, {"crid": "other", "line_item": "other", "campaign": "other"}),
]


@pytest.mark.parametrize(("scope", "change"), OTHERS)
def test_a_cap_does_not_count_what_is_outside_its_scope(scope: CapScope, change: dict[str, Any]) -> None:
    assert failing(capped(1, scope=scope), History((impression(NOON - MILLISECOND, **change),))) is None


@pytest.mark.parametrize(("scope", "change"), SAME)
def test_a_cap_counts_everything_in_its_scope(scope: CapScope, change: dict[str, Any]) -> None:
    found = failing(capped(1, scope=scope), History((impression(NOON - MILLISECOND, **change),)))
    assert found == (
        EligibilityRule.FREQUENCY_CAP,
        f"The limit of 1 in one day for this {scope.replace('_', ' ')} is reached.",
    )


def test_every_cap_of_a_line_item_counts() -> None:
    item = line_item(
        caps=(FrequencyCap(count=5, per=DAY), FrequencyCap(scope=CapScope.ADVERTISER, count=1, per=7 * DAY))
    )
    found = failing(item, history(NOON - 6 * DAY))
    assert found is not None
    assert found[1] == "The limit of 1 in 7 days for this advertiser is reached."


# --- even pacing: ten in ten days, of which five are over ----------------------------------------------------------

EVEN = line_item(pacing="even", goal=10)


def given(count: int) -> History:
    return history(*(NOON - timedelta(days=5) + timedelta(hours=index) for index in range(count)))


def test_even_pacing_waits_until_the_next_one_is_due() -> None:
    assert failing(EVEN, given(5)) is None
    assert failing(EVEN, given(5), NOON - MILLISECOND) == (
        EligibilityRule.PACED,
        "It is ahead of its plan of 10 over its flight.",
    )
    assert failing(EVEN, given(6), NOON + DAY - MILLISECOND) is not None
    assert failing(EVEN, given(6), NOON + DAY) is None


def test_the_first_is_due_when_the_flight_starts() -> None:
    assert failing(EVEN, History(), NOON - timedelta(days=5)) is None


def test_the_goal_is_never_passed() -> None:
    last = NOON + timedelta(days=5) - MILLISECOND
    assert failing(EVEN, given(9), last) is None
    assert failing(EVEN, given(10), last) is not None


def test_pacing_counts_this_line_item_in_this_flight_only() -> None:
    before = history(*(NOON - timedelta(days=6) for _ in range(9)))
    others = history(*(NOON - timedelta(days=4) for _ in range(9)), line_item="other")
    assert failing(EVEN, before) is None
    assert failing(EVEN, others) is None


def test_a_goal_may_be_larger_than_any_calendar_times_a_flight() -> None:
    assert failing(line_item(pacing="even", goal=10**12), given(50)) is None


def test_a_goal_means_nothing_to_asap() -> None:
    assert failing(line_item(goal=1), given(50)) is None
