"""Each eligibility rule at its boundary, through the room's door."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from edge_agent.decide.decision import decide
from edge_agent.decide.question import ask
from edge_agent.model.campaign import Asset, Creative, Daypart, Flight, LineItem, Targeting
from edge_agent.model.catalog import Catalog, ShelvedPack
from edge_agent.model.decision import EligibilityRule, NoFill
from edge_agent.model.device import PlacementPolicy, ResidentLimits, Surroundings
from edge_agent.model.formats import Format
from edge_agent.model.instants import EARLIEST, LATEST
from edge_agent.model.moment import Moment, MomentKind, Slot
from tests.shelf import (
    BERLIN,
    NOON,
    POSTER,
    SOUND,
    catalog,
    creative,
    history,
    line_item,
    moment,
    pack,
    slot,
    surroundings,
)

MILLISECOND = timedelta(milliseconds=1)
EVERYTHING_BLOCKED = ResidentLimits(dismissed_campaigns=frozenset({"campaign-1"}))


def failing(
    on: ShelvedPack | LineItem | Creative | None = None,
    *,
    into: Slot | None = None,
    around: Surroundings | None = None,
    now: datetime = NOON,
) -> tuple[EligibilityRule, str] | None:
    """Return the first rule that the only candidate fails, with its sentence; None where it is chosen."""
    match on:
        case LineItem():
            on = pack(on)
        case Creative():
            on = pack(line_item(crids=(on.crid,)), creatives=[on])
        case None:
            on = pack()
        case _:
            pass
    outcome = decide(into or slot(), Catalog((on,)), around or surroundings(), now, 0.5)
    assert len(outcome.rejections) == isinstance(outcome, NoFill)
    return next(((rejection.rule, rejection.detail) for rejection in outcome.rejections), None)


def limits(**changes: Any) -> Surroundings:
    return surroundings(limits=ResidentLimits(**changes))


def test_what_fits_is_chosen() -> None:
    assert failing() is None


def test_an_incomplete_pack_waits() -> None:
    assert failing(pack(complete=False)) == (
        EligibilityRule.PACK_INCOMPLETE,
        'Parts of the pack "acme/campaign-1" have not arrived yet.',
    )


# --- targeting ---------------------------------------------------------------------------------------------------


def test_a_moment_that_was_not_booked() -> None:
    assert failing(into=slot(of=moment(MomentKind.SCENE_TIME))) == (
        EligibilityRule.NOT_TARGETED,
        'It was not booked for the moment "scene time".',
    )


def test_no_moments_means_no_moment() -> None:
    assert failing(line_item(targeting=Targeting(moments=()))) is not None


@pytest.mark.parametrize(("topic", "sentence"), [("weather", None), ("news", '"news"'), ("", "topic")])
def test_topics_narrow_a_moment(topic: str, sentence: str | None) -> None:
    item = line_item(targeting=Targeting(moments=(MomentKind.IDLE,), topics=("weather",)))
    found = failing(item, into=slot(of=moment(topic=topic)))
    if sentence is None:
        assert found is None
    else:
        assert found is not None
        assert found[0] is EligibilityRule.NOT_TARGETED
        assert sentence in found[1]


# --- flight and daypart ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "sentence"),
    [
        (NOON - MILLISECOND, "Its flight starts on 2026-11-18 13:00."),
        (NOON, None),
        (NOON + timedelta(days=1) - MILLISECOND, None),
        (NOON + timedelta(days=1), "Its flight ended on 2026-11-19 13:00."),
    ],
)
def test_a_flight_includes_its_start_and_not_its_end(now: datetime, sentence: str | None) -> None:
    found = failing(line_item(flight=Flight(start=NOON, end=NOON + timedelta(days=1))), now=now)
    assert found == (None if sentence is None else (EligibilityRule.OUTSIDE_FLIGHT, sentence))


def test_a_flight_in_another_zone_is_the_same_instant() -> None:
    shanghai = ZoneInfo("Asia/Shanghai")
    flight = Flight(start=NOON.astimezone(shanghai), end=(NOON + timedelta(days=1)).astimezone(shanghai))
    assert failing(line_item(flight=flight)) is None
    assert failing(line_item(flight=flight), now=NOON - MILLISECOND) is not None


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Niue"])
@pytest.mark.parametrize(
    ("start", "end", "sentence"),
    [(NOON + timedelta(days=1), LATEST, "Its flight starts on "), (EARLIEST, NOON, "Its flight ended on ")],
)
def test_a_flight_from_the_first_day_to_the_last_is_told_in_every_zone(
    zone: str, start: datetime, end: datetime, sentence: str
) -> None:
    around = surroundings(zone=ZoneInfo(zone))
    found = failing(line_item(flight=Flight(start=start, end=end)), around=around)
    assert found is not None
    assert found[1].startswith(sentence)
    assert failing(line_item(flight=Flight(start=EARLIEST, end=LATEST)), around=around) is None


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("0001-01-01T00:00:00+14:00", "2027-01-01T00:00:00Z"),
        ("2026-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00"),
        ("1899-12-31T23:59:59Z", "2027-01-01T00:00:00Z"),
    ],
)
def test_a_flight_that_some_zone_has_no_date_for_is_refused(start: str, end: str) -> None:
    with pytest.raises(ValidationError, match="a time must be in 1900 or later"):
        Flight.model_validate({"start": start, "end": end})


@pytest.mark.parametrize(("local", "fits"), [("08:59:59.999", False), ("09:00", True), ("11:00", False)])
def test_a_daypart_is_on_the_devices_wall_clock(local: str, fits: bool) -> None:
    morning = Daypart.model_validate({"start": "09:00", "end": "11:00", "weekdays": [3]})
    now = datetime.fromisoformat(f"2026-11-18T{local}").replace(tzinfo=BERLIN)
    found = failing(line_item(dayparts=(morning,)), now=now)
    assert (found is None) is fits
    if found is not None:
        assert found[0] is EligibilityRule.OUTSIDE_DAYPART
    assert failing(line_item(dayparts=(morning,)), now=now + timedelta(days=1)) is not None


def test_any_of_several_dayparts_will_do() -> None:
    parts = tuple(Daypart.model_validate({"start": s, "end": e}) for s, e in (("07:00", "08:00"), ("22:00", "14:00")))
    assert failing(line_item(dayparts=parts)) is None


# --- what the resident and the operator keep away ----------------------------------------------------------------


def test_a_dismissed_campaign_stays_away() -> None:
    found = failing(around=surroundings(limits=EVERYTHING_BLOCKED))
    assert found == (EligibilityRule.DISMISSED, "The resident is not interested in this campaign.")
    assert failing(pack(name="campaign-2"), around=surroundings(limits=EVERYTHING_BLOCKED)) is None


@pytest.mark.parametrize(
    ("blocked", "stays_away"),
    [("acme", True), ("acme.example", True), ("example", True), ("me.example", False), ("www.acme.example", False)],
)
def test_an_advertiser_is_blocked_by_name_or_domain(blocked: str, stays_away: bool) -> None:
    found = failing(around=limits(blocked_advertisers={blocked}))
    assert (found is not None) is stays_away
    if found is not None:
        assert found == (EligibilityRule.BLOCKED_ADVERTISER, f"The resident has blocked the advertiser {blocked}.")


@pytest.mark.parametrize("typed", ["Acme", "ACME.example", "acme.Example.", "EXAMPLE.", " acme.example"])
def test_how_an_advertiser_was_typed_does_not_matter(typed: str) -> None:
    assert failing(around=limits(blocked_advertisers={typed})) is not None
    assert (
        failing(pack(adomain=("Other.Example.org.",)), around=limits(blocked_advertisers={"other.example"})) is None
    )


def test_what_the_resident_typed_is_made_plain_once_for_all_candidates() -> None:
    around = limits(blocked_advertisers={"Acme", " ACME.example.", "acme.example"})
    assert ask(slot(), around, NOON).blocked_advertisers == {"acme", "acme.example"}


def test_an_entry_that_says_nothing_blocks_nobody() -> None:
    assert failing(around=limits(blocked_advertisers={"", "."})) is None


def test_a_blocked_domain_blocks_its_subdomains() -> None:
    shop = pack(adomain=("other.example", "Shop.Acme.Example"))
    assert failing(shop, around=limits(blocked_advertisers={"acme.example"})) is not None


@pytest.mark.parametrize(
    ("cat", "blocked", "stays_away"),
    [
        (("7",), "7", True),
        (("7-1",), "7", True),
        (("7-1-3",), "7-1", True),
        (("3", "7-1"), "7", True),
        (("70",), "7", False),
        (("7",), "7-1", False),
        (("IAB8-5",), "IAB8", True),
        ((), "7", False),
    ],
)
def test_a_blocked_category_blocks_what_is_below_it(cat: tuple[str, ...], blocked: str, stays_away: bool) -> None:
    for around in (
        limits(blocked_cat={blocked}),
        surroundings(policy=PlacementPolicy(blocked_cat=frozenset({blocked}))),
    ):
        found = failing(pack(cat=cat), around=around)
        assert (found is not None) is stays_away
        if found is not None:
            assert found == (EligibilityRule.BLOCKED_CATEGORY, f"The category {blocked} is blocked.")


# --- what the device renders -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lang", "home", "fits"),
    [("en", "en", True), ("en", "en-GB", True), ("de", "en", False), ("zxx", "de", True), ("zh", "zh_CN", True)],
)
def test_language(lang: str, home: str, fits: bool) -> None:
    found = failing(creative(lang=lang), into=slot(lang=home))
    assert (found is None) is fits
    if found is not None:
        assert found == (EligibilityRule.LANGUAGE, f'It is in the language "{lang}", and this home\'s is "{home}".')


def test_mime() -> None:
    webp = pack(assets={"poster.png": POSTER.model_copy(update={"mime": "image/webp"})})
    assert failing(webp) == (EligibilityRule.MIME, "This device does not render image/webp in this format.")
    missing = pack(assets={"other.png": POSTER})
    assert failing(missing) == (EligibilityRule.MIME, "Its pack has no asset poster.png.")


SPOKEN = slot(Format.VOICE_MENTION)


def mention(**changes: Any) -> Creative:
    return creative("mention-1", **({"format": "voice_mention", "dur": 6, "asset": "sound.wav"} | changes))


def test_words_alone_need_a_voice() -> None:
    words = mention(asset=None)
    assert failing(mention(), into=SPOKEN) is None
    assert failing(words, into=slot(Format.VOICE_MENTION, inline=True)) is None
    assert failing(words, into=slot(Format.VOICE_MENTION, mime=("audio/wav", "text/plain"))) is None
    assert failing(words, into=SPOKEN) == (
        EligibilityRule.MIME,
        "It has words but no sound, and this device has no voice of its own.",
    )


def test_device_software_that_speaks_by_itself_needs_no_sound_it_could_play() -> None:
    assert failing(mention(), into=slot(Format.VOICE_MENTION, inline=True, mime=("audio/ogg",))) is None
    assert failing(creative(), into=slot(inline=True, mime=("image/webp",))) is not None


@pytest.mark.parametrize(
    ("w", "h", "trouble"),
    [
        (1920, 1080, None),
        (3840, 2160, None),
        (3842, 2161, "too large"),
        (960, 540, None),
        (959, 540, "too small"),
        (1366, 768, None),
        (1920, 1090, None),
        (1920, 1100, "another shape"),
        (1080, 1920, "another shape"),
    ],
)
def test_size(w: int, h: int, trouble: str | None) -> None:
    found = failing(pack(assets={"poster.png": POSTER.model_copy(update={"w": w, "h": h})}))
    if trouble is None:
        assert found is None
    else:
        sentence = f"It is {w} by {h}, and the place for it 1920 by 1080: {trouble}."
        assert found == (EligibilityRule.SIZE, sentence)


@pytest.mark.parametrize(
    ("mime", "w", "h", "fits"),
    [
        ("image/svg+xml", 0, 0, True),
        ("image/svg+xml", 16, 9, True),
        ("image/svg+xml", 9, 16, False),
        ("image/png", 0, 0, False),
    ],
)
def test_only_what_scales_may_have_no_size_or_another_scale(mime: str, w: int, h: int, fits: bool) -> None:
    drawing = Asset(sha256="c" * 64, length=10, mime=mime, w=w, h=h)
    assert (failing(pack(assets={"poster.png": drawing}), into=slot(mime=(mime,))) is None) is fits


def test_a_slot_without_a_size_takes_any() -> None:
    assert (
        failing(pack(assets={"poster.png": POSTER.model_copy(update={"w": 1, "h": 9})}), into=slot(w=0, h=0)) is None
    )


@pytest.mark.parametrize(
    ("stated", "real", "most", "fits"),
    [(8, 8, 8, True), (8.001, 1, 8, False), (1, 8.001, 8, False), (1, 1, 0, False)],
)
def test_both_the_stated_and_the_real_length_must_fit(stated: float, real: float, most: int, fits: bool) -> None:
    sound = SOUND.model_copy(update={"dur": timedelta(seconds=real)})
    said = pack(line_item(crids=("mention-1",)), creatives=[mention(dur=stated)], assets={"sound.wav": sound})
    found = failing(said, into=slot(Format.VOICE_MENTION, max_dur=timedelta(seconds=most)))
    assert (found is None) is fits
    if found is not None:
        assert found == (EligibilityRule.DURATION, f"It lasts {max(stated, real):g} s, and the slot {most} s.")


# --- a follow-up that the resident asked for ---------------------------------------------------------------------

DIALOGUE = creative(
    "more-1",
    format="voice_dialogue",
    dur=20,
    asset=None,
    turns=({"id": "first", "say": "sound.wav", "transcript": "More."},),
)
WITH_FOLLOW_UP = pack(
    line_item(
        dayparts=(Daypart.model_validate({"start": "03:00", "end": "04:00"}),),
        pacing="even",
        goal=1,
        caps=({"scope": "advertiser", "count": 1, "per": 86400},),
    ),
    creatives=[creative(follow_up="more-1"), DIALOGUE],
)


def wanted(**attributes: str) -> Slot:
    return slot(Format.VOICE_DIALOGUE, Moment(MomentKind.FOLLOW_UP, NOON, attributes=attributes))


def test_what_the_resident_asked_for_is_chosen_whatever_was_booked() -> None:
    shown = surroundings(history=history(NOON - MILLISECOND))
    assert failing(WITH_FOLLOW_UP, into=wanted(crid="more-1"), around=shown) is None
    assert failing(WITH_FOLLOW_UP, into=wanted(crid="more-1", campaign="campaign-1", line_item="item-1")) is None


@pytest.mark.parametrize(
    "attributes",
    [{}, {"crid": "other"}, {"crid": "more-1", "campaign": "other"}, {"crid": "more-1", "line_item": "other"}],
)
def test_nothing_else_is(attributes: dict[str, str]) -> None:
    assert failing(WITH_FOLLOW_UP, into=wanted(**attributes)) == (
        EligibilityRule.NOT_TARGETED,
        "The resident asked for something else.",
    )


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"dismissed_campaigns": {"campaign-1"}}, EligibilityRule.DISMISSED),
        ({"blocked_advertisers": {"acme"}}, EligibilityRule.BLOCKED_ADVERTISER),
    ],
)
def test_what_the_resident_blocked_stays_away_even_then(change: dict[str, set[str]], rule: EligibilityRule) -> None:
    found = failing(WITH_FOLLOW_UP, into=wanted(crid="more-1"), around=limits(**change))
    assert found is not None
    assert found[0] is rule


def test_every_turn_must_be_of_a_type_that_the_device_plays() -> None:
    found = failing(
        WITH_FOLLOW_UP, into=slot(Format.VOICE_DIALOGUE, wanted(crid="more-1").moment, mime=("audio/ogg",))
    )
    assert found == (EligibilityRule.MIME, "This device does not render audio/wav in this format.")


def test_a_follow_up_is_not_booked_for_any_other_moment() -> None:
    plain = pack(line_item(), creatives=[creative(follow_up="more-1"), DIALOGUE])
    assert failing(plain, into=slot(Format.VOICE_DIALOGUE)) == (
        EligibilityRule.NOT_TARGETED,
        "It is only for a resident who asks for more.",
    )
    assert catalog(plain).candidates(Format.VOICE_DIALOGUE)
