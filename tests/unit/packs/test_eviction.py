"""Who goes first when the budget is short, as a person reads it."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from edge_agent.model.shelf_room import Played, RoomFate, RoomReason
from edge_agent.packs.room_plan import plan_room
from edge_agent.packs.shelf_record import Entry
from tests.unit.packs.entries import NOW, entry, manifest

LARGE = 10**6


def read(
    *entries: Entry, budget: int = LARGE, played: Played | None = None, zone: str = "UTC"
) -> list[tuple[str, int, str]]:
    plan = plan_room(entries, budget, NOW, played, ZoneInfo(zone))
    return [(place.name.partition("/")[2], place.place, str(place.why)) for place in plan.places]


def last(**days: float) -> Played:
    return Played(last={("puddle", name): NOW - timedelta(days=ago) for name, ago in days.items()})


def test_each_pack_says_its_place_and_why() -> None:
    packs = [
        entry("now", 10, complete=True, letter="1"),
        entry("today", 10, complete=True, letter="2"),
        entry("stale", 10, complete=True, letter="3"),
        entry("never", 10, complete=True, letter="4", first=-3),
        entry("later", 10, complete=True, letter="5", first=4),
        entry("coming", 10, letter="6"),
        entry("over", 10, complete=True, letter="7", first=-9, days=-2),
    ]
    played = Played(frozenset({("puddle", "now")}), last(today=0, stale=12).last)
    assert read(*packs, played=played) == [
        ("over", 1, "Goes first: its flight ended on 2026-11-19."),
        ("coming", 2, "Next: it is not whole yet."),
        ("later", 3, "Next: its flight starts only on 2026-11-25."),
        ("stale", 4, "Next: not played for 12 days."),
        ("never", 5, "Next: no play of it is on record since its flight began on 2026-11-18."),
        ("today", 6, "Stays: it played today."),
        ("now", 7, "Stays: it plays now."),
    ]


def test_what_the_budget_has_no_room_for_comes_last_and_has_no_place() -> None:
    stays, goes = entry("a", 60, complete=True), entry("b", 60, complete=True)
    plan = plan_room([stays, goes], 100, NOW, last(a=1, b=2))
    assert [found.target_name for found in plan.evicted] == [goes.target_name]
    assert [(place.name, place.place, place.fate) for place in plan.places] == [
        ("puddle/a", 1, RoomFate.FIRST),
        ("puddle/b", 0, RoomFate.OUT),
    ]
    assert str(plan.places[1].why) == "Has no room: not played for 2 days."


def test_what_was_not_played_for_longer_goes_and_what_plays_stays() -> None:
    packs = [entry(name, 60, complete=True) for name in "abc"]
    plan = plan_room(packs, 61, NOW, Played(frozenset({("puddle", "b")}), last(a=0, b=9, c=1).last))
    assert "b" * 64 in plan.keep
    assert [found.target_name for found in plan.evicted] == ["packs/puddle/a.json", "packs/puddle/c.json"]


@pytest.mark.parametrize(
    ("zone", "reason", "days"),
    [("UTC", RoomReason.TODAY, 0), ("Asia/Shanghai", RoomReason.UNPLAYED, 1)],
    ids=["utc", "shanghai"],
)
def test_today_is_the_devices_own(zone: str, reason: RoomReason, days: int) -> None:
    """An hour before midnight in UTC it is tomorrow in Shanghai already, and what played at noon was yesterday."""
    packs, late = [entry("a", 10, complete=True)], NOW - timedelta(hours=1)
    place = plan_room(packs, LARGE, late, last(a=0.5), ZoneInfo(zone)).places[0]
    assert (place.reason, place.days) == (reason, days)


def test_going_frees_only_what_no_other_pack_uses() -> None:
    packs = [entry("a", 50, letter="d", complete=True), entry("b", 50, letter="d", complete=True)]
    assert [place.frees_bytes for place in plan_room(packs, LARGE, NOW).places] == [0, 0]
    assert [place.frees_bytes for place in plan_room(packs[:1], LARGE, NOW).places] == [51]


def test_a_pack_that_is_over_is_no_trouble_when_it_has_no_room() -> None:
    over, wanted = entry("a", 60, days=0), entry("b", 60)
    plan = plan_room([over, wanted], 100, NOW)
    assert set(plan.refused) == plan.over == {over.target_name}


def test_a_version_that_plays_has_the_place_of_its_pack() -> None:
    old = entry("a", 40, complete=True)
    new = replace(old, sha256="a-2", newest=manifest("a", 40, letter="c"))
    assert [(place.place, place.reason) for place in plan_room([new], LARGE, NOW).places] == [(1, RoomReason.NEVER)]
