from dataclasses import replace

from edge_agent.packs.room_plan import plan_room
from edge_agent.packs.shelf_record import Entry
from tests.sentences import said
from tests.unit.packs.entries import NOW, entry, manifest


def names(entries: tuple[Entry, ...]) -> list[str]:
    return [found.newest.name for found in entries if found.newest is not None]


def test_what_fits_exactly_is_fetched_and_one_byte_more_is_refused() -> None:
    pack = entry("a", 99)
    assert names(plan_room([pack], 100, NOW).fetch) == ["a"]
    refused = plan_room([pack], 99, NOW)
    assert names(refused.fetch) == []
    assert "100 bytes would be needed" in str(refused.refused[pack.target_name])


def test_what_is_complete_keeps_its_room() -> None:
    plan = plan_room([entry("b", 60), entry("a", 60, complete=True)], 100, NOW)
    assert names(plan.fetch) == []
    assert "a" * 64 in plan.keep


def test_what_starts_first_is_fetched_first() -> None:
    plan = plan_room([entry("a", 10, first=5), entry("b", 10, first=-5)], 100, NOW)
    assert names(plan.fetch) == ["b", "a"]


def test_what_is_over_gives_room_but_is_not_refused_while_there_is_some() -> None:
    """A wrong clock makes everything look over; it must not empty the shelf."""
    over = entry("a", 60, complete=True, days=0)
    assert "a" * 64 in plan_room([over], 100, NOW).keep
    crowded = plan_room([over, entry("b", 60)], 100, NOW)
    assert names(crowded.fetch) == ["b"]
    assert "a" * 64 not in crowded.keep


def test_the_old_version_keeps_its_room_until_the_new_is_complete() -> None:
    old = entry("a", 40, complete=True)
    new = replace(old, sha256="a-2", newest=manifest("a", 40, letter="c"))
    assert plan_room([new], 81, NOW).keep == {"a" * 64, "c" * 64, "f" * 64}
    assert new.target_name in plan_room([new], 80, NOW).refused


def test_shared_assets_count_once() -> None:
    plan = plan_room([entry("a", 50, letter="d"), entry("b", 50, letter="d")], 51, NOW)
    assert names(plan.fetch) == ["a", "b"]


def test_an_asset_that_another_pack_says_is_shorter_counts_with_its_own_length() -> None:
    """Its hash tells the true length only once it is here: whoever signs a decoy would have the rest for nothing."""
    decoy, real = entry("a", 1, letter="d"), entry("b", 1000, letter="d")
    for entries in ([decoy, real], [real, decoy]):
        plan = plan_room(entries, 1000, NOW)
        assert (names(plan.fetch), list(plan.refused)) == (["a"], [real.target_name])
        assert names(plan_room(entries, 1001, NOW).fetch) == ["a", "b"]
    whole = entry("b", 1000, letter="d", complete=True)
    assert names(plan_room([decoy, whole], 1001, NOW).fetch) == ["a"]
    assert names(plan_room([decoy, whole], 1000, NOW).evicted) == ["b"]


def test_an_unusable_manifest_is_not_fetched() -> None:
    broken = replace(entry("a", 1), newest=None, reason=said("It is broken."))
    plan = plan_room([broken], 100, NOW)
    assert (plan.fetch, plan.refused) == ((), {})
