"""What holds of every decision: consent, the resident's limits, completeness, sameness, caps over a whole year."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge_agent.decide.decision import decide
from edge_agent.model.campaign import CapScope, Daypart, Flight, FrequencyCap, LineItem, Targeting
from edge_agent.model.catalog import Candidate, Catalog
from edge_agent.model.decision import EligibilityRule, PermissionRule, Refusal, Rejection, Selected
from edge_agent.model.device import (
    Consent,
    DeviceState,
    History,
    Impression,
    PlacementPolicy,
    ResidentLimits,
    Surroundings,
)
from edge_agent.model.formats import Format
from edge_agent.model.identity import PlayId
from edge_agent.model.moment import Moment, MomentKind, Slot
from edge_agent.moments.permission import permit
from tests.shelf import BERLIN, FORMATS, NOON, impression, impression_of, pack, surroundings

KOLKATA = ZoneInfo("Asia/Kolkata")
DAY = timedelta(days=1)
NAMES = ("one", "two", "three")
CATEGORIES = ("7", "7-1", "7-1-3", "70", "8")

# --- what may be around a moment -----------------------------------------------------------------------------------

times = st.times().map(lambda value: value.replace(second=0, microsecond=0))
dayparts = st.builds(
    Daypart, start=times, end=times, weekdays=st.lists(st.integers(1, 7), max_size=7, unique=True).map(tuple)
)
instants = st.integers(0, 30 * 24 * 60).map(
    lambda minutes: datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
formats = st.sampled_from([limit.format for limit in FORMATS])
limits = st.builds(
    ResidentLimits,
    quiet_hours=st.lists(dayparts, max_size=2).map(tuple),
    formats_off=st.frozensets(formats, max_size=2),
    blocked_cat=st.frozensets(st.sampled_from(CATEGORIES), max_size=2),
    blocked_advertisers=st.frozensets(st.sampled_from([*NAMES, "one.example"]), max_size=1),
    dismissed_campaigns=st.frozensets(st.sampled_from(NAMES), max_size=1),
    max_per_hour=st.none() | st.integers(0, 3),
    max_per_day=st.none() | st.integers(0, 5),
)
policies = st.builds(
    PlacementPolicy,
    min_spacing=st.sampled_from([timedelta(0), timedelta(minutes=10)]),
    max_per_hour=st.integers(0, 4),
    max_per_day=st.integers(0, 6),
    quiet_hours=st.lists(dayparts, max_size=1).map(tuple),
    blocked_cat=st.frozensets(st.sampled_from(CATEGORIES), max_size=1),
)
pasts = st.lists(
    st.builds(
        impression,
        instants,
        crid=st.sampled_from(NAMES),
        line_item=st.sampled_from(NAMES),
        campaign=st.sampled_from(NAMES),
        advertiser=st.sampled_from(NAMES),
    ),
    max_size=8,
).map(lambda impressions: History(tuple(impressions)))
moments = st.builds(
    Moment,
    kind=st.sampled_from([MomentKind.IDLE, MomentKind.TAP, MomentKind.PAUSE, MomentKind.FOLLOW_UP]),
    at=st.just(NOON),
    topic=st.sampled_from(["", "weather"]),
    attributes=st.sampled_from([{}, {"crid": "one"}]),
)
around_anything = st.builds(
    surroundings,
    device=st.builds(
        DeviceState,
        powered=st.sampled_from([True, True, False]),
        do_not_disturb=st.sampled_from([False, False, True]),
        call_in_progress=st.sampled_from([False, False, True]),
        media_playing=st.booleans(),
    ),
    consent=st.builds(Consent, placements=st.sampled_from([True, True, False])),
    limits=limits,
    policy=policies,
    history=pasts,
    zone=st.sampled_from([BERLIN, KOLKATA]),
    playing=st.sampled_from([None, None, PlayId("play-1")]),
    trusted_time=st.sampled_from([True, True, False]),
)

# --- what may be on the shelf --------------------------------------------------------------------------------------


@st.composite
def line_items(draw: st.DrawFn, name: str) -> LineItem:
    start = draw(instants)
    pacing = draw(st.sampled_from(["asap", "even"]))
    return LineItem(
        id=name,
        crids=tuple(draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4))),
        flight=Flight(start=start, end=start + DAY * draw(st.integers(1, 30))),
        targeting=Targeting(
            moments=(MomentKind.IDLE, MomentKind.TAP), topics=draw(st.sampled_from([(), ("weather",)]))
        ),
        priority=draw(st.integers(4, 6)),
        dayparts=tuple(draw(st.lists(dayparts, max_size=1))),
        caps=tuple(
            draw(
                st.lists(
                    st.builds(
                        FrequencyCap,
                        scope=st.sampled_from(CapScope),
                        count=st.integers(1, 3),
                        per=st.sampled_from([timedelta(hours=1), DAY, 7 * DAY]),
                    ),
                    max_size=2,
                )
            )
        ),
        pacing=pacing,
        goal=draw(st.integers(1, 50)),
        weight=draw(st.integers(1, 5)),
    )


@st.composite
def shelves(draw: st.DrawFn) -> Catalog:
    packs = []
    for name in NAMES[: draw(st.integers(0, 3))]:
        items = [draw(line_items(item)) for item in NAMES[: draw(st.integers(1, 3))]]
        advertiser = draw(st.sampled_from(NAMES))
        packs.append(
            pack(
                *items,
                name=name,
                advertiser=advertiser,
                adomain=(f"{advertiser}.example",),
                cat=tuple(draw(st.lists(st.sampled_from(CATEGORIES), max_size=2))),
                complete=draw(st.sampled_from([True, True, False])),
            )
        )
    return Catalog(tuple(packs))


draws = st.floats(0, 1, exclude_max=True)


def opened(around: Surroundings) -> Slot:
    """Return an idle slot, whether or not anybody would permit it."""
    free = surroundings(zone=around.zone)
    outcome = permit(Moment(MomentKind.IDLE, NOON), free, NOON)
    assert isinstance(outcome, Slot)
    return outcome


def identity(one: Candidate | Rejection) -> tuple[str, str, str]:
    if isinstance(one, Rejection):
        return one.campaign, one.line_item, one.crid
    return one.campaign.id, one.line_item.id, one.creative.crid


def eligible(shelf: Catalog, around: Surroundings, draw: float) -> set[tuple[str, str, str]]:
    outcome = decide(opened(around), shelf, around, NOON, draw)
    found = {identity(one) for one in outcome.rejections if one.rule is EligibilityRule.OUTRANKED}
    return found | {identity(outcome.candidate)} if isinstance(outcome, Selected) else found


@st.composite
def tightened(draw: st.DrawFn, loose: ResidentLimits) -> ResidentLimits:
    """The same limits, each kept or made tighter."""
    more = draw(limits)

    def tighter(one: int | None, other: int | None) -> int | None:
        return min((value for value in (one, other) if value is not None), default=None)

    return ResidentLimits(
        quiet_hours=loose.quiet_hours + more.quiet_hours,
        formats_off=loose.formats_off | more.formats_off,
        blocked_cat=loose.blocked_cat | more.blocked_cat,
        blocked_advertisers=loose.blocked_advertisers | more.blocked_advertisers,
        dismissed_campaigns=loose.dismissed_campaigns | more.dismissed_campaigns,
        max_per_hour=tighter(loose.max_per_hour, more.max_per_hour),
        max_per_day=tighter(loose.max_per_day, more.max_per_day),
    )


# --- properties ----------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(around_anything, moments, instants, st.none() | formats)
def test_without_consent_nothing_opens(
    around: Surroundings, moment: Moment, now: datetime, fmt: Format | None
) -> None:
    refusal = permit(moment, replace(around, consent=Consent(reports=True)), now, fmt=fmt)
    assert isinstance(refusal, Refusal)
    assert refusal.rule is PermissionRule.NO_CONSENT


@settings(deadline=None)
@given(st.data(), around_anything, moments, instants, st.none() | formats)
def test_tighter_limits_open_no_slot(
    data: st.DataObject, around: Surroundings, moment: Moment, now: datetime, fmt: Format | None
) -> None:
    before = permit(moment, around, now, fmt=fmt)
    after = permit(moment, replace(around, limits=data.draw(tightened(around.limits))), now, fmt=fmt)
    if isinstance(before, Refusal):
        assert isinstance(after, Refusal)
    elif isinstance(after, Slot):
        assert after == before


@settings(deadline=None)
@given(st.data(), shelves(), around_anything, draws)
def test_tighter_limits_make_nothing_eligible(
    data: st.DataObject, shelf: Catalog, around: Surroundings, draw: float
) -> None:
    tight = replace(around, limits=data.draw(tightened(around.limits)))
    assert eligible(shelf, tight, draw) <= eligible(shelf, around, draw)


@settings(deadline=None)
@given(shelves(), around_anything, draws)
def test_every_candidate_is_answered_for_exactly_once(shelf: Catalog, around: Surroundings, draw: float) -> None:
    slot = opened(around)
    outcome = decide(slot, shelf, around, NOON, draw)
    answered = [identity(rejection) for rejection in outcome.rejections]
    if isinstance(outcome, Selected):
        answered.append(identity(outcome.candidate))
    else:
        assert all(rejection.rule is not EligibilityRule.OUTRANKED for rejection in outcome.rejections)
    assert sorted(answered) == sorted(identity(candidate) for candidate in shelf.candidates(slot.format))
    assert len(set(answered)) == len(answered)
    assert all(rejection.detail.endswith(".") for rejection in outcome.rejections)
    assert all(rejection.why.name.partition(".")[0] == rejection.rule for rejection in outcome.rejections)


@settings(deadline=None)
@given(shelves(), around_anything, moments, instants, draws)
def test_the_same_again_gives_the_same(
    shelf: Catalog, around: Surroundings, moment: Moment, now: datetime, draw: float
) -> None:
    again = replace(around, history=History(around.history.impressions))
    assert permit(moment, around, now) == permit(moment, again, now)
    slot = opened(around)
    assert decide(slot, shelf, around, now, draw) == decide(slot, Catalog(shelf.packs), again, now, draw)


@settings(deadline=None)
@given(around_anything, moments, instants, st.sampled_from([BERLIN, KOLKATA]))
def test_the_zone_that_now_is_written_in_changes_nothing(
    around: Surroundings, moment: Moment, now: datetime, zone: ZoneInfo
) -> None:
    one, other = permit(moment, around, now), permit(moment, around, now.astimezone(zone))
    assert isinstance(one, Slot) == isinstance(other, Slot)
    if isinstance(one, Refusal):
        assert one == other


@settings(deadline=None)
@given(times, times, st.integers(0, 48 * 60), st.sampled_from([BERLIN, KOLKATA]), st.sampled_from([3, 10]))
@example(time(2), time(3), 25 * 60 + 30, BERLIN, 10)
def test_quiet_hours_are_what_the_wall_clock_shows(
    start: time, end: time, minute: int, zone: ZoneInfo, month: int
) -> None:
    """Minute by minute around the nights on which Berlin changes its clocks and Kolkata does not."""
    night = datetime(2026, 3, 28, tzinfo=UTC) if month == 3 else datetime(2026, 10, 24, tzinfo=UTC)
    now = night + timedelta(minutes=minute)
    quiet = ResidentLimits(quiet_hours=(Daypart(start=start, end=end),))
    outcome = permit(Moment(MomentKind.IDLE, now), surroundings(zone=zone, limits=quiet), now)
    shown = now.astimezone(zone).time()
    expected = start <= shown < end if start < end else shown >= start or shown < end
    assert isinstance(outcome, Refusal) is expected


# --- a year --------------------------------------------------------------------------------------------------------

CAPS = (
    FrequencyCap(scope=CapScope.CREATIVE, count=1, per=timedelta(hours=20)),
    FrequencyCap(scope=CapScope.LINE_ITEM, count=2, per=3 * DAY),
    FrequencyCap(scope=CapScope.CAMPAIGN, count=14, per=7 * DAY),
    FrequencyCap(scope=CapScope.ADVERTISER, count=90, per=30 * DAY),
)
BOOKINGS: tuple[dict[str, Any], ...] = ({"caps": CAPS, "weight": 5}, {}, {"pacing": "even", "goal": 150})
NIGHT = Daypart.model_validate({"start": "22:00", "end": "07:00"})
OPERATOR = PlacementPolicy(min_spacing=timedelta(minutes=30), max_per_hour=1, max_per_day=9)
RESIDENT = ResidentLimits(max_per_day=4, quiet_hours=(NIGHT,))


def booked(flight: Flight) -> Catalog:
    """Two campaigns of one advertiser, with three line items each that share a creative."""
    return Catalog(
        tuple(
            pack(
                *(
                    LineItem(
                        id=f"item-{number}",
                        crids=(f"poster-{number}", "shared"),
                        flight=flight,
                        targeting=Targeting(moments=(MomentKind.IDLE,)),
                        **booking,
                    )
                    for number, booking in enumerate(BOOKINGS)
                ),
                name=name,
            )
            for name in NAMES[:2]
        )
    )


def lived(shelf: Catalog, flight: Flight, dice: Random) -> tuple[list[Impression], set[str]]:
    """Live the flight with a moment about every two hours; return what was shown and which rules ever spoke."""
    past, spoke, now = History(), set[str](), flight.start
    while (now := now + timedelta(minutes=dice.expovariate(1 / 120))) < flight.end:
        around = surroundings(policy=OPERATOR, limits=RESIDENT, history=past)
        outcome = permit(Moment(MomentKind.IDLE, now), around, now)
        if isinstance(outcome, Refusal):
            spoke.add(outcome.rule)
            continue
        decision = decide(outcome, shelf, around, now, dice.random())
        spoke.update(rejection.rule for rejection in decision.rejections)
        if isinstance(decision, Selected):
            past = History((*past.impressions, impression_of(decision.candidate, now)))
    return list(past.impressions), spoke


def scope_of(cap: FrequencyCap, one: Impression) -> tuple[str, ...]:
    match cap.scope:
        case CapScope.CREATIVE:
            return one.campaign, one.crid
        case CapScope.LINE_ITEM:
            return one.campaign, one.line_item
        case CapScope.CAMPAIGN:
            return (one.campaign,)
        case CapScope.ADVERTISER:
            return (one.advertiser,)


@pytest.mark.parametrize("seed", [1, 2])
def test_no_cap_is_passed_in_a_year(seed: int) -> None:
    begins = datetime(2026, 1, 5, tzinfo=BERLIN)
    flight = Flight(start=begins, end=begins + 365 * DAY)
    shown, spoke = lived(booked(flight), flight, Random(seed))
    assert {*spoke} >= {
        "quiet_hours",
        "min_spacing",
        "hourly_cap",
        "daily_cap",
        "frequency_cap",
        "paced",
        "outranked",
    }
    at = [one.at for one in shown]
    for index, one in enumerate(shown):
        recent = [earlier for earlier in shown[: index + 1] if one.at - earlier.at < 30 * DAY]
        assert sum(one.at - earlier.at < timedelta(hours=1) for earlier in recent) <= OPERATOR.max_per_hour
        for cap in CAPS if one.line_item == "item-0" else ():
            counted = [
                earlier
                for earlier in recent
                if one.at - earlier.at < cap.per and scope_of(cap, earlier) == scope_of(cap, one)
            ]
            assert len(counted) <= cap.count
    days = Counter(one.astimezone(BERLIN).date() for one in at)
    assert max(days.values()) == RESIDENT.max_per_day
    assert all(7 <= one.astimezone(BERLIN).hour < 22 for one in at)
    per_item = Counter((one.campaign, one.line_item) for one in shown)
    assert all(per_item[name, "item-2"] in {149, 150} for name in NAMES[:2])
