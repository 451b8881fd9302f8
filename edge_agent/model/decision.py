"""Decisions: what was chosen and, for everything that was not, the first rule that failed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from edge_agent.model.catalog import Candidate
from edge_agent.model.identity import DecisionId
from edge_agent.model.moment import Moment, Slot
from edge_agent.model.wording import Said


class PermissionRule(StrEnum):
    """Why no slot was opened at all: the first permission rule that said no."""

    NO_CONSENT = "no_consent"
    CLOCK_NOT_SET = "clock_not_set"
    MOMENT_NOT_OFFERED = "moment_not_offered"
    FORMAT_OFF = "format_off"
    POWERED_OFF = "powered_off"
    CALL_IN_PROGRESS = "call_in_progress"
    DO_NOT_DISTURB = "do_not_disturb"
    QUIET_HOURS = "quiet_hours"
    MEDIA_PLAYING = "media_playing"
    ALREADY_PLAYING = "already_playing"
    MIN_SPACING = "min_spacing"
    HOURLY_CAP = "hourly_cap"
    DAILY_CAP = "daily_cap"


class EligibilityRule(StrEnum):
    """Why a candidate was not eligible: the first eligibility rule that it failed."""

    REVOKED = "revoked"
    PACK_INCOMPLETE = "pack_incomplete"
    NOT_TARGETED = "not_targeted"
    OUTSIDE_FLIGHT = "outside_flight"
    OUTSIDE_DAYPART = "outside_daypart"
    DISMISSED = "dismissed"
    BLOCKED_ADVERTISER = "blocked_advertiser"
    BLOCKED_CATEGORY = "blocked_category"
    LANGUAGE = "language"
    MIME = "mime"
    SIZE = "size"
    DURATION = "duration"
    FREQUENCY_CAP = "frequency_cap"
    PACED = "paced"
    OUTRANKED = "outranked"
    """Eligible, but another candidate was chosen."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """No slot was opened for this moment. `why` is one plain sentence for a person, `detail` the same in English."""

    moment: Moment
    rule: PermissionRule
    why: Said

    @property
    def detail(self) -> str:
        """The sentence in English."""
        return str(self.why)


@dataclass(frozen=True, slots=True)
class Rejection:
    """A candidate that was not chosen, with the first rule that it failed and one plain sentence (`why`)."""

    crid: str
    line_item: str
    campaign: str
    rule: EligibilityRule
    why: Said

    @property
    def detail(self) -> str:
        """The sentence in English."""
        return str(self.why)


@dataclass(frozen=True, slots=True)
class Selected:
    """A slot was filled."""

    slot: Slot
    candidate: Candidate
    rejections: tuple[Rejection, ...]


@dataclass(frozen=True, slots=True)
class NoFill:
    """A slot stayed empty, because every candidate failed a rule (or there was none)."""

    slot: Slot
    rejections: tuple[Rejection, ...]


Outcome = Selected | NoFill | Refusal


@dataclass(frozen=True, slots=True)
class Decision:
    """What came of one moment. Kept on the device so that a person may ask why."""

    id: DecisionId
    at: datetime
    moment: Moment
    outcome: Outcome
