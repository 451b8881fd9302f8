"""Which rule speaks first, what a follow-up may, and what slot opens."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from edge_agent.model.campaign import Daypart
from edge_agent.model.decision import PermissionRule, Refusal
from edge_agent.model.device import Consent, DeviceState, History, MomentRule, PlacementPolicy, ResidentLimits
from edge_agent.model.formats import Format
from edge_agent.model.identity import PlayId
from edge_agent.model.moment import MomentKind, Slot
from edge_agent.moments.permission import RULES, permit
from tests.shelf import MOMENTS, NOON, history, impression, moment, surroundings

WHOLE_DAY = Daypart.model_validate({"start": "00:00", "end": "00:00"})
EVERYTHING_WRONG = surroundings(
    consent=Consent(),
    trusted_time=False,
    moments=(),
    limits=ResidentLimits(
        formats_off=frozenset({Format.IDLE_POSTER}), quiet_hours=(WHOLE_DAY,), max_per_hour=0, max_per_day=0
    ),
    device=DeviceState(powered=False, call_in_progress=True, do_not_disturb=True, media_playing=True),
    playing=PlayId("play-1"),
    policy=PlacementPolicy(min_spacing=timedelta(minutes=10)),
    history=history(NOON - timedelta(minutes=1)),
)
# What puts each wrong thing right again, in the order in which the rules speak.
REMEDIES: tuple[tuple[PermissionRule, dict[str, Any]], ...] = (
    (PermissionRule.NO_CONSENT, {"consent": Consent(placements=True)}),
    (PermissionRule.CLOCK_NOT_SET, {"trusted_time": True}),
    (PermissionRule.MOMENT_NOT_OFFERED, {"moments": MOMENTS}),
    (PermissionRule.FORMAT_OFF, {"limits": {"formats_off": frozenset()}}),
    (PermissionRule.POWERED_OFF, {"device": {"powered": True}}),
    (PermissionRule.CALL_IN_PROGRESS, {"device": {"call_in_progress": False}}),
    (PermissionRule.DO_NOT_DISTURB, {"device": {"do_not_disturb": False}}),
    (PermissionRule.QUIET_HOURS, {"limits": {"quiet_hours": ()}}),
    (PermissionRule.MEDIA_PLAYING, {"device": {"media_playing": False}}),
    (PermissionRule.ALREADY_PLAYING, {"playing": None}),
    (PermissionRule.MIN_SPACING, {"history": History()}),
    (PermissionRule.HOURLY_CAP, {"limits": {"max_per_hour": None}}),
    (PermissionRule.DAILY_CAP, {"limits": {"max_per_day": None}}),
)


def test_rules_speak_in_order_from_the_most_fundamental() -> None:
    around = EVERYTHING_WRONG
    for rule, remedy in REMEDIES:
        refusal = permit(moment(), around, NOON)
        assert isinstance(refusal, Refusal)
        assert refusal.rule is rule
        assert refusal.detail.endswith(".")
        assert refusal.why.name.partition(".")[0] == refusal.rule
        for name, value in remedy.items():
            match name, value:
                case "limits", dict():
                    around = replace(around, limits=around.limits.model_copy(update=value))
                case "device", dict():
                    around = replace(around, device=replace(around.device, **value))
                case _:
                    around = replace(around, **{name: value})
    assert isinstance(permit(moment(), around, NOON), Slot)


def test_every_permission_rule_is_asked_once() -> None:
    assert [rule for rule, _ in RULES] == list(PermissionRule)


def test_follow_up_is_spared_what_only_prevents_interruption() -> None:
    around = surroundings(
        limits=ResidentLimits(quiet_hours=(WHOLE_DAY,), max_per_hour=0, max_per_day=0),
        device=DeviceState(media_playing=True),
        playing=PlayId("play-1"),
        policy=PlacementPolicy(min_spacing=timedelta(minutes=10)),
        history=history(NOON),
    )
    asked = moment(MomentKind.FOLLOW_UP, attributes={"crid": "more-1"})
    assert isinstance(permit(asked, around, NOON), Slot)
    assert isinstance(permit(moment(), around, NOON), Refusal)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"consent": Consent()}, PermissionRule.NO_CONSENT),
        ({"trusted_time": False}, PermissionRule.CLOCK_NOT_SET),
        ({"moments": ()}, PermissionRule.MOMENT_NOT_OFFERED),
        ({"limits": ResidentLimits(formats_off=frozenset({Format.VOICE_DIALOGUE}))}, PermissionRule.FORMAT_OFF),
        ({"device": DeviceState(powered=False)}, PermissionRule.POWERED_OFF),
        ({"device": DeviceState(call_in_progress=True)}, PermissionRule.CALL_IN_PROGRESS),
        ({"device": DeviceState(do_not_disturb=True)}, PermissionRule.DO_NOT_DISTURB),
    ],
)
def test_follow_up_is_not_spared_what_is_agreed_possible_or_private(
    changes: dict[str, object], rule: PermissionRule
) -> None:
    refusal = permit(moment(MomentKind.FOLLOW_UP), surroundings(**changes), NOON)
    assert isinstance(refusal, Refusal)
    assert refusal.rule is rule


def test_the_profile_gives_the_format_and_the_most_specific_topic_wins() -> None:
    offers = (
        MomentRule(kind=MomentKind.IDLE, format=Format.IDLE_POSTER),
        MomentRule(kind=MomentKind.IDLE, format=Format.VOICE_MENTION, topic="door"),
    )
    around = surroundings(moments=offers)
    for topic, fmt in (("", Format.IDLE_POSTER), ("weather", Format.IDLE_POSTER), ("door", Format.VOICE_MENTION)):
        opened = permit(moment(topic=topic), around, NOON)
        assert isinstance(opened, Slot)
        assert opened.format is fmt


def test_a_rule_for_a_topic_says_nothing_of_other_topics() -> None:
    refusal = permit(moment(MomentKind.ASSISTANT_ANSWERED, topic="news"), surroundings(), NOON)
    assert isinstance(refusal, Refusal)
    assert refusal.rule is PermissionRule.MOMENT_NOT_OFFERED
    assert (
        refusal.detail == 'This device\'s profile has no placement for the moment "assistant answered" about "news".'
    )


def test_switching_the_first_format_off_brings_no_other_in_its_place() -> None:
    offers = (
        MomentRule(kind=MomentKind.PAUSE, format=Format.PAUSE_SCREEN),
        MomentRule(kind=MomentKind.PAUSE, format=Format.IDLE_POSTER),
    )
    around = surroundings(moments=offers, limits=ResidentLimits(formats_off=frozenset({Format.PAUSE_SCREEN})))
    refusal = permit(moment(MomentKind.PAUSE), around, NOON)
    assert isinstance(refusal, Refusal)
    assert refusal.rule is PermissionRule.FORMAT_OFF


def test_device_software_may_ask_for_any_format_of_the_profile_and_no_other() -> None:
    opened = permit(moment(), surroundings(), NOON, fmt=Format.VOICE_MENTION, inline=True)
    assert isinstance(opened, Slot)
    assert opened.inline
    assert opened.format is Format.VOICE_MENTION
    refusal = permit(moment(), surroundings(), NOON, fmt=Format.BOOT_SCREEN, inline=True)
    assert isinstance(refusal, Refusal)
    assert refusal.rule is PermissionRule.MOMENT_NOT_OFFERED
    assert refusal.detail == 'This device cannot render the format "boot screen".'


@pytest.mark.parametrize(("wanted", "given"), [(None, 30), (timedelta(seconds=5), 5), (timedelta(seconds=90), 30)])
def test_a_slot_is_never_longer_than_the_device_or_the_asker_allows(wanted: timedelta | None, given: int) -> None:
    opened = permit(moment(), surroundings(), NOON, max_dur=wanted)
    assert isinstance(opened, Slot)
    assert opened.max_dur == timedelta(seconds=given)


def test_the_slot_says_what_the_profile_says() -> None:
    arose = moment()
    opened = permit(arose, surroundings(lang="de"), NOON)
    assert opened == Slot(
        id="idle_poster-20261118T120000000000",
        format=Format.IDLE_POSTER,
        moment=arose,
        opens_at=NOON,
        max_dur=timedelta(seconds=30),
        mime=("image/png",),
        w=1920,
        h=1080,
        lang="de",
    )


def test_a_naive_now_is_a_callers_bug() -> None:
    with pytest.raises(RuntimeError, match="aware"):
        permit(moment(), surroundings(), datetime(2026, 11, 18, 12, 0))  # noqa: DTZ001


def test_no_change_of_focus_beats_the_hourly_cap() -> None:
    """Other moments, formats, apps and device states in between do not start a new count."""
    around = surroundings(policy=PlacementPolicy(min_spacing=timedelta(0), max_per_hour=2, max_per_day=1000))
    placed = []
    kinds = (MomentKind.IDLE, MomentKind.TAP, MomentKind.PAUSE)
    for minute in range(59):
        now = NOON + timedelta(minutes=minute)
        focus = DeviceState(media_playing=minute % 3 == 1)
        arose = moment(kinds[minute % 3], now, topic=f"app-{minute}")
        opened = permit(arose, replace(around, device=focus), now)
        if isinstance(opened, Slot):
            placed.append(now)
            shown = impression(now, now)
            around = replace(around, history=History((*around.history.impressions, shown)))
    assert placed == [NOON, NOON + timedelta(minutes=2)]
