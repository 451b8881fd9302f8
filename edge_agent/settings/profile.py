"""The device profile: data about a kind of device, shipped in `device_profiles/*.toml`, never code."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from edge_agent.model.device import MomentRule, PlacementPolicy
from edge_agent.model.formats import FormatLimit
from edge_agent.model.identity import Identifier


class DeviceProfile(BaseModel):
    """What one kind of device can do. `standin` marks the virtual devices of the demo, whose clock may be set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Identifier
    title: Annotated[str, Field(min_length=1, max_length=60)]
    kind: Literal["tv", "speaker", "fridge"]
    lang: str = "en"
    standin: bool = False
    formats: tuple[FormatLimit, ...]
    moments: tuple[MomentRule, ...]
    hooks_directory: str
    """Name of a folder in `firmware_hooks/`, or an absolute path."""
    hooks: dict[Literal["show", "say", "stage", "watch", "cue", "microphone"], str]
    voice_source: str = "off"
    wake_phrases: tuple[str, ...] = ()
    budget_bytes: int = Field(default=256 * 2**20, gt=0)
    policy: PlacementPolicy = PlacementPolicy()
