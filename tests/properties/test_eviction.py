"""The order of eviction, over shelves of every kind: total, stable, within the budget, and what plays goes last."""

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.model.shelf_room import Playing
from edge_agent.packs.eviction import eviction_order
from edge_agent.packs.room_plan import plan_room
from edge_agent.packs.shelf_record import Entry
from tests.unit.packs.entries import NOW, entry

NAMES = "abcdefgh"


@st.composite
def shelves(draw: st.DrawFn) -> tuple[list[Entry], Playing]:
    """A shelf of packs that share assets now and then, in any state, and what plays of them."""
    entries = []
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=len(NAMES))):
        first = draw(st.integers(-20, 20))
        entries.append(
            entry(
                name,
                draw(st.integers(1, 50)) if (letter := draw(st.sampled_from(["", "9"]))) == "" else 30,
                letter=letter or str(NAMES.index(name)),
                first=first,
                days=first + draw(st.integers(1, 20)),
                complete=draw(st.booleans()),
            )
        )
    return entries, frozenset(("puddle", name) for name in draw(st.sets(st.sampled_from(NAMES), max_size=1)))


@given(shelves(), st.randoms(use_true_random=False))
def test_the_order_is_total_and_whatever_order_packs_are_named_in_it_is_the_same(
    shelf: tuple[list[Entry], Playing], shuffler: Random
) -> None:
    entries, playing = shelf
    shuffled = list(entries)
    shuffler.shuffle(shuffled)
    order = [claim.entry.target_name for claim in eviction_order(entries, NOW, playing)]
    assert order == [claim.entry.target_name for claim in eviction_order(shuffled, NOW, playing)]
    assert sorted(order) == sorted(found.target_name for found in entries)
    assert plan_room(entries, 100, NOW, playing) == plan_room(shuffled, 100, NOW, playing)


@given(shelves(), st.integers(0, 300))
def test_the_budget_is_kept_and_nothing_goes_that_fits_beside_what_is_wanted_more(
    shelf: tuple[list[Entry], Playing], budget: int
) -> None:
    entries, playing = shelf
    plan = plan_room(entries, budget, NOW, playing)
    order = eviction_order(entries, NOW, playing)
    lengths = {sha256: length for claim in order for sha256, length in claim.files.items()}
    assert sum(lengths[sha256] for sha256 in plan.keep) <= budget
    out = {found.target_name for found in plan.evicted} | plan.refused.keys()
    kept: dict[str, int] = {}
    for claim in reversed(order):
        if claim.entry.target_name in out:
            assert sum((kept | dict(claim.files)).values()) > budget
        else:
            kept |= claim.files
    assert kept.keys() == plan.keep


@given(shelves())
def test_what_plays_goes_last_of_all(shelf: tuple[list[Entry], Playing]) -> None:
    entries, playing = shelf
    order = eviction_order(entries, NOW, playing)
    plays = [
        claim.is_whole
        and claim.manifest.campaign.line_items[0].flight.end > NOW
        and ("puddle", claim.manifest.name) in playing
        for claim in order
    ]
    assert plays == sorted(plays)  # False before True


@given(shelves(), st.integers(0, 300))
def test_what_has_gone_does_not_come_back_at_the_same_budget(shelf: tuple[list[Entry], Playing], budget: int) -> None:
    """Otherwise a pack would be fetched and removed in turns, and the home would pay for it."""
    entries, playing = shelf
    plan = plan_room(entries, budget, NOW, playing)
    gone = {found.target_name for found in plan.evicted}
    after = [
        replace(found, complete=None, complete_sha256=None) if found.target_name in gone else found
        for found in entries
    ]
    assert not gone & {found.target_name for found in plan_room(after, budget, NOW, playing).fetch}
    assert not plan_room(after, budget, NOW, playing).evicted
