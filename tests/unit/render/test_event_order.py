"""The table of legal orders, read back in words."""

import itertools

import pytest

from edge_agent.model.play import PlayEventKind as Kind
from edge_agent.render.event_order import RENDERING, STAGING, Course, Lie
from edge_agent.render.hook_protocol import HookEvent

PROGRESS = [Kind.LOADED, Kind.IMPRESSION, Kind.FIRST_QUARTILE, Kind.MIDPOINT, Kind.THIRD_QUARTILE, Kind.COMPLETE]


def follow(table: object, *events: Kind) -> Course | Lie:
    course: Course | Lie = Course(table)  # type: ignore[arg-type]
    for event in events:
        assert isinstance(course, Course)
        course = course.after(HookEvent(event=event, t_ms=0))
    return course


def test_every_kind_has_its_place_in_the_table() -> None:
    assert set(RENDERING) == {None, *Kind}


@pytest.mark.parametrize(
    "kept", [combination for n in range(4) for combination in itertools.combinations(range(2, 5), n)]
)
def test_quartiles_may_be_left_out(kept: tuple[int, ...]) -> None:
    quartiles = [PROGRESS[index] for index in kept]
    course = follow(RENDERING, Kind.LOADED, Kind.IMPRESSION, *quartiles, Kind.COMPLETE)
    assert isinstance(course, Course)
    assert course.is_over


@pytest.mark.parametrize("reached", range(1, 6))
@pytest.mark.parametrize("earlier", range(6))
def test_nothing_comes_twice_or_goes_back(reached: int, earlier: int) -> None:
    if earlier < reached:
        assert isinstance(follow(RENDERING, *PROGRESS[:reached], PROGRESS[earlier]), Lie)


@pytest.mark.parametrize("final", [kind for kind in Kind if kind.is_final])
@pytest.mark.parametrize("after", list(Kind))
def test_nothing_follows_a_final_event(final: Kind, after: Kind) -> None:
    assert isinstance(follow(RENDERING, Kind.LOADED, Kind.IMPRESSION, final, after), Lie)


@pytest.mark.parametrize("early", [Kind.COMPLETE, Kind.FIRST_QUARTILE, Kind.MIDPOINT, Kind.THIRD_QUARTILE])
def test_what_was_not_seen_makes_no_progress(early: Kind) -> None:
    assert isinstance(follow(RENDERING, Kind.LOADED, early), Lie)


@pytest.mark.parametrize("first", list(Kind))
def test_staging_is_one_answer(first: Kind) -> None:
    assert isinstance(follow(STAGING, first), Course) == (first in {Kind.COMPLETE, Kind.ERROR})
