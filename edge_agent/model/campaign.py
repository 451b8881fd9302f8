"""Campaign ⊃ LineItem ⊃ Creative ⊃ Asset, as an advertiser writes them in a pack.

Names follow AdCOM 1.0 (`crid`, `adomain`, `cat`, `dur`, `w`, `h`, `mime`) where it has one. Times are aware
datetimes; local times of day belong to the device's own time zone.
"""

from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from edge_agent.model.durations import Seconds
from edge_agent.model.formats import Format
from edge_agent.model.identity import Identifier, Sha256, in_words
from edge_agent.model.instants import Instant
from edge_agent.model.moment import MomentKind

_ON_ONE_LINE: Final = r"^[^\x00-\x1f\x7f-\x9f]+$"
"""No line break and no control character: what is told of a pack on a terminal is told by nobody else."""

Name = Annotated[
    str,
    Field(max_length=120, pattern=_ON_ONE_LINE),
    in_words("write 1 to 120 letters on one line"),
]
Words = Annotated[
    str,
    Field(max_length=600, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f-\x9f]+$"),
    in_words("write 1 to 600 letters; a line break may be among them, and no other control character"),
]
Domain = Annotated[str, Field(max_length=253, pattern=_ON_ONE_LINE), in_words("write a domain such as acme.example")]
Category = Annotated[
    str, Field(max_length=40, pattern=_ON_ONE_LINE), in_words("write the code of a category such as 210")
]
Spoken = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f]+$")]
Link = Annotated[
    str,
    Field(max_length=300, pattern=r"^https://[a-z0-9][a-z0-9.-]*(/[\x21-\x7e]*)?$"),
    in_words("write an address such as https://acme.example/spring, of 300 ASCII letters at most"),
]
AssetName = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"),
    in_words('a file\'s name is 1 to 80 ASCII letters, digits, ".", "_" and "-", a letter or digit first'),
]
Language = Annotated[
    str, Field(pattern=r"^[a-z]{2,3}$"), in_words("write a language as two or three letters, such as en or zh")
]

HISTORY_KEPT: Final = timedelta(days=366)
"""How long a device remembers its impressions, and so how far back a cap may look."""
LONGEST_PLAY: Final = timedelta(hours=1)
END: Final = "end"
"""The id that an answer leads to when it ends the dialogue."""
PHONE: Final = "phone"
"""The id that an answer leads to when it asks for the creative's companion page."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Asset(_Frozen):
    """One file of a pack. `length` is bytes, `w`/`h` pixels (0 for sound), `dur` its playing time (0 for stills)."""

    sha256: Sha256
    length: int = Field(gt=0)
    mime: str
    w: int = Field(default=0, ge=0)
    h: int = Field(default=0, ge=0)
    dur: Seconds = timedelta(0)


class Turn(_Frozen):
    """One turn of a voice_dialogue: say something, then listen.

    `answers` maps a phrase to the next turn's id, to `end`, or to `phone`, which shows the creative's companion page.
    The words that belong to the resident ("stop", "not interested", "why this") always work and need not be listed.
    """

    id: Identifier
    say: AssetName
    transcript: Name
    answers: dict[Spoken, Identifier] = {}


class Creative(_Frozen):
    """One placement in one format. `asset` is what is shown or played; `transcript` what a person hears or reads.

    `follow_up` names the voice_dialogue creative that "tell me more" starts, `companion` the companion_page that
    "send it to my phone" shows. `link` is for a companion_page: the address that the QR code in its asset holds,
    the same for every home. `turns` is for voice_dialogue only and starts with its first entry.
    """

    crid: Identifier
    format: Format
    lang: Language = "en"
    dur: Seconds
    asset: AssetName | None = None
    transcript: Words
    follow_up: Identifier | None = None
    companion: Identifier | None = None
    link: Link | None = None
    turns: tuple[Turn, ...] = ()

    @field_validator("dur")
    @classmethod
    def _lasts(cls, value: timedelta) -> timedelta:
        if not timedelta(0) < value <= LONGEST_PLAY:
            raise ValueError("it must be more than 0 and at most 3600 seconds")
        return value

    @model_validator(mode="after")
    def _shape_fits_format(self) -> Self:
        if self.format is Format.VOICE_DIALOGUE:
            if not self.turns:
                raise ValueError(f"creative {self.crid}: a voice_dialogue needs at least one turn")
            ids = [turn.id for turn in self.turns]
            if len(set(ids)) != len(ids):
                raise ValueError(f"creative {self.crid}: two turns have the same id")
            if taken := sorted({END, PHONE} & set(ids)):
                raise ValueError(
                    f"creative {self.crid}: a turn cannot be called {taken[0]}, which means something else"
                )
            known = {*ids, END} if self.companion is None else {*ids, END, PHONE}
            for turn in self.turns:
                unknown = sorted(set(turn.answers.values()) - known)
                if unknown:
                    raise ValueError(f"creative {self.crid}: turn {turn.id} leads to unknown turn {unknown[0]}")
        elif self.turns:
            raise ValueError(f"creative {self.crid}: only a voice_dialogue has turns")
        elif self.asset is None and not self.format.is_spoken:
            raise ValueError(f"creative {self.crid}: a {self.format} needs an asset")
        if self.link is not None and self.format is not Format.COMPANION_PAGE:
            raise ValueError(f"creative {self.crid}: only a companion_page has a link")
        return self

    def asset_names(self) -> tuple[AssetName, ...]:
        """Every asset that must be on disk before this creative may play."""
        own = (self.asset,) if self.asset is not None else ()
        if not self.turns:
            return own
        return own + tuple(turn.say for turn in self.turns)


class Flight(_Frozen):
    """When a line item may run: `start` inclusive, `end` exclusive."""

    start: Instant
    end: Instant

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.end <= self.start:
            raise ValueError("a flight must end after it starts")
        return self

    def covers(self, now: datetime) -> bool:
        """Whether `now` lies in the flight."""
        return self.start <= now < self.end


class CapScope(StrEnum):
    """What a frequency cap counts."""

    CREATIVE = "creative"
    LINE_ITEM = "line_item"
    CAMPAIGN = "campaign"
    ADVERTISER = "advertiser"


class FrequencyCap(_Frozen):
    """At most `count` impressions of the scope within any window of length `per` (a rolling window).

    A device remembers its impressions for 366 days, so that no window is longer.
    """

    scope: CapScope = CapScope.CREATIVE
    count: int = Field(ge=1, le=1000)
    per: Annotated[Seconds, Field(gt=timedelta(0), le=HISTORY_KEPT)]


class Daypart(_Frozen):
    """Local hours, `start` inclusive to `end` exclusive, on ISO weekdays (1 Monday … 7); may cross midnight.

    An `end` at or before `start` is on the next day, so that 00:00 to 00:00 is a whole day; `weekdays` are those on
    which it starts. The hours are what a clock on the wall shows: an hour that DST skips does not happen, and one
    that it repeats happens twice.
    """

    start: time
    end: time
    weekdays: Annotated[tuple[Annotated[int, Field(ge=1, le=7)], ...], Field(max_length=7)] = (1, 2, 3, 4, 5, 6, 7)

    @field_validator("start", "end")
    @classmethod
    def _local(cls, value: time) -> time:
        if value.tzinfo is not None:
            raise ValueError("a time of day is local to the device and has no time zone of its own")
        return value

    def covers(self, local: datetime) -> bool:
        """Whether `local`, a moment already in the device's own time zone, lies in these hours."""
        clock, today = local.time(), local.isoweekday()
        if self.start < self.end:
            return self.start <= clock < self.end and today in self.weekdays
        yesterday = (today - 2) % 7 + 1
        return (clock >= self.start and today in self.weekdays) or (clock < self.end and yesterday in self.weekdays)


class Pacing(StrEnum):
    """How a line item spends its goal over its flight."""

    ASAP = "asap"
    EVEN = "even"


class Targeting(_Frozen):
    """Which moments a line item is for. Empty `topics` means any topic of those moments."""

    moments: tuple[MomentKind, ...] = Field(max_length=32)
    topics: tuple[Identifier, ...] = Field(default=(), max_length=64)


class LineItem(_Frozen):
    """A booking: flight, priority (10 first, 1 last), caps, pacing, targeting and the creatives that may serve it.

    `goal` is how many impressions each device should give over the flight; it only matters to `even` pacing.
    `weight` is its share of voice among line items that could equally fill the same slot: 3 beside 1 gets three of
    four, however many creatives each has.
    """

    id: Identifier
    crids: tuple[Identifier, ...] = Field(min_length=1)
    flight: Flight
    targeting: Targeting
    priority: int = Field(default=5, ge=1, le=10)
    dayparts: tuple[Daypart, ...] = Field(default=(), max_length=32)
    caps: tuple[FrequencyCap, ...] = Field(default=(), max_length=16)
    pacing: Pacing = Pacing.ASAP
    goal: int | None = Field(default=None, ge=1)
    weight: int = Field(default=1, ge=1, le=1000)

    @model_validator(mode="after")
    def _even_needs_goal(self) -> Self:
        if self.pacing is Pacing.EVEN and self.goal is None:
            raise ValueError(f"line item {self.id}: even pacing needs a goal")
        return self


class Campaign(_Frozen):
    """One advertiser's campaign. `cat` are IAB Content Taxonomy 3.0 codes; `adomain` the advertiser's domains."""

    id: Identifier
    advertiser: Identifier
    name: Name
    adomain: tuple[Domain, ...] = Field(min_length=1, max_length=32)
    cat: tuple[Category, ...] = Field(default=(), max_length=64)
    line_items: tuple[LineItem, ...] = Field(min_length=1)
    creatives: tuple[Creative, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _references_resolve(self) -> Self:
        formats = {creative.crid: creative.format for creative in self.creatives}
        if len(formats) != len(self.creatives):
            raise ValueError("two creatives have the same crid")
        if len({item.id for item in self.line_items}) != len(self.line_items):
            raise ValueError("two line items have the same id")
        for item in self.line_items:
            for crid in item.crids:
                if crid not in formats:
                    raise ValueError(f"line item {item.id} names unknown creative {crid}")
        for creative in self.creatives:
            target = creative.follow_up
            if target is not None and formats.get(target) is not Format.VOICE_DIALOGUE:
                raise ValueError(f"creative {creative.crid}: follow_up must name a voice_dialogue creative")
            if creative.companion is not None and formats.get(creative.companion) is not Format.COMPANION_PAGE:
                raise ValueError(f"creative {creative.crid}: companion must name a companion_page creative")
            host = "" if creative.link is None else urlsplit(creative.link).hostname or ""
            if creative.link is not None and not any(host == own or host.endswith(f".{own}") for own in self.adomain):
                raise ValueError(f"creative {creative.crid}: its link must lead to the campaign's adomain")
        return self

    @property
    def booked(self) -> int:
        """How many creatives the line items name, one once for each: so many are weighed at a moment."""
        return sum(len(item.crids) for item in self.line_items)

    def creative(self, crid: str) -> Creative:
        """Return the creative with that id; a KeyError is a caller's bug."""
        for creative in self.creatives:
            if creative.crid == crid:
                return creative
        raise KeyError(crid)
