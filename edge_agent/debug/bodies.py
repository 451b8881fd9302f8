"""What the endpoint takes: one frozen, strict type for each body. Anything else is a 400 with one sentence."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from edge_agent.model.formats import Format
from edge_agent.model.identity import IdentifierOrNone
from edge_agent.model.instants import Instant
from edge_agent.model.moment import MomentKind
from edge_agent.model.play import Detail, PlayEventKind

_LAST_YEARS: Final = datetime(9990, 1, 1, tzinfo=UTC)
"""Later, there would be no days after today to plan for."""

Short = Annotated[str, Field(max_length=200)]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class MomentBody(_Body):
    """`POST /v1/moments`: something happened on the device."""

    kind: MomentKind
    topic: IdentifierOrNone = ""
    attributes: dict[Short, Short | float] = Field(default={}, max_length=16)


class SlotBody(MomentBody):
    """`POST /v1/slots`: the same, asking for a placement that the asker will render itself."""

    format: Format
    max_dur_s: float | None = Field(default=None, gt=0, le=3600)


class StateBody(_Body):
    """`POST /v1/state`: what the device knows of itself. A field that is left out stays as it is."""

    powered: bool | None = None
    do_not_disturb: bool | None = None
    call_in_progress: bool | None = None
    media_playing: bool | None = None
    microphone_muted: bool | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if all(value is None for value in self.__dict__.values()):
            raise ValueError("name at least one of " + ", ".join(type(self).model_fields))
        return self


class PressBody(_Body):
    """`POST /v1/press`: a button of the device, its remote control or the page."""

    button: Literal["close", "not_interested"]


class PlayEventBody(_Body):
    """`POST /v1/plays/{id}/events`: one event of a play that the device's software renders, like a hook's line."""

    event: PlayEventKind
    t_ms: int = Field(ge=0, le=86_400_000)
    detail: Detail = ""


class ConsentBody(_Body):
    """The part of `ResidentBody` that says what the resident agrees to."""

    placements: bool | None = None
    reports: bool | None = None


class ResidentBody(_Body):
    """`POST /v1/resident`: what the resident agrees to and narrows. `limits` are fields of `ResidentLimits`."""

    consent: ConsentBody = ConsentBody()
    limits: dict[str, Any] = {}


class EraseBody(_Body):
    """`POST /v1/erase`: an empty object; there is nothing to choose."""


class ClockBody(_Body):
    """`POST /v1/standin/clock`: the simulated time, with its offset."""

    now: Annotated[Instant, Field(lt=_LAST_YEARS)]
