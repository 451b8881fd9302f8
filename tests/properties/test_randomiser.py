"""The promise of the randomiser (privacy) and of its estimator (5,000 homes): no bias, and intervals that cover."""

import random
from collections import Counter
from datetime import date
from math import exp, isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.measure.randomiser import (
    ANSWERS,
    Estimate,
    PublicCreative,
    add,
    estimate,
    make_reports,
    probabilities,
    randomise,
)
from edge_agent.model.report import ImpressionReport, Reached

DAY = date(2026, 11, 21)
REACHED = frozenset(ANSWERS) - {Reached.NOTHING}
epsilons = st.floats(min_value=0.05, max_value=8)


@given(epsilon=epsilons)
def test_no_answer_is_more_than_e_to_the_epsilon_likelier_for_one_truth_than_for_another(epsilon: float) -> None:
    p, q = probabilities(epsilon)
    assert isclose(p + (len(ANSWERS) - 1) * q, 1)
    assert p / q <= exp(epsilon) * (1 + 1e-12)


@given(epsilon=epsilons, truth=st.sampled_from(Reached))
def test_draws_are_shared_out_exactly_by_those_probabilities(epsilon: float, truth: Reached) -> None:
    p, q = probabilities(epsilon)
    steps = 4000
    counts = Counter(randomise(truth, epsilon, (step + 0.5) / steps) for step in range(steps))
    for answer in ANSWERS:
        assert abs(counts[answer] / steps - (p if answer is truth else q)) <= 2 / steps


@given(epsilon=epsilons, truth=st.sampled_from(Reached), draw=st.floats(0, 1, exclude_max=True))
def test_every_draw_gives_an_answer(epsilon: float, truth: Reached, draw: float) -> None:
    assert randomise(truth, epsilon, draw) in ANSWERS


creatives = st.sets(st.builds(PublicCreative, st.sampled_from(["a", "b"]), st.sampled_from("uvwxyz")))


@given(
    offered=creatives,
    first=st.dictionaries(st.builds(PublicCreative, st.just("a"), st.sampled_from("uvw")), st.sampled_from(Reached)),
    at_most=st.integers(1, 12),
    seed=st.integers(),
)
def test_what_happened_decides_neither_which_reports_there_are_nor_their_order(
    offered: set[PublicCreative], first: dict[PublicCreative, Reached], at_most: int, seed: int
) -> None:
    def asked(reached: dict[PublicCreative, Reached]) -> list[tuple[str, str]]:
        draw = random.Random(seed).random
        reports = make_reports(DAY, offered, reached, epsilon=2.0, at_most=at_most, draw=draw)
        return [(report.campaign, report.crid) for report in reports]

    assert asked(first) == asked({})
    assert len(asked({})) == min(at_most, len(offered)) == len(set(asked({})))


def test_a_report_has_no_room_for_an_identifier_or_a_time_of_day() -> None:
    assert set(ImpressionReport.model_fields) == {"v", "day", "campaign", "crid", "epsilon", "answer"}


TRUTHS = Counter({Reached.NOTHING: 3800, Reached.IMPRESSION: 700, Reached.COMPLETE: 450, Reached.FOLLOWED_UP: 50})


def fleet_answers(truths: Counter[Reached], epsilon: float, seed: int) -> Counter[Reached]:
    generator = random.Random(seed)
    return Counter(randomise(truth, epsilon, generator.random()) for truth in truths.elements())


@pytest.mark.parametrize(
    "among", [REACHED, frozenset({Reached.COMPLETE, Reached.FOLLOWED_UP}), frozenset({Reached.FOLLOWED_UP})]
)
def test_for_5000_homes_the_estimate_has_no_bias_and_the_interval_covers(among: frozenset[Reached]) -> None:
    truth = sum(TRUTHS[answer] for answer in among)
    found = [estimate(fleet_answers(TRUTHS, 2.0, seed), among, 2.0) for seed in range(120)]
    assert all(one.homes == 5000 for one in found)
    mean = sum(one.value for one in found) / len(found)
    spread = (sum((one.value - mean) ** 2 for one in found) / (len(found) - 1)) ** 0.5
    # Fixed seeds: a mean further than 3.5 standard errors from the truth would be a bias, not bad luck.
    assert abs(mean - truth) < 3.5 * spread / len(found) ** 0.5
    assert sum(one.low <= truth <= one.high for one in found) >= 0.93 * len(found)


@pytest.mark.parametrize("homes", [1, 3, 10, 40])
def test_the_interval_covers_in_small_fleets_too(homes: int) -> None:
    for reached in range(0, homes + 1, max(1, homes // 5)):
        truths = Counter({Reached.COMPLETE: reached, Reached.NOTHING: homes - reached})
        found = [estimate(fleet_answers(truths, 1.0, seed), REACHED, 1.0) for seed in range(200)]
        assert sum(one.low <= reached <= one.high for one in found) >= 0.93 * 200


def test_a_few_homes_give_an_interval_that_says_nothing() -> None:
    assert estimate({Reached.COMPLETE: 1}, REACHED, 2.0).share_uncertain > 0.9
    assert estimate({}, REACHED, 2.0) == Estimate(0, 0.0, 0.0, 0.0)


def test_sums_over_days_cover_and_are_narrower_than_the_sum_of_widths() -> None:
    covered = 0
    truth = 3 * (5000 - 3800)
    for seed in range(60):
        days = [estimate(fleet_answers(TRUTHS, 2.0, 1000 * seed + day), REACHED, 2.0) for day in range(3)]
        total = add(days)
        assert total.homes == 15000
        assert total.high - total.low < sum(day.high - day.low for day in days)
        covered += total.low <= truth <= total.high
    assert covered >= 0.93 * 60


@given(st.lists(st.dictionaries(st.sampled_from(Reached), st.integers(0, 500)), max_size=5), epsilons)
def test_an_interval_never_leaves_what_is_possible(days: list[dict[Reached, int]], epsilon: float) -> None:
    for found in [
        *(estimate(day, REACHED, epsilon) for day in days),
        add(estimate(day, REACHED, epsilon) for day in days),
    ]:
        assert 0 <= found.low <= found.high <= found.homes
