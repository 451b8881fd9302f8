"""Pure: one line that a rendering hook printed, as a typed event or as the reason why it is none."""

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_agent.model.play import Detail, PlayEventKind

PROTOCOL_VERSION: Final = 1
"""`v` of every request. A hook that does not know it answers with `error`."""

_DAY_MS: Final = 24 * 60 * 60 * 1000


class HookEvent(BaseModel):
    """One event of a play. `t_ms` counts milliseconds from the hook's own start; `detail` explains an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    event: PlayEventKind
    t_ms: Annotated[int, Field(ge=0, le=_DAY_MS)]
    detail: Detail = ""


@dataclass(frozen=True, slots=True)
class Unusable:
    """A line that is not of the protocol; `reason` is one sentence for a person."""

    reason: str


def parse_hook_line(line: bytes) -> HookEvent | Unusable:
    """Read one line (without its newline). Anything but exactly one known event is `Unusable`."""
    try:
        return HookEvent.model_validate_json(line)
    except ValidationError as error:
        return Unusable(f"The hook printed a line that is not an event: {first_fault(error)}.")


def first_fault(error: ValidationError) -> str:
    """Return the first thing that is wrong, where it is, without the offending value."""
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in fault["loc"])
    return (f"{place}: {fault['msg']}" if place else fault["msg"]).rstrip(".")[:200]
