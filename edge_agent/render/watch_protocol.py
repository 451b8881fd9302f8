"""Pure: one line that a `watch` hook printed, as an event of the device or as the reason why it is none.

Each line is one object with one of three keys: `state` (what changed), `moment` (what arose), `press` (a button).
"""

from datetime import datetime
from typing import Annotated, Literal, Self, assert_never

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from edge_agent.model.events import CloseRequested, DeviceChanged, MomentArose
from edge_agent.model.moment import Moment, MomentKind
from edge_agent.model.play import CloseCause
from edge_agent.render.hook_protocol import Unusable, first_fault

_Word = Annotated[str, Field(max_length=80, pattern=r"^[^\x00-\x1f]*$")]
_Number = Annotated[float, Field(allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _State(_Strict):
    powered: bool | None = None
    do_not_disturb: bool | None = None
    call_in_progress: bool | None = None
    media_playing: bool | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("a state must name at least one field")
        return self


class _Moment(_Strict):
    kind: MomentKind
    topic: _Word = ""
    attributes: Annotated[dict[_Word, _Word | _Number], Field(max_length=16)] = {}


class _WatchLine(_Strict):
    state: _State | None = None
    moment: _Moment | None = None
    press: Literal["close", "not_interested"] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(part is not None for part in (self.state, self.moment, self.press)) != 1:
            raise ValueError("a line has exactly one of state, moment and press")
        return self


WatchEvent = DeviceChanged | MomentArose | CloseRequested


def parse_watch_line(line: bytes, now: datetime) -> WatchEvent | Unusable:
    """Read one line (without its newline); a moment arises `now`, since a device's own clock may be wrong."""
    try:
        said = _WatchLine.model_validate_json(line)
    except ValidationError as error:
        return Unusable(f"The watch hook printed a line that means nothing: {first_fault(error)}.")
    if said.state is not None:
        return DeviceChanged(**said.state.model_dump())
    if said.moment is not None:
        moment = said.moment
        return MomentArose(Moment(moment.kind, now, moment.topic, moment.attributes))
    match said.press:
        case "close":
            return CloseRequested(CloseCause.PRESS)
        case "not_interested":
            return CloseRequested(CloseCause.NOT_INTERESTED)
        case None:
            raise RuntimeError("a line without any part passed its own check")
        case _ as never:
            assert_never(never)
