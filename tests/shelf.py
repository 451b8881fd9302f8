"""Real model values for tests of the pure rooms: packs on a shelf, a device's surroundings, past impressions.

Every builder gives something that may be placed; a test changes the one thing that it is about.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from edge_agent.model.campaign import Asset, Campaign, Creative, Flight, LineItem, Targeting
from edge_agent.model.catalog import Candidate, Catalog, ShelvedPack
from edge_agent.model.device import (
    Consent,
    DeviceState,
    History,
    Impression,
    MomentRule,
    PlacementPolicy,
    ResidentLimits,
    Surroundings,
)
from edge_agent.model.formats import Format, FormatLimit
from edge_agent.model.identity import PlayId
from edge_agent.model.moment import Moment, MomentKind, Slot

BERLIN: Final = ZoneInfo("Europe/Berlin")
NOON: Final = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
"""A Wednesday; 13:00 in Berlin."""

POSTER: Final = Asset(sha256="a" * 64, length=1000, mime="image/png", w=1920, h=1080)
SOUND: Final = Asset(sha256="b" * 64, length=1000, mime="audio/wav", dur=timedelta(seconds=6))
ASSETS: Final = {"poster.png": POSTER, "sound.wav": SOUND}

FORMATS: Final = (
    FormatLimit(format=Format.IDLE_POSTER, mime=("image/png",), max_dur=timedelta(seconds=30), w=1920, h=1080),
    FormatLimit(format=Format.PAUSE_SCREEN, mime=("image/png",), max_dur=timedelta(seconds=30), w=1920, h=1080),
    FormatLimit(format=Format.VOICE_MENTION, mime=("audio/wav",), max_dur=timedelta(seconds=8)),
    FormatLimit(format=Format.VOICE_DIALOGUE, mime=("audio/wav",), max_dur=timedelta(seconds=60)),
)
MOMENTS: Final = (
    MomentRule(kind=MomentKind.IDLE, format=Format.IDLE_POSTER),
    MomentRule(kind=MomentKind.TAP, format=Format.IDLE_POSTER),
    MomentRule(kind=MomentKind.PAUSE, format=Format.PAUSE_SCREEN),
    MomentRule(kind=MomentKind.ASSISTANT_ANSWERED, format=Format.VOICE_MENTION, topic="weather"),
    MomentRule(kind=MomentKind.FOLLOW_UP, format=Format.VOICE_DIALOGUE),
)


def surroundings(**changes: Any) -> Surroundings:
    """Return surroundings in which everything is welcome: consent given, no spacing, generous caps."""
    values: dict[str, Any] = {
        "device": DeviceState(),
        "consent": Consent(placements=True),
        "limits": ResidentLimits(),
        "policy": PlacementPolicy(min_spacing=timedelta(0), max_per_hour=1000, max_per_day=1000),
        "history": History(),
        "formats": FORMATS,
        "moments": MOMENTS,
        "zone": BERLIN,
    }
    return Surroundings(**(values | changes))


def moment(kind: MomentKind = MomentKind.IDLE, at: datetime = NOON, **changes: Any) -> Moment:
    """Return a moment."""
    return Moment(kind, at, **changes)


def slot(fmt: Format = Format.IDLE_POSTER, of: Moment | None = None, **changes: Any) -> Slot:
    """Return a slot as the profile above opens it."""
    limit = next(limit for limit in FORMATS if limit.format is fmt)
    of = of or moment()
    values: dict[str, Any] = {"max_dur": limit.max_dur, "mime": limit.mime, "w": limit.w, "h": limit.h}
    return Slot("slot-1", fmt, of, of.at, **(values | changes))


def creative(crid: str = "poster-1", **changes: Any) -> Creative:
    """Return an idle poster that fits the slot above exactly."""
    values: dict[str, Any] = {"format": "idle_poster", "dur": 10, "asset": "poster.png", "transcript": "A poster."}
    return Creative(crid=crid, **(values | changes))


def line_item(name: str = "item-1", crids: Iterable[str] = ("poster-1",), **changes: Any) -> LineItem:
    """Return a line item for idle moments, in flight for ten days around NOON."""
    values: dict[str, Any] = {
        "flight": Flight(start=NOON - timedelta(days=5), end=NOON + timedelta(days=5)),
        "targeting": Targeting(moments=(MomentKind.IDLE,)),
    }
    return LineItem(id=name, crids=tuple(crids), **(values | changes))


def pack(
    *items: LineItem,
    name: str = "campaign-1",
    creatives: Iterable[Creative] | None = None,
    complete: bool = True,
    assets: dict[str, Asset] | None = None,
    **changes: Any,
) -> ShelvedPack:
    """Return a verified pack of one campaign; without creatives, one poster for each crid that is booked."""
    items = items or (line_item(),)
    if creatives is None:
        creatives = [creative(crid) for crid in dict.fromkeys(crid for item in items for crid in item.crids)]
    values: dict[str, Any] = {"advertiser": "acme", "adomain": ("acme.example",), "name": "A campaign"}
    campaign = Campaign(id=name, line_items=items, creatives=tuple(creatives), **(values | changes))
    assets = assets or ASSETS
    return ShelvedPack(f"{campaign.advertiser}/{name}", 1, campaign, assets, {a: Path(a) for a in assets}, complete)


def catalog(*packs: ShelvedPack) -> Catalog:
    """Return a catalog of these packs, or of one with one line item."""
    return Catalog(packs or (pack(),))


def impression(at: datetime, ended_at: datetime | None = None, **changes: Any) -> Impression:
    """Return a past impression of the poster above."""
    values: dict[str, Any] = {
        "play_id": PlayId("play-1"),
        "crid": "poster-1",
        "line_item": "item-1",
        "campaign": "campaign-1",
        "advertiser": "acme",
    }
    return Impression(at=at, ended_at=ended_at, **(values | changes))


def history(*at: datetime, **changes: Any) -> History:
    """Return a history of impressions of the poster above that ended at once."""
    return History(tuple(impression(one, one, **changes) for one in at))


def impression_of(candidate: Candidate, at: datetime) -> Impression:
    """Return the impression that the candidate gives when it is rendered in no time at all."""
    return impression(
        at,
        at,
        crid=candidate.creative.crid,
        line_item=candidate.line_item.id,
        campaign=candidate.campaign.id,
        advertiser=candidate.campaign.advertiser,
    )
