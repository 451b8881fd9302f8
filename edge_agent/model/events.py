"""Everything that can happen to the agent, as the engine sees it. A new class goes into `Event` or is dead."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from edge_agent.model.catalog import Catalog
from edge_agent.model.device import Consent, Microphone, PlacementPolicy, ResidentLimits
from edge_agent.model.formats import Format
from edge_agent.model.moment import Moment
from edge_agent.model.play import CloseCause, PlayEvent


@dataclass(frozen=True, slots=True)
class MomentArose:
    """A hook, the device's software, the debug page or the clock says that a moment is here."""

    moment: Moment


@dataclass(frozen=True, slots=True)
class SlotRequested:
    """The device's software asks for a placement that it will render itself; answered with `AnswerSlot`."""

    request_id: str
    moment: Moment
    format: Format
    max_dur_s: float | None = None


@dataclass(frozen=True, slots=True)
class DeviceChanged:
    """The device reports its state. None leaves a field as it is; the microphone is reported apart."""

    powered: bool | None = None
    do_not_disturb: bool | None = None
    call_in_progress: bool | None = None
    media_playing: bool | None = None


@dataclass(frozen=True, slots=True)
class MicrophoneChanged:
    """The microphone was opened, muted, lost or found again."""

    microphone: Microphone


@dataclass(frozen=True, slots=True)
class PhraseHeard:
    """The recogniser heard one of the phrases it was given, which somebody began to say so long ago.

    Times in seconds are of audio since the source opened.
    """

    phrase: str
    start_s: float
    end_s: float
    confidence: float
    began_ago: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class CloseRequested:
    """A press, or anything else that closes what is playing."""

    cause: CloseCause


@dataclass(frozen=True, slots=True)
class PlayProgressed:
    """A hook, or the software that renders, reports one event of a play."""

    event: PlayEvent


@dataclass(frozen=True, slots=True)
class CatalogChanged:
    """Packs arrived, were completed, expired or were revoked."""

    catalog: Catalog


@dataclass(frozen=True, slots=True)
class PolicyChanged:
    """A signed configuration changed the operator's limits, or the phrases that wake the device."""

    policy: PlacementPolicy
    wake_phrases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResidentDecided:
    """The resident gave or withdrew consent, or changed limits. Takes effect at once."""

    consent: Consent
    limits: ResidentLimits


@dataclass(frozen=True, slots=True)
class TimerRang:
    """A timer that the engine asked for with `SetTimer` is due."""

    name: str


@dataclass(frozen=True, slots=True)
class ClockJudged:
    """The shell found the clock to be believable, or not (1970, or behind a time already seen)."""

    trusted: bool
    floor: datetime | None = None


Event = (
    MomentArose
    | SlotRequested
    | DeviceChanged
    | MicrophoneChanged
    | PhraseHeard
    | CloseRequested
    | PlayProgressed
    | CatalogChanged
    | PolicyChanged
    | ResidentDecided
    | TimerRang
    | ClockJudged
)
