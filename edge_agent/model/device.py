"""What the agent knows of the device and of the resident's wishes, as decisions see it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from edge_agent.model.campaign import CapScope, Daypart
from edge_agent.model.formats import Format, FormatLimit
from edge_agent.model.identity import PlayId
from edge_agent.model.moment import MomentKind


class Microphone(StrEnum):
    """What the microphone is doing, as the resident may see it at any time."""

    OFF = "off"
    LISTENING = "listening"
    MUTED = "muted"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class DeviceState:
    """What the device itself reports through its `watch` hook or its software."""

    powered: bool = True
    do_not_disturb: bool = False
    call_in_progress: bool = False
    media_playing: bool = False
    microphone: Microphone = Microphone.OFF


MOST_QUIET: Final = 32
QuietHours = Annotated[tuple[Daypart, ...], Field(max_length=MOST_QUIET)]
"""More than anybody lives by. When they end is worked out for each moment, while nothing else goes on."""


class Consent(BaseModel):
    """What the resident agreed to, off until given. `reports` is asked for separately from `placements`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    placements: bool = False
    reports: bool = False
    at: AwareDatetime | None = None


class ResidentLimits(BaseModel):
    """What the resident narrowed. Nothing remote can widen these."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    quiet_hours: QuietHours = ()
    formats_off: frozenset[Format] = frozenset()
    blocked_cat: frozenset[str] = frozenset()
    blocked_advertisers: frozenset[str] = frozenset()
    dismissed_campaigns: frozenset[str] = frozenset()
    max_per_hour: int | None = Field(default=None, ge=0)
    max_per_day: int | None = Field(default=None, ge=0)


class PlacementPolicy(BaseModel):
    """The operator's own limits, which the resident may only tighten.

    `min_spacing` is between the end of one placement and the next slot; `media_ok` are formats that may open
    while media plays (a pause_screen does, by nature).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_spacing: timedelta = Field(default=timedelta(minutes=10), ge=timedelta(0), le=timedelta(days=366))
    max_per_hour: int = Field(default=4, ge=0)
    max_per_day: int = Field(default=20, ge=0)
    quiet_hours: QuietHours = ()
    blocked_cat: frozenset[str] = frozenset()
    media_ok: frozenset[Format] = frozenset({Format.PAUSE_SCREEN})


class MomentRule(BaseModel):
    """Part of a device profile: a moment of this kind (and topic, if given) opens a slot of this format."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: MomentKind
    format: Format
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Impression:
    """One past impression, as caps and spacing see it."""

    play_id: PlayId
    at: datetime
    ended_at: datetime | None
    crid: str
    line_item: str
    campaign: str
    advertiser: str


_Counted = tuple[str, str, str, str]
"""A scope and its whole path: two advertisers may use one name for a campaign, a line item or a creative."""


@dataclass(frozen=True, slots=True)
class History:
    """Impressions as far back as any cap looks, and any even pacing's flight.

    Oldest first by `at`, whatever order they were written in (a clock may have been set back in between).
    """

    impressions: tuple[Impression, ...] = ()
    _times: dict[_Counted, list[datetime]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _indexed: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if any(later.at < earlier.at for earlier, later in pairwise(self.impressions)):
            ordered = tuple(sorted(self.impressions, key=lambda impression: impression.at))
            object.__setattr__(self, "impressions", ordered)

    def times(self, scope: CapScope, advertiser: str, campaign: str, line_item: str, crid: str) -> Sequence[datetime]:
        """Return when what the scope counts was shown, oldest first. Worked out once for a history and a scope."""
        key = _counted(scope, advertiser, campaign, line_item, crid)
        times = self._times.get(key, ())
        if times or key[0] in self._indexed:
            return times
        self._indexed.add(key[0])
        for past in self.impressions:
            of_past = _counted(scope, past.advertiser, past.campaign, past.line_item, past.crid)
            self._times.setdefault(of_past, []).append(past.at)
        return self._times.get(key, ())


def _counted(scope: CapScope, advertiser: str, campaign: str, line_item: str, crid: str) -> _Counted:
    match scope:
        case CapScope.CREATIVE:
            return ("creative", advertiser, campaign, crid)
        case CapScope.LINE_ITEM:
            return ("line_item", advertiser, campaign, line_item)
        case CapScope.CAMPAIGN:
            return ("campaign", advertiser, campaign, "")
        case CapScope.ADVERTISER:
            return ("advertiser", advertiser, "", "")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything that permission and eligibility look at, besides the moment and the catalog.

    `zone` is the device's time zone, in which quiet hours and dayparts are meant.
    """

    device: DeviceState
    consent: Consent
    limits: ResidentLimits
    policy: PlacementPolicy
    history: History
    formats: tuple[FormatLimit, ...]
    moments: tuple[MomentRule, ...]
    zone: tzinfo
    lang: str = "en"
    playing: PlayId | None = None
    trusted_time: bool = True
    """False while the clock is known to be wrong (1970, or behind what was already seen)."""
    erased_at: datetime | None = None
    """When the resident erased what was on record, where `history` cannot tell what was shown before then."""
