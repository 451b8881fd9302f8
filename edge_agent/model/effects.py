"""Everything that the engine can ask of the world. The composition root carries each to the room that does it."""

from dataclasses import dataclass
from datetime import datetime

from edge_agent.model.cue import Cue
from edge_agent.model.decision import Decision
from edge_agent.model.device import Consent, ResidentLimits
from edge_agent.model.identity import PlayId
from edge_agent.model.play import CloseCause, Play, PlayEvent
from edge_agent.model.wording import Said


@dataclass(frozen=True, slots=True)
class StartPlay:
    """Render this play through a firmware hook."""

    play: Play


@dataclass(frozen=True, slots=True)
class ClosePlay:
    """Close this play: gone within one second."""

    play_id: PlayId
    cause: CloseCause


@dataclass(frozen=True, slots=True)
class StageBoot:
    """Keep this creative ready for the next power-on, or nothing when `play` is None."""

    play: Play | None


@dataclass(frozen=True, slots=True)
class AnswerSlot:
    """Answer the device's software: the play to render, or None for a NoFill."""

    request_id: str
    decision: Decision
    play: Play | None


@dataclass(frozen=True, slots=True)
class RecordDecision:
    """Keep the decision so that a person may ask why."""

    decision: Decision


@dataclass(frozen=True, slots=True)
class RecordPlay:
    """Journal that a play was started."""

    play: Play


@dataclass(frozen=True, slots=True)
class RecordPlayEvent:
    """Journal one event of a play."""

    event: PlayEvent


@dataclass(frozen=True, slots=True)
class RecordClose:
    """Journal why a play was closed."""

    play_id: PlayId
    cause: CloseCause


@dataclass(frozen=True, slots=True)
class ListenFor:
    """Give the recogniser exactly these phrases from now on."""

    phrases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RememberResident:
    """Make the resident's choice durable."""

    consent: Consent
    limits: ResidentLimits


@dataclass(frozen=True, slots=True)
class ExplainPlay:
    """The resident asked why: tell them on every face that the device has."""

    play_id: PlayId
    reason: Said


@dataclass(frozen=True, slots=True)
class PlayCue:
    """Play a short sound, where the device has a hook for it."""

    cue: Cue


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Ring `name` at `at`; a timer of the same name is replaced. None cancels it."""

    name: str
    at: datetime | None


Effect = (
    StartPlay
    | ClosePlay
    | StageBoot
    | AnswerSlot
    | RecordDecision
    | RecordPlay
    | RecordPlayEvent
    | RecordClose
    | ListenFor
    | RememberResident
    | ExplainPlay
    | PlayCue
    | SetTimer
)
