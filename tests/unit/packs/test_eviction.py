"""Who goes first when the budget is short, as a person reads it."""

from dataclasses import replace
from zoneinfo import ZoneInfo

from edge_agent.model.shelf_room import Playing, RoomFate, RoomReason
from edge_agent.packs.room_plan import plan_room
from edge_agent.packs.shelf_record import Entry
from tests.unit.packs.entries import NOW, entry, manifest

LARGE = 10**6


def read(
    *entries: Entry, budget: int = LARGE, playing: Playing = frozenset(), zone: str = "UTC"
) -> list[tuple[str, int, str]]:
    plan = plan_room(entries, budget, NOW, playing, ZoneInfo(zone))
    return [(place.name.partition("/")[2], place.place, str(place.why)) for place in plan.places]


def test_each_pack_says_its_place_and_why() -> None:
    packs = [
        entry("now", 10, complete=True, letter="1"),
        entry("long", 10, complete=True, letter="2", days=30),
        entry("short", 10, complete=True, letter="3", days=3),
        entry("later", 10, complete=True, letter="5", first=4),
        entry("coming", 10, letter="6"),
        entry("over", 10, complete=True, letter="7", first=-9, days=-2),
    ]
    assert read(*packs, playing=frozenset({("puddle", "now")})) == [
        ("over", 1, "Goes first: its flight ended on 2026-11-19."),
        ("coming", 2, "Next: it is not whole yet."),
        ("later", 3, "Next: its flight starts only on 2026-11-25."),
        ("short", 4, "Next: its flight ends on 2026-11-24."),
        ("long", 5, "Next: its flight ends on 2026-12-21."),
        ("now", 6, "Stays: it plays now."),
    ]


def test_what_the_budget_has_no_room_for_comes_last_and_has_no_place() -> None:
    stays, goes = entry("a", 60, complete=True), entry("b", 60, complete=True, days=2)
    plan = plan_room([stays, goes], 100, NOW)
    assert [found.target_name for found in plan.evicted] == [goes.target_name]
    assert [(place.name, place.place, place.fate) for place in plan.places] == [
        ("puddle/a", 1, RoomFate.FIRST),
        ("puddle/b", 0, RoomFate.OUT),
    ]
    assert str(plan.places[1].why) == "Has no room: its flight ends on 2026-11-23."


def test_what_ends_first_goes_first_and_what_plays_stays() -> None:
    packs = [entry(name, 60, complete=True, days=days) for name, days in (("a", 9), ("b", 1), ("c", 5))]
    plan = plan_room(packs, 130, NOW, frozenset({("puddle", "b")}))
    assert {"a" * 64, "b" * 64} <= plan.keep
    assert [found.target_name for found in plan.evicted] == ["packs/puddle/c.json"]


def test_a_flights_end_is_told_by_the_devices_own_date() -> None:
    """An hour before midnight in UTC it is tomorrow in Shanghai already."""
    ends_late = entry("a", 10, complete=True, days=3 - 1 / 24)
    assert read(ends_late)[0][2] == "Goes first: its flight ends on 2026-11-23."
    assert read(ends_late, zone="Asia/Shanghai")[0][2] == "Goes first: its flight ends on 2026-11-24."


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
    assert [(place.place, place.reason) for place in plan_room([new], LARGE, NOW).places] == [
        (1, RoomReason.IN_FLIGHT)
    ]
