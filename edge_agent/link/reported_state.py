"""The one thing a device says of itself: the document retained on `device/<id>/state`. Pure.

It holds nothing about plays, people or the home. A device that the broker lost is told by its last will, the same
document with `online` false.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_agent.model.device import Microphone
from edge_agent.model.errors import LinkError
from edge_agent.model.identity import Identifier

MAX_STATE_BYTES = 8 * 2**10

Sentence = Annotated[str, Field(min_length=1, max_length=200)]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ConfigOutcome(StrEnum):
    """What became of the newest signed configuration."""

    APPLIED = "applied"
    REFUSED = "refused"
    ROLLED_BACK = "rolled_back"


class ReportedConfig(_Document):
    """The newest signed configuration that the device has seen and what became of it; `reason` when not used."""

    version: int = Field(ge=0)
    outcome: ConfigOutcome
    reason: Sentence | None = None


class Health(StrEnum):
    """Whether the device does what it is for."""

    OK = "ok"
    DEGRADED = "degraded"
    """Something is missing (microphone, disk space, a hook); `problems` says what."""


class ReportedState(_Document):
    """One device's state. Fields that are not known (yet) are None; `online` false is the last will."""

    v: Literal[1] = 1
    online: bool
    version: Annotated[str, Field(min_length=1, max_length=40)]
    profile: Identifier
    config: ReportedConfig | None = None
    repository_version: int | None = Field(default=None, ge=0)
    health: Health | None = None
    problems: Annotated[tuple[Sentence, ...], Field(max_length=8)] = ()
    microphone: Microphone | None = None

    def to_payload(self) -> bytes:
        """Return the document as UTF-8 JSON, at most MAX_STATE_BYTES."""
        return self.model_dump_json(exclude_none=True).encode()

    @classmethod
    def from_payload(cls, payload: bytes) -> "ReportedState":
        """Read a document that some device published. Raises LinkError when it is not one."""
        if len(payload) > MAX_STATE_BYTES:
            raise LinkError(f"A device state of {len(payload)} bytes is longer than any device writes.")
        try:
            return cls.model_validate_json(payload)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the document"
            raise LinkError(
                f"A device state does not follow its format at {where}: {first['msg']}.",
                "Update the side that is older.",
            ) from error

    @classmethod
    def last_will(cls, version: str, profile: str) -> "ReportedState":
        """Return what the broker is to say of this device once it is gone."""
        return cls(online=False, version=version, profile=profile)
