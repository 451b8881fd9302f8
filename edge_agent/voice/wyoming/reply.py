"""What a client is sent. Pure."""

from dataclasses import dataclass
from typing import Final

from edge_agent.model.errors import VoiceError
from edge_agent.voice.wyoming.complaints import code_of
from edge_agent.voice.wyoming.protocol import Message

_TELLING: Final = frozenset({"detection", "transcript"})
"""What tells of something that was heard."""


def refusal(error: VoiceError) -> Message:
    """Return the `error` that tells a client why it is sent away, or not heard."""
    return Message("error", {"text": error.for_person(), "code": code_of(error)})


@dataclass(frozen=True, slots=True)
class Reply:
    """What a client is sent, and whether it `tells` of something that was heard."""

    encoded: bytes
    tells: bool

    @classmethod
    def of(cls, message: Message) -> "Reply":
        """Return a message as a reply."""
        return cls(message.encode(), message.type in _TELLING)
