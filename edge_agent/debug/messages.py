"""The messages of `GET /v1/events`, exactly: one JSON object each, told apart by `type` (docs/http.md)."""

from typing import Literal, TypedDict

from edge_agent.debug.said import SaidView
from edge_agent.debug.shapes import DecisionView, HeardView, PackView, PlayView, ScreenView, SpeakerView, StateView


class Snapshot(TypedDict):
    """Everything at once; the first message of every subscription to `/v1/events`."""

    type: Literal["snapshot"]
    state: StateView
    packs: list[PackView]
    decisions: list[DecisionView]
    plays: list[PlayView]
    screen: ScreenView
    speaker: SpeakerView
    may_act: bool


class StateMessage(TypedDict):
    """Anything in the state changed."""

    type: Literal["state"]
    state: StateView


class HeardMessage(TypedDict):
    """The recogniser heard a phrase of the grammar."""

    type: Literal["heard"]
    heard: HeardView


class WhyMessage(TypedDict):
    """The resident asked why: one sentence."""

    type: Literal["why"]
    reason: str
    said: SaidView


class DecisionMessage(TypedDict):
    """A moment was answered."""

    type: Literal["decision"]
    decision: DecisionView


class PlayMessage(TypedDict):
    """A play began or went on."""

    type: Literal["play"]
    play: PlayView


class PacksMessage(TypedDict):
    """The shelf changed."""

    type: Literal["packs"]
    packs: list[PackView]


class ScreenMessage(TypedDict):
    """The virtual screen changed."""

    type: Literal["screen"]
    screen: ScreenView


class SpeakerMessage(TypedDict):
    """The virtual speaker changed."""

    type: Literal["speaker"]
    speaker: SpeakerView


class DroppedMessage(TypedDict):
    """Ask for the lists again: this subscriber was too slow and lost `count` messages, or everything was erased."""

    type: Literal["dropped"]
    count: int


AgentMessage = StateMessage | HeardMessage | WhyMessage | DecisionMessage | PlayMessage | PacksMessage
"""What the agent puts into its feed."""

LiveMessage = Snapshot | AgentMessage | ScreenMessage | SpeakerMessage | DroppedMessage
"""What `/v1/events` carries."""
