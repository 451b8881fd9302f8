"""The order of the rules, priority, urgency, and a lot that is fair to what was booked."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from edge_agent.decide.decision import RULES, decide
from edge_agent.model.campaign import Daypart, Flight, FrequencyCap, LineItem, Targeting
from edge_agent.model.catalog import Catalog
from edge_agent.model.decision import EligibilityRule, NoFill, Selected
from edge_agent.model.device import History, ResidentLimits
from edge_agent.model.moment import MomentKind
from tests.sentences import said
from tests.shelf import NOON, POSTER, catalog, creative, history, line_item, pack, slot, surroundings


def outcome(on: Catalog, draw: float = 0.0, past: History | None = None) -> Selected | NoFill:
    return decide(slot(), on, surroundings(history=past or History()), NOON, draw)


def chosen(on: Catalog, draw: float = 0.0, past: History | None = None) -> str:
    found = outcome(on, draw, past)
    assert isinstance(found, Selected)
    return found.candidate.line_item.id


def shelf_of(*items: LineItem) -> Catalog:
    return catalog(pack(*items))


def test_every_eligibility_rule_is_asked_once_and_the_lot_comes_last() -> None:
    assert [*(rule for rule, _ in RULES), EligibilityRule.OUTRANKED] == list(EligibilityRule)


def test_a_candidate_keeps_the_first_rule_that_it_failed() -> None:
    """Everything is wrong with it; one thing after the other is put right."""
    wrong: dict[str, Any] = {
        "targeting": Targeting(moments=(MomentKind.TAP,)),
        "flight": Flight(start=NOON + timedelta(days=1), end=NOON + timedelta(days=2)),
        "dayparts": (Daypart.model_validate({"start": "01:00", "end": "02:00"}),),
        "caps": (FrequencyCap(count=1, per=timedelta(days=1)),),
        "pacing": "even",
        "goal": 1,
    }
    blocked: dict[str, Any] = {
        "dismissed_campaigns": frozenset({"campaign-1"}),
        "blocked_advertisers": frozenset({"acme"}),
        "blocked_cat": frozenset({"7"}),
    }
    poster: dict[str, Any] = {"mime": "image/webp", "w": 10, "h": 10}
    spoken: dict[str, Any] = {"lang": "de", "dur": 99}
    revoked, state = {"poster-1": said("Revoked.")}, {"complete": False}
    seen = []
    remedies: list[Callable[[], object]] = [
        revoked.clear,
        partial(state.update, complete=True),
        *(partial(wrong.pop, name) for name in ("targeting", "flight", "dayparts")),
        *(partial(blocked.pop, name) for name in tuple(blocked)),
        partial(spoken.pop, "lang"),
        partial(poster.pop, "mime"),
        poster.clear,
        partial(spoken.pop, "dur"),
        partial(wrong.pop, "caps"),
        partial(wrong.update, goal=100),
    ]
    for remedy in remedies:
        on = pack(
            line_item(**wrong),
            creatives=[creative(**spoken)],
            assets={"poster.png": POSTER.model_copy(update=poster)},
            complete=state["complete"],
            cat=("7-1",),
        )
        on = replace(on, revoked=dict(revoked))
        around = surroundings(limits=ResidentLimits(**blocked), history=history(NOON - timedelta(minutes=1)))
        seen.append(decide(slot(), Catalog((on,)), around, NOON, 0.5).rejections[0].rule)
        remedy()
    assert seen == [rule for rule, _ in RULES]


def test_an_empty_shelf_fills_nothing() -> None:
    assert outcome(Catalog()) == NoFill(slot(), ())


def test_the_higher_priority_wins_whatever_is_drawn_or_late() -> None:
    on = shelf_of(line_item("low", priority=5, pacing="even", goal=100, weight=1000), line_item("high", priority=6))
    assert {chosen(on, draw / 10) for draw in range(10)} == {"high"}
    rejection = outcome(on).rejections[0]
    assert rejection.rule is EligibilityRule.OUTRANKED
    assert rejection.detail == "A line item of higher priority was chosen (6 before 5)."


def test_who_is_behind_the_plan_goes_before_who_is_not() -> None:
    on = shelf_of(line_item("asap", weight=1000), line_item("even", pacing="even", goal=10))
    assert {chosen(on, draw / 10) for draw in range(10)} == {"even"}
    assert outcome(on, 0.5).rejections[0].detail == "A line item that is further behind its plan was chosen."


def test_who_is_due_but_not_late_takes_part_in_the_lot() -> None:
    on = shelf_of(line_item("asap"), line_item("even", pacing="even", goal=10))
    shown = history(*(NOON - timedelta(days=3) for _ in range(5)), line_item="even")
    assert {chosen(on, draw / 10, shown) for draw in range(10)} == {"asap", "even"}


def test_late_by_a_larger_part_of_the_goal_is_more_urgent() -> None:
    """Five of ten are due and none given, fifty of a hundred due and ten given."""
    on = shelf_of(line_item("small", pacing="even", goal=10), line_item("large", pacing="even", goal=100))
    shown = history(*(NOON - timedelta(days=3) for _ in range(10)), line_item="large")
    assert {chosen(on, draw / 10, shown) for draw in range(10)} == {"small"}


def test_the_lot_gives_each_line_item_exactly_its_share() -> None:
    on = shelf_of(line_item("five", weight=5), line_item("three", weight=3), line_item("two", weight=2))
    shares = Counter(chosen(on, draw / 1000) for draw in range(1000))
    assert shares == {"five": 500, "three": 300, "two": 200}
    assert [rejection.detail for rejection in outcome(on, 0.99).rejections] == [
        "Another line item was drawn by lot; the chance of this one was 5 in 10.",
        "Another line item was drawn by lot; the chance of this one was 3 in 10.",
    ]


def test_many_creatives_do_not_make_a_line_item_heard_more_often() -> None:
    on = shelf_of(line_item("many", [f"poster-{index}" for index in range(9)]), line_item("one", ["single"]))
    draws = [draw / 1800 for draw in range(1800)]
    assert Counter(chosen(on, draw) for draw in draws) == {"many": 900, "one": 900}
    creatives: Counter[str] = Counter()
    for draw in draws:
        found = outcome(on, draw)
        assert isinstance(found, Selected)
        creatives[found.candidate.creative.crid] += 1
    assert creatives.pop("single") == 900
    assert set(creatives.values()) == {100}


def test_a_creative_that_is_booked_twice_in_one_line_item_counts_once() -> None:
    on = shelf_of(line_item("double", ["poster-1", "poster-1"]), line_item("other", ["poster-2"]))
    assert len(outcome(on).rejections) == 1


def test_the_lot_does_not_mistake_line_items_of_two_campaigns_for_one() -> None:
    on = catalog(pack(name="campaign-1"), pack(name="campaign-2"), pack(name="campaign-2", advertiser="zeta"))
    names: Counter[str] = Counter()
    for draw in range(300):
        found = outcome(on, draw / 300)
        assert isinstance(found, Selected)
        names[found.candidate.pack.name] += 1
    assert set(names.values()) == {100}


def test_the_last_draw_below_one_still_draws_somebody() -> None:
    items = [line_item(f"item-{index}", [f"poster-{index}"], weight=999) for index in range(7)]
    assert chosen(shelf_of(*items), 1 - 2**-53) == "item-6"


@pytest.mark.parametrize("draw", [-0.1, 1.0, float("nan")])
def test_a_draw_outside_is_a_callers_bug(draw: float) -> None:
    with pytest.raises(RuntimeError, match="draw"):
        outcome(catalog(), draw)


def test_a_naive_now_is_a_callers_bug() -> None:
    with pytest.raises(RuntimeError, match="aware"):
        decide(slot(), catalog(), surroundings(), datetime(2026, 11, 18), 0.5)  # noqa: DTZ001
